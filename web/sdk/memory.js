/**
 * What outlives a reload: position and calls, together or not at all. A position without its calls would resume past what
 * the page no longer knows.
 *
 * @import { Position, Snapshot } from "./types.js"
 */

/** The tab's own storage, where the browser lets a page have one: a frame in a page of another site may have none. */
export function tabStorage() {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}

/** @typedef {{ position: Position, shown: Snapshot }} Kept */

const FORM = 2;
/** Events come in bursts, and one writing serves all of a burst. Whoever leaves the page is waited for. */
const WRITE_MS = 100;

export class Memory {
  #storage;
  #key;
  #read;
  /** Ends the wait for the end of the page. @type {AbortController | null} null while nothing is kept */
  #watch = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {Storage | null} storage
   * @param {string} key
   * @param {() => Kept | null} read what is to be kept now
   */
  constructor(storage, key, read) {
    this.#storage = storage;
    this.#key = key;
    this.#read = read;
  }

  /** What an earlier page kept; what nobody can read is as good as nothing. @returns {Kept | null} */
  recall() {
    try {
      const kept = JSON.parse(this.#storage?.getItem(this.#key) ?? "null");
      const isWhole = kept?.form === FORM && Array.isArray(kept.shown?.calls) && Number.isInteger(kept.position?.seq);
      return isWhole ? kept : null;
    } catch {
      return null;
    }
  }

  /** Writes soon. */
  moved() {
    if (this.#storage === null) return;
    this.#timer ??= setTimeout(() => this.#write(), WRITE_MS);
    if (this.#watch !== null) return;
    this.#watch = new AbortController();
    addEventListener("pagehide", () => this.#write(), { signal: this.#watch.signal });
  }

  /** Keeps nothing any more, until something moves. */
  forget() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#watch?.abort();
    this.#watch = null;
    this.#storage?.removeItem(this.#key);
  }

  #write() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const kept = this.#read();
    try {
      if (kept) this.#storage?.setItem(this.#key, JSON.stringify({ form: FORM, ...kept }));
      else this.#storage?.removeItem(this.#key);
    } catch {
      // No room: the next load begins with a snapshot.
      this.#storage?.removeItem(this.#key);
    }
  }
}
