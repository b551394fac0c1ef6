/**
 * Words, times and figures as an operator reads them. Pure.
 *
 * @import { CallState } from "../sdk/types.js"
 */

/** @type {Record<CallState, string>} */
export const STATE_WORDS = {
  preview: "Preview",
  incoming: "Incoming",
  ringing: "Ringing",
  talk: "Talking",
  hold: "On hold",
  idle: "Wrap-up",
  end: "Ended",
};

/** @type {Record<string, string>} */
const DIRECTION_WORDS = {
  inbound: "Inbound",
  outbound: "Outbound",
  clicktocall: "Click to call",
  transfer: "Transfer",
  ccOutbound: "Campaign",
};

/** @type {Record<string, string>} */
export const PRESENCE_WORDS = {
  offline: "Offline",
  not_ready: "Not ready",
  ready: "Ready",
  reserved: "Reserved",
  ringing: "Ringing",
  on_call: "On a call",
  wrap_up: "Wrap-up",
};

/** @param {string | null} direction */
export function directionWord(direction) {
  return direction === null ? "" : (DIRECTION_WORDS[direction] ?? direction);
}

/** @param {string | null | undefined} presence */
export function presenceWord(presence) {
  return presence ? (PRESENCE_WORDS[presence] ?? presence) : "";
}

/** @param {string} state */
export function stateWord(state) {
  return STATE_WORDS[/** @type {CallState} */ (state)] ?? presenceWord(state);
}

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const GROUPED = new Intl.NumberFormat();

/**
 * The time of day where the operator sits.
 *
 * @param {string | number} instant
 */
export function timeOfDay(instant) {
  const date = new Date(instant);
  return Number.isNaN(date.getTime()) ? String(instant) : CLOCK.format(date);
}

/** @param {number} n */
export function grouped(n) {
  return GROUPED.format(n);
}

/**
 * @param {number} n
 * @param {string} noun
 */
export function counted(n, noun) {
  return `${grouped(n)} ${noun}${n === 1 ? "" : "s"}`;
}

/**
 * A part of a whole, as 2.1 %. Nothing of nothing is no share.
 *
 * @param {number} part
 * @param {number} whole
 */
export function share(part, whole) {
  return whole === 0 ? "–" : `${SHARE.format((100 * part) / whole)}\u00a0%`;
}

const SHARE = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" });
const MINUTE = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

/**
 * The time of day, and the day when that is another one.
 *
 * @param {string | number} instant
 * @param {number} now
 */
export function dayAndTime(instant, now) {
  const date = new Date(instant);
  if (Number.isNaN(date.getTime())) return String(instant);
  const isToday = date.toDateString() === new Date(now).toDateString();
  return isToday ? MINUTE.format(date) : `${DAY.format(date)}, ${MINUTE.format(date)}`;
}

/**
 * How long ago: 12 s, 5 min, 3 h, 2 days.
 *
 * @param {number} ms
 */
export function span(ms) {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`;
}

/**
 * @param {string | null} instant
 * @param {number} now
 */
export function ago(instant, now) {
  return instant === null ? "never" : `${span(now - Date.parse(instant))} ago`;
}

/**
 * A duration below a second, from microseconds: 0.4 ms, 12 ms, 1.5 s.
 *
 * @param {number} us
 */
export function brief(us) {
  if (us >= 1_000_000) return `${(us / 1_000_000).toFixed(1)} s`;
  return us >= 10_000 ? `${Math.round(us / 1_000)} ms` : `${(us / 1_000).toFixed(1)} ms`;
}

/** @type {Record<string, string>} why an agent is not ready, where we say so ourselves */
const REASON_WORDS = {
  softphone_lost: "softphone lost",
  missed_call: "missed a call",
  missed_preview: "missed a preview",
};

/** @param {string | null | undefined} reason */
export function reasonWord(reason) {
  return reason ? (REASON_WORDS[reason] ?? reason) : "";
}
