/**
 * Requests to the native API with the session's bearer, and what the server's clock says.
 */

import { say } from "./strings.js";

/** What the server refused, or that it did not answer. */
export class Refused extends Error {
  /**
   * @param {number} status 0 when there was no answer
   * @param {string} code
   * @param {string} message
   * @param {string | null} [field]
   */
  constructor(status, code, message, field = null) {
    super(message);
    this.status = status;
    this.code = code;
    this.field = field;
  }
}

export class SoftApi {
  /** The bearer; null while nobody is signed in. @type {string | null} */
  token = null;
  /** How far this machine's clock is ahead of the server's, in ms. */
  #ahead = 0;

  /** The time by the server's clock. */
  now() {
    return Date.now() - this.#ahead;
  }

  /**
   * @param {string} method
   * @param {string} path below /api/v1
   * @param {object} [body]
   * @param {Record<string, string>} [headers]
   * @returns {Promise<any>}
   */
  async ask(method, path, body, headers = {}) {
    const answer = await fetch(`/api/v1${path}`, {
      method,
      headers: {
        ...(body && { "Content-Type": "application/json" }),
        ...(this.token !== null && { Authorization: `Bearer ${this.token}` }),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
      cache: "no-store",
      credentials: "omit",
    }).catch(() => {
      throw new Refused(0, "no_answer", say("notThere"));
    });
    const date = Date.parse(answer.headers.get("Date") ?? "");
    // The header has whole seconds: half of one is a fair guess.
    if (Number.isFinite(date)) this.#ahead = Date.now() - date - 500;
    const said = answer.status === 204 ? null : await answer.json().catch(() => null);
    if (answer.ok) return said;
    const { code = "failed", message = `Status ${answer.status}.`, field = null } = said?.error ?? {};
    throw new Refused(answer.status, code, message, field);
  }

  /** @param {string} path */
  get(path) {
    return this.ask("GET", path);
  }
}
