/**
 * The name of this tab, by which the server knows it over a reload. Who copies a tab copies its storage, so a lock tells the copy.
 */

const TAB_KEY = "cti tab";
/** A page that is being left holds its lock for a moment. */
const LOCK_MS = 400;

/** @typedef {{ id: string, isCopy: boolean }} Tab */

/** @returns {Promise<Tab>} */
export async function claimTab() {
  const kept = read();
  if (kept !== null && (await lock(kept))) return { id: kept, isCopy: false };
  const id = newId();
  await lock(id);
  try {
    sessionStorage.setItem(TAB_KEY, id);
  } catch {
    // Without storage each load is a tab of its own.
  }
  return { id, isCopy: kept !== null };
}

function read() {
  try {
    return sessionStorage.getItem(TAB_KEY);
  } catch {
    return null;
  }
}

/** Holds the name for as long as the page lives; false when another page holds it. @param {string} id @returns {Promise<boolean>} */
function lock(id) {
  if (navigator.locks === undefined) return Promise.resolve(true);
  return new Promise((resolve) => {
    const held = () => {
      resolve(true);
      return new Promise(() => {});
    };
    navigator.locks.request(`cti tab ${id}`, { signal: AbortSignal.timeout(LOCK_MS) }, held).catch(() => resolve(false));
  });
}

/** `crypto.randomUUID` is missing on a page that came by plain HTTP from another computer. */
function newId() {
  const hex = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, "$1-$2-4$3-8$4-$5");
}
