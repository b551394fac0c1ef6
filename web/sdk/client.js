/**
 * The client of a page: the live calls, the agent's own state, commands, and an event for each change.
 *
 * @import { Cursor } from "./cursor.js"
 * @import { LinkStatus } from "./connection.js"
 * @import { AgentShown, AnswerFrame, Call, EventFrame, SnapshotFrame, WelcomeFrame } from "./wire.js"
 */
import { Connection } from "./connection.js";
import { uuid } from "./wire.js";

export { Connection } from "./connection.js";

/** A command that was not done: `code` is a word of docs/protocol.md, or `closed` when there is no connection any more. */
export class CtiError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/**
 * @typedef {object} Options
 * @property {string} [url] the server's origin; the page's own when absent
 * @property {(signal: AbortSignal) => Promise<string>} ticket fetches a ticket of the agent, from the server or from the page's own back end
 * @property {string} [client] the page's name and version, for the server's log
 * @property {"*" | string[]} [agents] whom to follow, for programs and operators
 * @property {string[]} [types] types of events beside the usual ones
 * @property {Storage | null} [storage] keeps the place over a reload; the tab's own when absent, `null` for none
 */

/**
 * @typedef {object} ConnectionStatus
 * @property {"connecting" | "connected" | "offline" | "closed"} state `closed` is for good
 * @property {string} [reason] for a person to read
 * @property {number} [retryAt] when the next try starts, by `Date.now()`
 */

/** @typedef {{ cursor: Cursor, login: string | null, calls: Call[], agent: AgentShown | null }} Saved */

/**
 * The live calls, the agent's own state, and commands.
 *
 * Events, each with its `detail`: `connection` (a `ConnectionStatus`), `snapshot` (everything is new: read `calls` and `agent`), `call`
 * (`{ call, event }`, after each change; a call in the state `end` is no longer among `calls`), `agent` (an `AgentShown`), `event` (every
 * envelope as it came).
 */
export class CtiClient extends EventTarget {
  /** @type {Connection} */
  #connection;
  /** @type {ConnectionStatus} */
  #status = { state: "connecting" };
  /** @type {Map<string, Call>} */
  #calls = new Map();
  /** @type {AgentShown | null} */
  #agent = null;
  /** @type {string | null} */
  #login = null;
  /** Commands without an answer, by id. They are sent again on the next socket: the server does each once.
   * @type {Map<string, { frame: object, resolve: (value: any) => void, reject: (error: CtiError) => void }>} */
  #pending = new Map();
  #storage;
  #key;

