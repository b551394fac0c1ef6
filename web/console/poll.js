/**
 * Asks again and again while somebody looks: never while the page is hidden, and never twice at once.
 */

const EVERY_MS = 5_000;
/** After a failure it is asked less often, up to this. */
const SLOWEST_MS = 30_000;

export class Poll {
  /** @type {(signal: AbortSignal) => Promise<void>} */
  #ask;
  /** @type {(error: unknown) => void} */
  #fail;
  /** @type {AbortController | null} null while stopped */
  #running = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #isAsking = false;
  #failures = 0;

  /**
   * @param {(signal: AbortSignal) => Promise<void>} ask
   * @param {(error: unknown) => void} fail
   */
  constructor(ask, fail) {
    this.#ask = ask;
    this.#fail = fail;
    document.addEventListener("visibilitychange", () => this.#next());
  }

  start() {
    if (this.#running !== null) return;
    this.#running = new AbortController();
    this.#failures = 0;
    this.#next();
  }

  /** What is under way is given up. */
  stop() {
    this.#running?.abort();
    this.#running = null;
    this.#isAsking = false;
    clearTimeout(this.#timer);
  }

  /** Asks at once, for something else than before. */
  again() {
    if (this.#running === null) return;
    this.stop();
    this.start();
  }

  #next() {
    clearTimeout(this.#timer);
    if (this.#running !== null && !this.#isAsking && document.visibilityState === "visible") void this.#once(this.#running);
  }

  /** @param {AbortController} running */
  async #once(running) {
    this.#isAsking = true;
    try {
      await this.#ask(running.signal);
      this.#failures = 0;
    } catch (error) {
      if (running.signal.aborted) return;
      this.#failures += 1;
      this.#fail(error);
    }
    if (running.signal.aborted) return;
    this.#isAsking = false;
    this.#timer = setTimeout(() => this.#next(), Math.min(SLOWEST_MS, EVERY_MS * 2 ** Math.min(this.#failures, 3)));
  }
}
