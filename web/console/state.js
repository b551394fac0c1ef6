/**
 * What the page knows: the calls that live, the agents, the newest events. Pure: every function takes a state and
 * returns the next one, and the time is an argument.
 *
 * @import { Call, CallState, Envelope, SnapshotFrame } from "../sdk/types.js"
 * @import { Agent } from "./shapes.js"
 */

/**
 * @typedef {object} HeldCall
 * @property {Call} call
 * @property {CallState} state
 * @property {string | null} agent the login that the newest event named
 * @property {number} attempt
 * @property {number} cv
 * @property {number | null} endedAt when its end arrived here; it fades from then on
 */

/**
 * @typedef {object} EventRow one line of the event list
 * @property {string} key
 * @property {number} seq
 * @property {string} type `resync` is ours: a snapshot took the place of events that this page did not see
 * @property {string} time
 * @property {string | null} state
 * @property {string | null} outcome
 * @property {string | null} agent
 * @property {string | null} number
 * @property {string | null} call
 */

/**
 * @typedef {object} State
 * @property {ReadonlyMap<string, HeldCall>} calls by dtCallId
 * @property {ReadonlyMap<string, Agent>} agents by login
 * @property {readonly EventRow[]} events newest first
 * @property {number} seen events since the log-in
 * @property {number} resyncs snapshots that replaced what was held
 * @property {boolean} anchored whether a first snapshot has come
 * @property {boolean} anyCall whether a call was ever shown
 */

/** How many events can be filtered; the list shows fewer. */
const EVENTS_MAX = 1_000;
const FADE_MS = 4_000;

/** @type {Readonly<State>} */
export const EMPTY = Object.freeze({
  calls: new Map(),
  agents: new Map(),
  events: [],
  seen: 0,
  resyncs: 0,
  anchored: false,
  anyCall: false,
});

/**
 * A snapshot replaces every call.
 *
 * @param {State} state
 * @param {Pick<SnapshotFrame, "calls" | "seq">} snapshot
 * @param {string} time for the line that says so
 * @returns {State}
 */
export function replace(state, snapshot, time) {
  const held = snapshot.calls
    .filter(({ state }) => state !== "end")
    .map((call) => hold(call, null, call.attempt, call.cv))
    .filter((call) => call !== null);
  const calls = new Map(held.map((held) => [held.call.dtCallId, held]));
  const next = { ...state, calls, anchored: true, anyCall: state.anyCall || calls.size > 0 };
  if (!state.anchored) return next;
  const resyncs = state.resyncs + 1;
  const row = { ...BLANK_ROW, key: `resync-${resyncs}`, seq: snapshot.seq, type: "resync", time };
  return { ...next, resyncs, events: [row, ...state.events].slice(0, EVENTS_MAX) };
}

/**
 * One event. While catching up (`live` false) an ended call goes at once: nobody watched it live.
 *
 * @param {State} state
 * @param {Envelope} event
 * @param {number} now
 * @param {boolean} live
 * @returns {State}
 */
export function hear(state, event, now, live) {
  const heard = { ...state, seen: state.seen + 1, events: [rowOf(event), ...state.events].slice(0, EVENTS_MAX) };
  if (event.type === "agent.state") return { ...heard, agents: withPresence(state.agents, event) };
  if (!event.type.startsWith("call.")) return heard;
  const calls = withCall(state.calls, event, now, live);
  return { ...heard, calls, anyCall: state.anyCall || calls.size > 0 };
}

/**
 * Drops the calls that have faded.
 *
 * @param {State} state
 * @param {number} now
 * @returns {State}
 */
export function fade(state, now) {
  const stays = [...state.calls].filter(([, { endedAt }]) => endedAt === null || now - endedAt < FADE_MS);
  return stays.length === state.calls.size ? state : { ...state, calls: new Map(stays) };
}

/**
 * The list of agents was read. Of whom an event told while it was on its way, the event holds.
 *
 * @param {State} state
 * @param {Agent[]} agents
 * @param {ReadonlyMap<string, Agent>} before whom we knew when it was asked for
 * @returns {State}
 */
export function meet(state, agents, before) {
  const newest = (/** @type {Agent} */ agent) => {
    const known = state.agents.get(agent.login);
    return known === undefined || known === before.get(agent.login) ? agent : { ...agent, ...presenceOf(known) };
  };
  return { ...state, agents: new Map(agents.map((agent) => [agent.login, newest(agent)])) };
}

/**
 * How many agents are in each state.
 *
 * @param {Board} board
 * @returns {Map<string, number>}
 */
export function headcount({ lanes }) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { agent } of lanes) counts.set(agent.state ?? "offline", (counts.get(agent.state ?? "offline") ?? 0) + 1);
  return counts;
}

/** @param {Partial<Agent>} agent */
function presenceOf({ state = null, since = null, reason = null, next = null, signedIn = state !== "offline" }) {
  return { state, since, reason, next, signedIn };
}

