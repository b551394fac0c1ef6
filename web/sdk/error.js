/** What goes wrong, in one form: a word for programs and a text for people. */

export class CtiError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {{ status?: number, retryAfterMs?: number, field?: string }} [more]
   */
  constructor(code, message, { status = 0, retryAfterMs = 0, field } = {}) {
    super(message);
    this.name = "CtiError";
    this.code = code;
    /** Of an HTTP answer; else 0. */
    this.status = status;
    /** How long the server asks to wait. */
    this.retryAfterMs = retryAfterMs;
    /** The name of the wrong value, when the server names one. */
    this.field = field ?? null;
  }
}
