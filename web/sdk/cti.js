/**
 * The client of the softphone socket for pages: calls and the agent's state as they are, events without a gap, commands that
 * are done once. docs/sdk.md is its manual.
 *
 * @import { CommandOptions, CtiEvents, CtiOptions, DialOptions, EventFrame, Frame, Lease, Presence } from "./types.js"
 */
import { Commands } from "./commands.js";
import { CtiError } from "./error.js";
import { Link } from "./link.js";
import { Memory, tabStorage } from "./memory.js";
import { ticketSource } from "./ticket.js";
import { View } from "./view.js";

export { CtiError };

/** @typedef {{ [Name in keyof CtiEvents]: Set<(detail: CtiEvents[Name]) => void> }} Listeners */
/** @typedef {{ call: string, order: string | null }} Granted */

export class CtiClient {
  #view;
  #link;
  #memory;
  #commands;
  #tab;
  /** @type {Listeners} */
  #listeners = {
    connection: new Set(),
    snapshot: new Set(),
    call: new Set(),
    agent: new Set(),
    lease: new Set(),
    message: new Set(),
    orderFailed: new Set(),
    event: new Set(),
    change: new Set(),
  };

  /** @param {CtiOptions} options */
  constructor({ server = new URL(import.meta.url).origin, client = "page", tab, agents, types, storage = tabStorage(), ...options }) {
    const base = server.replace(/\/+$/, "");
    this.#tab = tab;
    this.#view = new View(agents);
    this.#memory = new Memory(storage, `cti ${base} ${JSON.stringify([agents, types])}`, () => {
      const position = this.#link.position;
      return position && { position, shown: this.#view.shown };
    });
    const kept = this.#memory.recall();
    if (kept) this.#view.replace(kept.shown);
    const wiring = {
      server: base,
      ticket: ticketSource(base, options),
      hello: { client: `${client} sdk/1`, tab, agents, types },
      onFrame: this.#take.bind(this),
      onMoved: () => this.#memory.moved(),
      onStatus: this.#tell.bind(this, "connection"),
    };
    this.#link = new Link(wiring, kept?.position ?? null);
    this.#commands = new Commands((frame) => this.#link.send(frame));
    this.on("connection", ({ state, code, reason }) => {
      if (state === "closed") this.#commands.giveUp(new CtiError(code ?? "closed", reason ?? "The connection is closed."));
    });
  }

  /** How the connection is. */
  get connection() {
    return this.#link.status;
  }

  /** The live calls, in the order in which they came. While it is not `connected` they are those of before. */
  get calls() {
    return this.#view.shown.calls;
  }

  /** Whose softphone this is, and what is shown of him; null for those who follow, and before the first snapshot. */
  get agent() {
    return this.#view.shown.agent;
  }

  /** Whether this tab is the one that rings, pops and dials. */
  get enabled() {
    return this.#tab !== undefined && this.agent?.lease?.tab === this.#tab;
  }

  /** How far everything was taken in. */
  get position() {
    return this.#link.position;
  }

  /**
   * Listens; the answer ends it.
   *
   * @template {keyof CtiEvents} Name
   * @param {Name} name
   * @param {(detail: CtiEvents[Name]) => void} listener
   * @returns {() => void}
   */
  on(name, listener) {
    const listeners = this.#listeners[name];
    if (!listeners) throw new CtiError("invalid", `${name}: there is no such event`);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  /**
   * Connects, or tries at once whatever was planned. The answer comes when the view is the server's present, and fails when
   * the connection closes for good; nobody needs to wait for it.
   *
   * @returns {Promise<void>}
   */
  connect() {
    if (this.connection.state !== "connected") this.#link.connect();
    /** @type {Promise<void>} */
    const connected = new Promise((resolve, reject) => {
      const look = ({ state, code, reason } = this.connection) => {
        if (state !== "connected" && state !== "closed") return;
        stop();
        if (state === "connected") resolve();
        else reject(new CtiError(code ?? "closed", reason ?? ""));
      };
      const stop = this.on("connection", look);
      look();
    });
    connected.catch(() => {});
    return connected;
  }

  /** Closes for good and forgets the position. */
  close() {
    this.#link.close("client", "The page closed the connection.");
    this.#link.forget();
    this.#memory.forget();
  }

  /**
   * Any verb of the protocol. Fails with a `CtiError` that has the server's word, `timeout`, or why the connection closed.
   *
   * @param {string} verb
   * @param {object} [parameters]
   * @param {CommandOptions} [options]
   * @returns {Promise<any>}
   */
  command(verb, parameters = {}, options = {}) {
    const { state, code, reason } = this.connection;
    if (state === "closed") return Promise.reject(new CtiError(code ?? "closed", reason ?? "The connection is closed."));
    return this.#commands.give(verb, parameters, options);
  }

  /**
   * Makes this tab the one that rings, pops and dials; or only if no other one is. Answers which one is then.
   *
   * @param {{ ifFree?: boolean }} [options]
   * @returns {Promise<Lease>}
   */
  enableTab(options = {}) {
    return this.command("enable_current_tab", options);
  }

  /** @returns {Promise<Presence>} */
  ready() {
    return this.command("ready");
  }

  /** @param {string} [reason] @returns {Promise<Presence>} */
  notReady(reason) {
    return this.command("not_ready", { reason });
  }

  /** @param {string} number @param {DialOptions} [options] @returns {Promise<Granted>} */
  dial(number, options = {}) {
    return this.command("dial", { ...options, number });
  }

  /** @param {string} call @returns {Promise<Granted>} */
  answer(call) {
    return this.command("answer", { call });
  }

  /** Without `call`, the only one there is. @param {string} [call] @returns {Promise<Granted>} */
  hangup(call) {
    return this.command("hangup", { call });
  }

  /** @param {string} call @returns {Promise<Granted>} */
  hold(call) {
    return this.command("hold", { call });
  }

  /** @param {string} call @returns {Promise<Granted>} */
  resume(call) {
    return this.command("resume", { call });
  }

  /** @param {string} call @param {string} number @returns {Promise<Granted>} */
  blindTransfer(call, number) {
    return this.command("blind_transfer", { call, number });
  }

  /** @param {string} call @param {string} number @returns {Promise<Granted>} */
  consultTransfer(call, number) {
    return this.command("consult_transfer", { call, number });
  }

  /** Joins the other sides of `call` and of `held`, and leaves. @param {string} call @param {string} held @returns {Promise<Granted>} */
  completeTransfer(call, held) {
    return this.command("complete_transfer", { call, with: held });
  }

  /**
   * With a held call, or with a number that is called into it.
   *
   * @param {string} call
   * @param {{ with: string } | { number: string, muteCustomer?: boolean }} other
   * @returns {Promise<Granted>}
   */
  conference(call, other) {
    return this.command("conference", { ...other, call });
  }

  /** @param {string} call @param {string} digits @returns {Promise<Granted>} */
  dtmf(call, digits) {
    return this.command("dtmf", { call, digits });
  }

  /** @param {string} call @param {string} file @returns {Promise<Granted>} */
  play(call, file) {
    return this.command("play", { call, file });
  }

  /** @param {string} call @returns {Promise<Granted>} */
  acceptPreview(call) {
    return this.command("accept_preview", { call });
  }

  /** @param {string} call @param {string} [reason] @returns {Promise<Granted>} */
  skipPreview(call, reason) {
    return this.command("skip_preview", { call, reason });
  }

  /**
   * @param {string} call
   * @param {string} outcome
   * @param {{ notes?: string, retryAt?: string, retryMine?: boolean }} [more]
   * @returns {Promise<Granted>}
   */
  setOutcome(call, outcome, more = {}) {
    return this.command("set_outcome", { ...more, call, outcome });
  }

  /** @param {string} call @returns {Promise<Granted>} */
  endWrap(call) {
    return this.command("end_wrap", { call });
  }

  /**
   * @param {Frame} frame
   * @param {boolean} live
   */
  #take(frame, live) {
    if (frame.op === "welcome") {
      if (frame.resume !== "reset" && frame.agent !== (this.agent?.login ?? null)) {
        // Another agent has signed in in this tab: what was kept is not his.
        this.#view.replace({ calls: [], agent: null });
        return false;
      }
      this.#greeted();
    } else if (frame.op === "snapshot") {
      this.#view.replace(frame);
      this.#tell("snapshot", { ...this.#view.shown, seq: frame.seq });
      this.#tell("change", this.#view.shown);
    } else if (frame.op === "ev") {
      this.#hear(frame, !live);
    } else if (frame.op === "res") {
      this.#commands.hear(frame);
    }
    return true;
  }

  /** The socket takes commands as soon as this frame was taken in. */
  #greeted() {
    queueMicrotask(() => this.#commands.again());
  }

  /**
   * @param {EventFrame} frame
   * @param {boolean} replay
   */
  #hear(frame, replay) {
    const { op: _, prev: __, ...envelope } = frame;
    const { type, data } = envelope;
    const change = type.startsWith("call.") ? this.#view.hearCall(frame) : null;
    if (change) {
      const kind = /** @type {CtiEvents["call"]["type"]} */ (type);
      this.#tell("call", { ...change, type: kind, replay, envelope });
    } else if (type === "call.order_failed") {
      this.#tell("orderFailed", { call: data.call, verb: data.verb, code: data.code, message: data.message ?? "", envelope });
    } else if (type === "agent.state") {
      this.#tell("agent", { ...this.#view.hearAgent(frame), envelope });
    } else if (type === "lease.changed") {
      const { lease } = this.#view.hearLease(frame);
      this.#tell("lease", { lease, enabled: this.enabled, envelope });
    } else if (type.startsWith("message.")) {
      this.#tell("message", { message: data.message, type, replay, envelope });
    }
    this.#tell("event", envelope);
    if (change || type === "agent.state" || type === "lease.changed") this.#tell("change", this.#view.shown);
  }

  /**
   * A listener that fails is reported and keeps nobody from hearing.
   *
   * @template {keyof CtiEvents} Name
   * @param {Name} name
   * @param {CtiEvents[Name]} detail
   */
  #tell(name, detail) {
    for (const listener of [...this.#listeners[name]]) {
      try {
        listener(detail);
      } catch (error) {
        reportError(error);
      }
    }
  }
}
