/**
 * What a view says when it could not be loaded: why, and what to do.
 */
import { ApiError } from "./api.js";
import { write } from "../shared/dom.js";
import { timeOfDay } from "./format.js";

/**
 * @param {unknown} error
 * @param {string} what in the plural: “campaigns”
 */
export function failureText(error, what) {
  if (!(error instanceof ApiError)) return `The server is not reachable. The ${what} are loaded as soon as it is back.`;
  if (error.status === 401) return "Your session has ended. Sign out and log in again.";
  if (error.status === 403) {
    const remedy = "A session keeps what it could when it was made; sign out and log in again.";
    return `Your session may not read the ${what}: ${error.message}. ${remedy}`;
  }
  if (error.status >= 500) return `The server could not answer: ${error.message} It is asked again by itself.`;
  return error.message;
}

/**
 * Shows a failure above what was loaded before, or hides it.
 *
 * @param {HTMLElement} notice
 * @param {string} text empty when all is well
 * @param {number | null} [loadedAt] when what is shown was loaded
 */
export function tell(notice, text, loadedAt = null) {
  const asOf = text === "" || loadedAt === null ? "" : ` Shown as of ${timeOfDay(loadedAt)}.`;
  notice.hidden = text === "";
  write(notice, text + asOf);
}
