/**
 * What outlives a reload: position and calls, together or not at all. A position without its calls would resume past what
 * the page no longer knows.
 *
 * @import { Position, Snapshot } from "./types.js"
 */

/** @typedef {{ position: Position, shown: Snapshot }} Kept */

const FORM = 1;
/** Events come in bursts, and one writing serves all of a burst. Whoever leaves the page is waited for. */
const WRITE_MS = 100;

export class Memory {
  #storage;
  #key;
  #read;
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
    if (storage) addEventListener("pagehide", () => this.write());
  }

  /** @returns {Kept | null} */
  recall() {
    try {
      const kept = JSON.parse(this.#storage?.getItem(this.#key) ?? "null");
      return kept?.form === FORM ? kept : null;
    } catch {
      return null;
    }
  }

  /** Writes soon. */
  moved() {
    if (this.#storage) this.#timer ??= setTimeout(() => this.write(), WRITE_MS);
  }

  write() {
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
