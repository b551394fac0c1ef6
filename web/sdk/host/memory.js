/** What the host keeps over a reload of the tab; where the browser has no storage for it, as long as the page lives. */

/** @type {Map<string, string>} */
const inPage = new Map();

/** @param {string} name @returns {any} null, if there is nothing or nothing readable */
export function recall(name) {
  try {
    return JSON.parse(inPage.get(name) ?? sessionStorage.getItem(`ctihost:${name}`) ?? "null");
  } catch {
    return null;
  }
}

/** @param {string} name @param {unknown} value */
export function keep(name, value) {
  const text = JSON.stringify(value);
  inPage.set(name, text);
  try {
    sessionStorage.setItem(`ctihost:${name}`, text);
  } catch {
    // forbidden or full: the page's own memory has it
  }
}
