/**
 * What is written and not yet saved, kept by the tab over a reload. Where there is no storage, or no room, it lives as long as the page.
 */

/** @param {string} name @returns {any} null when there is none */
export function recallDraft(name) {
  try {
    return JSON.parse(sessionStorage.getItem(name) ?? "null");
  } catch {
    return null;
  }
}

/** @param {string} name @param {unknown} draft null when there is none any more */
export function keepDraft(name, draft) {
  try {
    if (draft === null) sessionStorage.removeItem(name);
    else sessionStorage.setItem(name, JSON.stringify(draft));
  } catch {
    // A reload loses it then, saving does not.
  }
}
