/**
 * The socket: opens it with a fresh ticket, resumes where it stood, notices silence and gaps, and comes back by itself. What it reports as
 * its status is what is so: `live` only when everything up to the server's head has arrived.
 *
 * @import { Cursor } from "./cursor.js"
 * @import { AnswerFrame, EventFrame, Frame, SnapshotFrame, WelcomeFrame } from "./wire.js"
 */
import { advance, NOWHERE, resumeFrom, rewind } from "./cursor.js";
import { PROTOCOL, readFrame, uuid } from "./wire.js";

/** @typedef {"connecting" | "replaying" | "live" | "offline" | "signed-out"} LinkState */

/**
 * @typedef {object} LinkStatus
 * @property {LinkState} state
 * @property {string} [reason] why it is offline or signed out, for a person to read
 * @property {number} [retryAt] when the next try starts, by `Date.now()`; offline without it has given up
 */

/**
 * @typedef {object} Wiring what a connection needs and whom it tells
 * @property {(signal: AbortSignal) => Promise<string>} ticket fetches a ticket; what it throws may have `status` and `retryAfterMs`
 * @property {(frame: SnapshotFrame | EventFrame, live: boolean) => void} onFrame
 * @property {(status: LinkStatus) => void} onStatus
 * @property {(frame: AnswerFrame) => void} [onAnswer]
 * @property {(frame: WelcomeFrame) => void} [onWelcome]
 * @property {string} [url] the server's origin; the page's own when absent
 * @property {string} [client] the page's name and version, for the server's log
 * @property {"*" | string[]} [agents] whom to follow; not for an agent's own socket
 * @property {string[]} [types] types of events beside the usual ones
 * @property {Cursor} [cursor] where an earlier page stood
 */

/** How long the server may take from our first byte to its welcome. */
const WELCOME_TIMEOUT_MS = 15_000;
const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 30_000;
/** A connection that held this long was a good one: the next loss starts with a short wait again. */
const STABLE_MS = 10_000;

const TICKET_REFUSED = 4500;
/** Why the server ends it for good, by close code. */
const TERMINAL = new Map([
  [TICKET_REFUSED, "The server refused two tickets in a row."],
  [4501, "The server did not understand this page. Reload it."],
  [4503, "This page was opened anew elsewhere."],
  [4507, "This login may not watch these calls."],
]);

export class Connection {
  #tab = uuid();
  /** @type {Wiring} */
  #wiring;
  /** @type {Cursor} */
  #cursor;
  /** @type {LinkStatus} */
  #status = { state: "connecting" };
  /** @type {WebSocket | null} */
  #socket = null;
  /** Ends the current try: its requests, its socket and its listeners. */
  #attempt = new AbortController();
  /** Ends the connection itself. */
  #life = new AbortController();
  #failures = 0;
  #liveSince = Infinity;
  #ticketRefused = false;
  #silenceMs = WELCOME_TIMEOUT_MS;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #watchdog;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;

