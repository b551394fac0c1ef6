/**
 * The shapes that the server sends, as types, and the one place that reads a frame.
 *
 * @typedef {"preview" | "incoming" | "ringing" | "talk" | "hold" | "idle" | "end"} CallState
 * `idle` is wrap-up: the line is free, the agent still writes.
 */

/**
 * @typedef {object} Call
 * @property {string} dtCallId
 * @property {CallState | null} state null while the call is presented to nobody
 * @property {string | null} stateTime when this state was entered
 * @property {string | null} direction inbound, outbound, clicktocall, transfer or ccOutbound
 * @property {string | null} phone the customer's number
 * @property {string | null} outcome
 * @property {string | number | null} agentId
 * @property {string | null} [fromName]
 * @property {string | null} [toName]
 * @property {number} [attempt] present in a snapshot; an event names it in its envelope
 * @property {number} [cv] the call's version, present in a snapshot
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
 */

/** @typedef {{ op: "mark", seq: number, live: boolean }} MarkFrame */
/** @typedef {{ op: "ping", seq: number }} PingFrame */
/** @typedef {WelcomeFrame | SnapshotFrame | EventFrame | MarkFrame | PingFrame} Frame */

/**
 * @typedef {object} Agent
 * @property {number | string} id
 * @property {string} login
 * @property {string | null} [name]
 * @property {string | null} [number]
 * @property {string | null} [state] presence: ready, not_ready, …
 */

export const PROTOCOL = "cti.v1.json";

const KNOWN = new Set(["welcome", "snapshot", "ev", "mark", "ping"]);

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
