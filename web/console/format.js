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
const PRESENCE_WORDS = {
  offline: "Signed off",
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

/**
 * 0:07, 12:30, 1:02:03. Two clocks may differ a little: the past is never negative.
 *
 * @param {number} ms
 */
export function duration(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const [h, m, s] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
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
