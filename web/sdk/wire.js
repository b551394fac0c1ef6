/**
 * The shapes that the server sends, as types, and the one place that reads a frame.
 */

/** @typedef {"preview" | "incoming" | "ringing" | "talk" | "hold" | "idle" | "end"} CallState `idle` is wrap-up: the line is free, the agent still writes */

/**
 * @typedef {object} Call a call object of docs/protocol.md
 * @property {string} dtCallId
 * @property {CallState | null} state null while the call is presented to nobody
 * @property {string | null} stateTime when this state was entered
 * @property {string | null} direction inbound, outbound, clicktocall, transfer or ccOutbound
 * @property {string | null} phone the other side's number
 * @property {string | null} outcome
 * @property {string | number | null} agentId
 * @property {string | null} [fromName]
 * @property {string | null} [toName]
 * @property {string[]} [verbs] what can be wished of it now
 * @property {number} [attempt] present in a snapshot; an event names it in its envelope
 * @property {number} [cv] the call's version, present in a snapshot
 */

/**
 * @typedef {object} AgentShown what is shown of an agent
 * @property {string} agent his login
 * @property {"offline" | "not_ready" | "ready" | "reserved" | "ringing" | "on_call" | "wrap_up"} state
 * @property {string} since
 * @property {string | null} reason
 * @property {{ mode: string, reason?: string } | null} next
 * @property {string | null} call
 * @property {number} version
 */

/**
 * @typedef {object} EventFrame one entry of the account's journal
 * @property {"ev"} op
 * @property {number} seq
 * @property {number} prev the `seq` of this socket's previous event
 * @property {string} epoch
 * @property {string} type
 * @property {string | null} [call]
 * @property {number | null} [attempt]
 * @property {number | null} [cv]
 * @property {string | null} [agent] a login
 * @property {string} occurredAt
 * @property {Record<string, unknown>} data a `Call` when the type begins with `call.`
 */

/**
 * @typedef {object} WelcomeFrame
 * @property {"welcome"} op
 * @property {string | null} [agent] the login whose socket it is
 * @property {string} epoch
 * @property {number} head
 * @property {number} ping milliseconds between two pings
 * @property {"live" | "replay" | "reset"} resume
 */

/**
 * @typedef {object} SnapshotFrame
 * @property {"snapshot"} op
 * @property {number} seq
 * @property {Call[]} calls
 * @property {{ login: string, presence?: AgentShown } | null} [agent]
 */

/**
 * @typedef {object} AnswerFrame
 * @property {"res"} op
 * @property {string} id
 * @property {boolean} [ok]
 * @property {Record<string, unknown>} [d]
 * @property {{ code: string, message: string }} [err]
 */

/** @typedef {{ op: "mark", seq: number, live: boolean }} MarkFrame */
/** @typedef {{ op: "ping", seq: number }} PingFrame */
/** @typedef {WelcomeFrame | SnapshotFrame | EventFrame | MarkFrame | PingFrame | AnswerFrame} Frame */

export const PROTOCOL = "cti.v1.json";

const KNOWN = new Set(["welcome", "snapshot", "ev", "mark", "ping", "res"]);

/**
 * Reads one text frame. An operation that this client does not know is `null`, so that a newer server may add some.
 *
 * @param {string} text
 * @returns {Frame | null}
 */
export function readFrame(text) {
  const frame = JSON.parse(text);
  return KNOWN.has(frame?.op) ? frame : null;
}

/** A random UUID. `crypto.randomUUID` is missing on a page that came by plain HTTP from another computer. */
export function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (Number(bytes[6]) & 0x0f) | 0x40;
  bytes[8] = (Number(bytes[8]) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
