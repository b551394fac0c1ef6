/**
 * A call through time: its entries as steps, each with the call as it stood then, and its states with how long they lasted. Pure.
 *
 * @import { CallObject, Envelope } from "../sdk/types.js"
 * @import { StateRow } from "./shapes.js"
 */
import { presenceWord, reasonWord, stateWord } from "./format.js";

/**
 * @typedef {object} Step
 * @property {number} seq
 * @property {string} type
 * @property {string} at
 * @property {string} source
 * @property {string | null} state of the call, then
 * @property {string} text what happened
 * @property {CallObject | null} call as it stood then
 * @property {CallObject | null} before as it stood before
 * @property {string[]} changed fields that hold something else than before
 */

/** @typedef {{ state: string, word: string, agent: string | null, from: number, to: number, isOpen: boolean }} Segment */

/** What changes with every entry and says nothing. */
const SILENT = new Set(["until", "verbs"]);
/** What every call says of itself. */
const CONSTANT = new Set(["type", "dtCallId", "capabilities"]);

/** @type {Record<string, { state: string, word: string }>} the records' words for states */
const SEGMENTS = {
  preview: { state: "preview", word: "Preview" },
  ring: { state: "ringing", word: "Ringing" },
  talk: { state: "talk", word: "Talking" },
  hold: { state: "hold", word: "On hold" },
  idle: { state: "idle", word: "Wrap-up" },
  busy: { state: "end", word: "Busy" },
  "no answer": { state: "end", word: "No answer" },
  "error on dial": { state: "end", word: "Failed" },
};

/**
 * @param {readonly Envelope[]} entries oldest first
 * @returns {Step[]}
 */
export function stepsOf(entries) {
  /** @type {CallObject | null} */
  let call = null;
  return entries.map(({ seq, type, occurredAt, source, agent, data }) => {
    const before = call;
    if (type.startsWith("call.") && "dtCallId" in data) call = data;
    const changed = call === before ? [] : fieldsThatDiffer(before, call);
    const text = textOf(type, agent, data, before, changed);
    return { seq, type, at: occurredAt, source, state: call?.state ?? null, text, call, before, changed };
  });
}

/**
 * @param {CallObject | null} before
 * @param {CallObject | null} after
 */
function fieldsThatDiffer(before, after) {
  const [a, b] = /** @type {Record<string, unknown>[]} */ ([before ?? {}, after ?? {}]);
  if (before === null || a === undefined || b === undefined) return [];
  return Object.keys(b).filter((name) => !SILENT.has(name) && JSON.stringify(a[name]) !== JSON.stringify(b[name]));
}

/**
 * @param {string} type
 * @param {string | null} agent
 * @param {any} data
 * @param {CallObject | null} before
 * @param {string[]} changed
 */
function textOf(type, agent, data, before, changed) {
  switch (type) {
    case "call.state":
      return [
        stateWord(data.state ?? "") || "Known",
        agent ? ` at ${agent}` : "",
        before === null && data.phone ? ` · ${data.phone}` : "",
      ].join("");
    case "call.updated":
      return changed.length === 0 ? "Nothing that shows" : `Changed: ${changed.map(fieldWord).join(", ").toLowerCase()}`;
    case "call.result":
      return `Came out: ${data.outcome ?? "not known"}`;
    case "call.ordered":
      return `Ordered: ${data.verb ?? "something"}`;
    case "call.order_failed":
      return `Refused: ${data.verb}: ${data.message}`;
    case "agent.state":
      return [`${data.agent}: ${presenceWord(data.state)}`, reasonWord(data.reason)].filter(Boolean).join(", ");
    case "lead.dialed":
    case "lead.presented":
      return `Lead ${type === "lead.dialed" ? "dialed" : "presented"}${data.campaign ? ` for ${data.campaign}` : ""}`;
    default:
      return type;
  }
}

/**
 * The states that a call entered. One that lasts goes on until now.
 *
 * @param {readonly StateRow[]} rows oldest first
 * @param {number} now
 * @returns {Segment[]}
 */
export function segmentsOf(rows, now) {
  return rows.map(({ eventName, enteredAt, duration, agent }) => {
    const from = Date.parse(enteredAt);
    const isOpen = duration === null;
    const { state, word } = SEGMENTS[eventName] ?? { state: "end", word: eventName };
    return { state, word, agent, from, to: isOpen ? Math.max(now, from) : from + duration, isOpen };
  });
}

/** @type {Record<string, string>} */
const FIELD_WORDS = {
  state: "State",
  stateTime: "Since",
  direction: "Direction",
  phone: "Number",
  outcome: "Outcome",
  fromType: "From",
  fromId: "From, id",
  fromName: "From, name",
  toType: "To",
  toId: "To, id",
  toName: "To, name",
  agentId: "Agent",
  extension: "Extension",
  dnis: "Dialed number",
  queueDn: "Queue",
  callStatus: "Call status",
  callId: "PBX id",
  id: "CRM's id",
  customData: "Custom data",
  recordingUrl: "Recording",
  notes: "Notes",
  leadId: "Lead",
  campaign: "Campaign",
  isCallback: "Promised call",
  retryDatetime: "Tried again at",
  verbs: "Can be asked now",
  until: "Ends by itself",
};

/** @param {string} field */
export function fieldWord(field) {
  return FIELD_WORDS[field] ?? field;
}

/**
 * The fields of a call that say something, in the order in which one reads them, with what they held before where that differs.
 *
 * @param {Step} step
 * @returns {{ field: string, value: string, was: string | null }[]}
 */
export function fieldsOf({ call, before, changed }) {
  if (call === null) return [];
  const now = /** @type {Record<string, unknown>} */ (/** @type {unknown} */ (call));
  const then = /** @type {Record<string, unknown>} */ (/** @type {unknown} */ (before ?? {}));
  const names = [...Object.keys(FIELD_WORDS), ...Object.keys(now).filter((name) => !(name in FIELD_WORDS))];
  return names
    .filter((name) => name in now && !CONSTANT.has(name) && (changed.includes(name) || valueOf(now[name]) !== ""))
    .map((field) => ({ field, value: valueOf(now[field]), was: changed.includes(field) ? valueOf(then[field]) : null }));
}

/** @param {unknown} value */
function valueOf(value) {
  if (value === null || value === undefined || value === false) return "";
  if (Array.isArray(value)) return value.join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