/** @type {Partial<Record<CallState, string>>} */
const BY_CALL = { preview: "reserved", incoming: "ringing", ringing: "ringing", talk: "on_call", hold: "on_call", idle: "wrap_up" };

/**
 * Who is not signed in has no state of his own, and no event tells of one: what he does follows from his calls.
 *
 * @param {Agent} agent
 * @param {HeldCall[]} calls
 * @returns {Agent}
 */
function withDoing(agent, calls) {
  if (agent.signedIn) return agent;
  const live = calls.find(({ endedAt }) => endedAt === null);
  if (live === undefined) return { ...agent, state: "offline", since: null };
  return { ...agent, state: BY_CALL[live.state] ?? "offline", since: live.call.stateTime };
}

/**
 * @typedef {object} Board the calls as the page groups them
 * @property {{ agent: Agent, calls: HeldCall[] }[]} lanes one per agent, by name
 * @property {HeldCall[]} unassigned
 * @property {string[]} strangers logins that hold calls and are not in the list of agents
 */

/**
 * @param {State} state
 * @returns {Board}
 */
export function board({ calls, agents }) {
  const lanes = new Map([...agents.values()].map((agent) => [agent.login, { agent, calls: /** @type {HeldCall[]} */ ([]) }]));
  const logins = new Map([...agents.values()].map(({ id, login }) => [String(id), login]));
  const unassigned = [];
  const strangers = [];
  for (const held of calls.values()) {
    const login = ownerOf(held, agents, logins);
    if (login === null) {
      unassigned.push(held);
      continue;
    }
    let lane = lanes.get(login);
    if (!lane) {
      lane = { agent: { id: login, login }, calls: [] };
      lanes.set(login, lane);
      strangers.push(login);
    }
    lane.calls.push(held);
  }
  const byName = new Intl.Collator(undefined, { numeric: true }).compare;
  const sorted = [...lanes.values()].sort((a, b) => byName(nameOf(a.agent), nameOf(b.agent)));
  const doing = sorted.map(({ agent, calls }) => ({ agent: withDoing(agent, calls), calls }));
  return { lanes: doing, unassigned, strangers };
}

/** @param {Agent} agent */
export function nameOf({ name, login }) {
  return name || login;
}

/**
 * The call object says whose it is, by login or by id; else the event that brought it does.
 *
 * @param {HeldCall} held
 * @param {ReadonlyMap<string, Agent>} agents
 * @param {ReadonlyMap<string, string>} logins by the agent's id
 * @returns {string | null}
 */
function ownerOf({ call, agent }, agents, logins) {
  const id = call.agentId === null || call.agentId === undefined ? "" : String(call.agentId);
  if (agents.has(id)) return id;
  return logins.get(id) ?? agent ?? (id || null);
}

/**
 * @param {ReadonlyMap<string, HeldCall>} calls
 * @param {Envelope} event
 * @param {number} now
 * @param {boolean} live
 */
function withCall(calls, event, now, live) {
  const data = /** @type {Call} */ (/** @type {unknown} */ (event.data));
  const id = event.call ?? data.dtCallId;
  const older = calls.get(id);
  const attempt = event.attempt ?? older?.attempt ?? 1;
  const cv = event.cv ?? older?.cv ?? 0;
  if (older && (attempt < older.attempt || (attempt === older.attempt && cv < older.cv))) return calls;
  const next = new Map(calls);
  const held = hold({ ...older?.call, ...data, dtCallId: id }, event.agent ?? null, attempt, cv);
  if (held?.state === "end") {
    // News about a call that has left the list, such as its recording, does not bring it back.
    if (!older) return calls;
    held.endedAt = older.endedAt ?? now;
  }
  if (held === null || (held.state === "end" && !live)) next.delete(id);
  else next.set(id, held);
  return next;
}

/**
 * @param {Call} call
 * @param {string | null} agent
 * @param {number} [attempt]
 * @param {number} [cv]
 * @returns {HeldCall | null} null when nobody is presented with it yet
 */
function hold(call, agent, attempt = 1, cv = 0) {
  return call.state ? { call, state: call.state, agent, attempt, cv, endedAt: null } : null;
}

/**
 * @param {ReadonlyMap<string, Agent>} agents
 * @param {Envelope} event
 */
function withPresence(agents, { agent: login, data }) {
  const agent = login && agents.get(login);
  if (!agent || typeof data.state !== "string") return agents;
  return new Map(agents).set(login, { ...agent, ...presenceOf(data) });
}

const BLANK_ROW = { state: null, outcome: null, agent: null, number: null, call: null };

/**
 * @param {Envelope} event
 * @returns {EventRow}
 */
function rowOf({ epoch, seq, type, occurredAt, agent, call, data }) {
  return {
    key: `${epoch}-${seq}`,
    seq,
    type,
    time: occurredAt,
    state: text(data.state),
    outcome: text(data.outcome),
    agent: agent ?? text(data.agentId),
    number: text(data.phone) ?? text(data.number),
    call: call ?? null,
  };
}

/** @param {unknown} value */
function text(value) {
  return value === null || value === undefined || value === "" ? null : String(value);
}
