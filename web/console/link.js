/**
 * What the console says of its connection, in its own words: an operator wants to know whether he sees the present.
 *
 * @import { ConnectionStatus } from "../sdk/types.js"
 */

/** @typedef {"connecting" | "live" | "offline" | "signed-out"} LinkState */

/**
 * @typedef {object} LinkStatus
 * @property {LinkState} state
 * @property {string} [reason] why it is offline or signed out, for a person to read
 * @property {number} [retryAt] when the next try starts, by `Date.now()`; offline without it has given up
 */

/** What the operator reads when it is over, by the client's word. */
const CLOSED = new Map([
  ["ticket", "The server refused two tickets in a row."],
  ["protocol", "The server did not understand this page. Reload it."],
  ["superseded", "This console was opened anew elsewhere."],
  ["forbidden", "This login may not watch the calls of the account."],
]);

/**
 * @param {ConnectionStatus} status
 * @returns {LinkStatus}
 */
export function linkStatus({ state, code = "", reason = "", retryAt }) {
  if (state === "connected") return { state: "live" };
  if (state === "reconnecting" && retryAt !== undefined) return { state: "offline", reason, retryAt };
  if (state !== "closed") return { state: "connecting", reason };
  if (code === "unauthorized") return { state: "signed-out", reason: "Your session has ended. Log in again." };
  return { state: "offline", reason: CLOSED.get(code) ?? reason };
}