  /** @param {Wiring} wiring */
  constructor(wiring) {
    this.#wiring = wiring;
    this.#cursor = wiring.cursor ?? NOWHERE;
    const { signal } = this.#life;
    addEventListener("online", () => this.#status.retryAt !== undefined && this.connect(), { signal });
    // The browser knows before the silence tells. A server on this same computer is back with the next try.
    addEventListener("offline", () => this.#status.state !== "offline" && this.#lost("The network is gone."), { signal });
    // A page that slept does not wait for the rest of its pause.
    addEventListener("visibilitychange", () => !document.hidden && this.#status.retryAt !== undefined && this.connect(), { signal });
  }

  /** The newest `seq` that this page has taken in. */
  get position() {
    return this.#cursor.position;
  }

  /** Where this page stands, for a later one to go on from. */
  get cursor() {
    return this.#cursor;
  }

  /** Tries now, whatever was planned. */
  connect() {
    this.#endAttempt();
    if (this.#life.signal.aborted) return;
    this.#attempt = new AbortController();
    void this.#open(this.#attempt.signal);
  }

  /** Closes for good, without a word to `onStatus`. */
  close() {
    this.#life.abort();
    this.#endAttempt();
  }

  /** Forgets where it stands: the next try gets a snapshot. */
  forget() {
    this.#cursor = NOWHERE;
  }

  /**
   * Sends a frame, if there is a socket that the server has welcomed.
   *
   * @param {object} frame
   * @returns {boolean} whether it went out
   */
  send(frame) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** @param {AbortSignal} signal */
  async #open(signal) {
    this.#report({ state: "connecting" });
    let ticket;
    try {
      ticket = await this.#wiring.ticket(signal);
    } catch (error) {
      if (!signal.aborted) this.#noTicket(error);
      return;
    }
    if (signal.aborted) return;
    const socket = new WebSocket(`${(this.#wiring.url ?? location.origin).replace(/^http/, "ws")}/ws`, PROTOCOL);
    signal.addEventListener("abort", () => socket.close(1000));
    socket.addEventListener("open", () => this.#hello(socket, ticket), { signal });
    socket.addEventListener("message", ({ data }) => this.#receive(socket, String(data)), { signal });
    socket.addEventListener("close", ({ code, reason }) => this.#closed(code, reason), { signal });
    this.#silenceMs = WELCOME_TIMEOUT_MS;
    this.#heard();
  }

  /**
   * @param {WebSocket} socket
   * @param {string} ticket
   */
  #hello(socket, ticket) {
    this.#cursor = rewind(this.#cursor);
    const { client = "cti/1", agents, types } = this.#wiring;
    socket.send(JSON.stringify({ op: "hello", ticket, client, tab: this.#tab, agents, types, resume: resumeFrom(this.#cursor) }));
  }

  /**
   * @param {WebSocket} socket
   * @param {string} text
   */
  #receive(socket, text) {
    this.#heard();
    const frame = readFrame(text);
    if (frame === null) return;
    const cursor = advance(this.#cursor, frame);
    if (cursor === null) {
      this.#cursor = NOWHERE;
      this.#lost("An event was missing.");
      return;
    }
    // The page takes it in first: a frame that failed there then shows as a gap, and a snapshot heals it.
    if (frame.op === "ev" || frame.op === "snapshot") this.#wiring.onFrame(frame, this.#status.state === "live");
    this.#cursor = cursor;
    if (frame.op === "ping") socket.send(JSON.stringify({ op: "pong", seq: cursor.position ?? 0 }));
    if (frame.op === "res") this.#wiring.onAnswer?.(frame);
    this.#follow(frame, socket);
  }

  /**
   * What a frame says about the connection.
   *
   * @param {Frame} frame
   * @param {WebSocket} socket
   */
  #follow(frame, socket) {
    if (frame.op === "welcome") {
      this.#socket = socket;
      this.#ticketRefused = false;
      this.#silenceMs = 2 * frame.ping;
      this.#heard();
      this.#wiring.onWelcome?.(frame);
      if (frame.resume === "replay") this.#report({ state: "replaying" });
      // Without a position the snapshot is still to come.
      if (frame.resume === "live" && this.#cursor.position !== null) this.#live();
    }
    if (frame.op === "snapshot" || (frame.op === "mark" && frame.live)) this.#live();
  }

  #live() {
    if (this.#status.state === "live") return;
    this.#liveSince = performance.now();
    this.#report({ state: "live" });
  }

  /** A sign of life: the wait for silence begins anew. */
  #heard() {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#lost("The server fell silent."), this.#silenceMs);
  }

  /** @param {unknown} thrown */
  #noTicket(thrown) {
    const error = /** @type {{ status?: number, message?: string, retryAfterMs?: number }} */ (thrown);
    if (error?.status === undefined) {
      this.#lost("The server is not reachable.");
    } else if (error.status === 401) {
      this.close();
      this.#report({ state: "signed-out", reason: "Your session has ended. Log in again." });
    } else if (error.status === 403) {
      this.#giveUp(error.message ?? "This login may not open a socket.");
    } else {
      this.#lost(error.message ?? `The server answered with status ${error.status}.`, error.retryAfterMs);
    }
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  #closed(code, reason) {
    if (code === TICKET_REFUSED && !this.#ticketRefused) {
      this.#ticketRefused = true;
      this.connect();
    } else if (code >= 4500 && code <= 4999) {
      this.#giveUp(TERMINAL.get(code) ?? `The server closed the connection for good: ${reason || code}.`);
    } else {
      this.#lost("The connection broke.");
    }
  }

  /** @param {string} reason */
  #giveUp(reason) {
    this.#endAttempt();
    this.#ticketRefused = false;
    this.#report({ state: "offline", reason });
  }

  /**
   * Plans the next try: a random part of a span that doubles, so that a thousand pages do not come back at once.
   *
   * @param {string} reason
   * @param {number} [atLeastMs]
   */
  #lost(reason, atLeastMs = 0) {
    this.#endAttempt();
    if (performance.now() - this.#liveSince > STABLE_MS) this.#failures = 0;
    this.#liveSince = Infinity;
    const spanMs = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** this.#failures++);
    const delayMs = Math.max(atLeastMs, Math.random() * spanMs);
    this.#retry = setTimeout(() => this.connect(), delayMs);
    this.#report({ state: "offline", reason, retryAt: Date.now() + delayMs });
  }

  #endAttempt() {
    this.#attempt.abort();
    this.#socket = null;
    clearTimeout(this.#watchdog);
    clearTimeout(this.#retry);
  }

  /** @param {LinkStatus} status */
  #report(status) {
    this.#status = status;
    this.#wiring.onStatus(status);
  }
}
