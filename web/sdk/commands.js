/**
 * The commands that wait for their answers. One that was on its way when the connection broke is sent again under the same
 * id, which the server does once; one that is not answered in time is never sent again.
 *
 * @import { CommandOptions, ResFrame } from "./types.js"
 */
import { CtiError } from "./error.js";

const TIMEOUT_MS = 30_000;
const FRAME_MAX_BYTES = 16_384;
/** The server asks to try again when it is busy: a moment later, not all at once. */
const BUSY_MS = 1_000;

/**
 * @typedef {object} Waiting
 * @property {object} frame
 * @property {Promise<any>} answer
 * @property {(answer: any) => void} resolve
 * @property {(error: CtiError) => void} reject
 */

export class Commands {
  /** @type {Map<string, Waiting>} by id, in the order in which they were given */
  #waiting = new Map();
  #send;

  /** @param {(frame: object) => boolean} send */
  constructor(send) {
    this.#send = send;
  }

  /**
   * @param {string} verb
   * @param {object} parameters
   * @param {CommandOptions} options
   * @returns {Promise<any>}
   */
  give(verb, parameters, { id = uuid(), timeoutMs = TIMEOUT_MS }) {
    const known = this.#waiting.get(id);
    if (known) return known.answer;
    const frame = { op: "cmd", id, m: verb, p: parameters };
    if (new TextEncoder().encode(JSON.stringify(frame)).length > FRAME_MAX_BYTES) {
      return Promise.reject(new CtiError("invalid", "The command is longer than 16 KiB."));
    }
    const { promise, resolve, reject } = withResolvers();
    this.#waiting.set(id, { frame, answer: promise, resolve, reject });
    const late = new CtiError("timeout", "No answer came in time: look at the call before you try again.");
    const timer = setTimeout(() => this.#settle(id)?.reject(late), timeoutMs);
    const done = () => clearTimeout(timer);
    promise.then(done, done);
    this.#send(frame);
    return promise;
  }

  /** After welcome: whatever has no answer yet is asked again. */
  again() {
    for (const { frame } of this.#waiting.values()) this.#send(frame);
  }

  /** @param {ResFrame} frame */
  hear({ id, d, err }) {
    if (err?.code === "busy") {
      setTimeout(() => this.#resend(id), BUSY_MS * (0.5 + Math.random()));
    } else if (err) {
      this.#settle(id)?.reject(new CtiError(err.code, err.message, err.field ? { field: err.field } : {}));
    } else {
      this.#settle(id)?.resolve(d);
    }
  }

  /** @param {CtiError} error */
  giveUp(error) {
    for (const id of [...this.#waiting.keys()]) this.#settle(id)?.reject(error);
  }

  /** @param {string} id */
  #resend(id) {
    const waiting = this.#waiting.get(id);
    if (waiting) this.#send(waiting.frame);
  }

  /** @param {string} id */
  #settle(id) {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }
}

/** As `Promise.withResolvers`, which browsers of two years ago lack. */
function withResolvers() {
  /** @type {(value: any) => void} */
  let resolve = () => {};
  /** @type {(error: CtiError) => void} */
  let reject = () => {};
  /** @type {Promise<any>} */
  const promise = new Promise((yes, no) => ([resolve, reject] = [yes, no]));
  return { promise, resolve, reject };
}

/** A random UUID. `crypto.randomUUID` is missing on a page that came by plain HTTP from another computer. */
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (Number(bytes[6]) & 0x0f) | 0x40;
  bytes[8] = (Number(bytes[8]) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