  /** @param {Options} options */
  constructor({ ticket, url, client, agents, types, storage }) {
    super();
    this.#storage = storage === undefined ? tabStorage() : storage;
    this.#key = `cti-gateway ${url ?? location.origin}`;
    const saved = this.#restore();
    this.#connection = new Connection({
      ticket,
      ...(url === undefined ? {} : { url }),
      ...(client === undefined ? {} : { client }),
      ...(agents === undefined ? {} : { agents }),
      ...(types === undefined ? {} : { types }),
      ...(saved === null ? {} : { cursor: saved.cursor }),
      onFrame: (frame) => this.#take(frame),
      onAnswer: (frame) => this.#answered(frame),
      onWelcome: (frame) => this.#welcomed(frame),
      onStatus: (status) => this.#follow(status),
    });
    addEventListener("pagehide", () => this.#save());
  }

  /** How the connection is. */
  get connection() {
    return this.#status;
  }

  /** The live calls, by their dtCallId. */
  get calls() {
    return new Map(this.#calls);
  }

  /** What is shown of the agent; `null` before the first snapshot, and for those who follow others. */
  get agent() {
    return this.#agent;
  }

  /** Connects, or tries at once what was planned for later. */
  connect() {
    this.#connection.connect();
  }

  /** Closes for good. Commands without an answer are rejected; whether they were done shows in the events of the next client. */
  close() {
    this.#connection.close();
    this.#storage?.removeItem(this.#key);
    this.#end("The page has closed the connection.");
  }

  /**
   * Sends a command of docs/protocol.md, at once or as soon as there is a connection.
   *
   * @param {string} verb
   * @param {Record<string, unknown>} [parameters]
   * @returns {Promise<Record<string, unknown>>} what the server says of it
   */
  command(verb, parameters = {}) {
    const id = uuid();
    const frame = { op: "cmd", id, m: verb, p: parameters };
    return new Promise((resolve, reject) => {
      if (this.#status.state === "closed") {
        reject(new CtiError("closed", this.#status.reason ?? "The connection is closed."));
        return;
      }
      this.#pending.set(id, { frame, resolve, reject });
      this.#connection.send(frame);
    });
  }

  /** Waits for calls. */
  ready() {
    return this.command("ready");
  }

  /** @param {string} [reason] */
  notReady(reason) {
    return this.command("not_ready", reason === undefined ? {} : { reason });
  }

  /**
   * @param {string} number
   * @param {Record<string, unknown>} [more] such as `callerId`, `customData`, `phoneCallId`
   */
  dial(number, more = {}) {
    return this.command("dial", { ...more, number });
  }

  /** @param {string} [call] the only one of the agent when absent */
  hangUp(call) {
    return this.command("hangup", call === undefined ? {} : { call });
  }

  /** @param {WelcomeFrame} frame */
  #welcomed(frame) {
    const login = frame.agent ?? null;
    if (this.#login !== null && login !== this.#login) {
      // The tab was another agent's: what it held is not this one's to see.
      this.#login = login;
      this.#calls.clear();
      this.#agent = null;
      this.#connection.forget();
      this.#connection.connect();
      return;
    }
    this.#login = login;
    for (const { frame: command } of this.#pending.values()) this.#connection.send(command);
  }

  /** @param {SnapshotFrame | EventFrame} frame */
  #take(frame) {
    if (frame.op === "snapshot") {
      this.#calls = new Map(frame.calls.map((call) => [call.dtCallId, call]));
      this.#agent = frame.agent?.presence ?? null;
      this.#tell("snapshot", frame);
      return;
    }
    this.#tell("event", frame);
    if (frame.type.startsWith("call.") && typeof frame.data["dtCallId"] === "string") this.#takeCall(frame);
    if (frame.type === "agent.state" && frame.data["agent"] === this.#login) {
      const shown = /** @type {AgentShown} */ (/** @type {unknown} */ (frame.data));
      // What the snapshot knew already may come once more.
      if (shown.version < (this.#agent?.version ?? 0)) return;
      this.#agent = shown;
      this.#tell("agent", shown);
    }
  }

  /** @param {EventFrame} event */
  #takeCall(event) {
    const call = /** @type {Call} */ ({ ...event.data, attempt: event.attempt ?? 1, cv: event.cv ?? 0 });
    if ((this.#calls.get(call.dtCallId)?.cv ?? -1) > (call.cv ?? 0)) return;
    if (call.state === "end") this.#calls.delete(call.dtCallId);
    else this.#calls.set(call.dtCallId, call);
    this.#tell("call", { call, event });
  }

  /** @param {AnswerFrame} frame */
  #answered({ id, d, err }) {
    const waiting = this.#pending.get(id);
    if (waiting === undefined) return;
    this.#pending.delete(id);
    if (err === undefined) waiting.resolve(d ?? {});
    else waiting.reject(new CtiError(err.code, err.message));
  }

  /** @param {LinkStatus} status */
  #follow({ state, reason, retryAt }) {
    const why = { ...(reason === undefined ? {} : { reason }), ...(retryAt === undefined ? {} : { retryAt }) };
    if (state === "live") this.#be({ state: "connected" });
    else if (state === "signed-out" || (state === "offline" && retryAt === undefined)) this.#end(reason ?? "The connection is closed.");
    else this.#be({ state: state === "offline" ? "offline" : "connecting", ...why });
  }

  /** @param {string} reason */
  #end(reason) {
    for (const { reject } of this.#pending.values()) reject(new CtiError("closed", reason));
    this.#pending.clear();
    this.#be({ state: "closed", reason });
  }

  /** @param {ConnectionStatus} status */
  #be(status) {
    if (this.#status.state === status.state && this.#status.reason === status.reason && status.retryAt === undefined) return;
    this.#status = status;
    this.#tell("connection", status);
  }

  /**
   * @param {string} type
   * @param {unknown} detail
   */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** Keeps the place and what was known there, so that the page after a reload misses nothing. */
  #save() {
    const { cursor } = this.#connection;
    if (cursor.position === null || this.#status.state === "closed") return;
    const saved = { cursor, login: this.#login, calls: [...this.#calls.values()], agent: this.#agent };
    this.#storage?.setItem(this.#key, JSON.stringify(saved));
  }

  /**
   * What an earlier page kept; what nobody can read is as good as nothing.
   *
   * @returns {Saved | null}
   */
  #read() {
    try {
      const saved = JSON.parse(this.#storage?.getItem(this.#key) ?? "null");
      return Array.isArray(saved?.calls) ? saved : null;
    } catch {
      return null;
    }
  }

  /** @returns {Saved | null} */
  #restore() {
    const saved = this.#read();
    // One page goes on from it: a copy of the tab would be another.
    this.#storage?.removeItem(this.#key);
    if (saved === null) return null;
    this.#calls = new Map(saved.calls.map((call) => [call.dtCallId, call]));
    this.#agent = saved.agent;
    this.#login = saved.login;
    return saved;
  }
}

/** The tab's storage; a page in a frame whose browser keeps it from storing has none. */
function tabStorage() {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}
