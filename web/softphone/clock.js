/**
 * Times as an agent reads them. Pure.
 */

/**
 * 0:07, 12:30, 1:02:03. Two clocks may differ a little: the past is never negative.
 *
 * @param {number} ms
 */
export function clockText(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const [h, m, s] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Hours and minutes, with the day where it is not today. @param {string} iso */
export function momentText(iso) {
  const at = new Date(iso);
  const isToday = at.toDateString() === new Date().toDateString();
  const time = { hour: "2-digit", minute: "2-digit" };
  return at.toLocaleString([], /** @type {Intl.DateTimeFormatOptions} */ (isToday ? time : { ...time, day: "numeric", month: "short" }));
}
