/**
 * What is told of a call to the page that frames us, once for all tabs of it: a ring that began and ended, a record that was shown.
 * Browsers keep this storage apart by the page that frames us, which is just whom it is for.
 */

const ONCE_KEY = "cti told";
/** Calls of long ago are forgotten. */
const ONCE_MAX = 200;

/**
 * Whether this has not been said of this call; from then on it has.
 *
 * @param {string} call
 * @param {string} what
 */
export function firstTime(call, what) {
  const told = recall();
  const name = `${call} ${what}`;
  if (told.includes(name)) return false;
  remember([...told, name]);
  return true;
}

/** The calls of which the first was said and the second was not. @param {string} first @param {string} second @returns {string[]} */
export function halfTold(first, second) {
  const told = recall();
  const calls = told.filter((name) => name.endsWith(` ${first}`)).map((name) => name.slice(0, -first.length - 1));
  return calls.filter((call) => !told.includes(`${call} ${second}`));
}

/** Without storage, what this page remembers. @type {string[]} */
let ownMemory = [];

/** @returns {string[]} */
function recall() {
  try {
    const kept = JSON.parse(localStorage.getItem(ONCE_KEY) ?? "null");
    return Array.isArray(kept) ? kept : ownMemory;
  } catch {
    return ownMemory;
  }
}

/** @param {string[]} told */
function remember(told) {
  ownMemory = told.slice(-ONCE_MAX);
  try {
    localStorage.setItem(ONCE_KEY, JSON.stringify(ownMemory));
  } catch {
    // A frame without storage remembers for as long as it lives.
  }
}
