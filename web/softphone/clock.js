/**
 * Moments as an agent reads them. Pure.
 */

/** Hours and minutes, with the day where it is not today. @param {string} iso */
export function momentText(iso) {
  const at = new Date(iso);
  const isToday = at.toDateString() === new Date().toDateString();
  const time = { hour: "2-digit", minute: "2-digit" };
  return at.toLocaleString([], /** @type {Intl.DateTimeFormatOptions} */ (isToday ? time : { ...time, day: "numeric", month: "short" }));
}
