/**
 * The socket: opens it with a fresh ticket, says hello, notices silence and gaps, and comes back by itself. What it reports
 * is what is so: `connected` only when everything up to the server's present has arrived.
 *
 * @import { CtiError } from "./error.js"
 * @import { ConnectionStatus, Frame, Position } from "./types.js"
 */
import { Cursor } from "./cursor.js";

/**
 * @typedef {object} Wiring what the link needs and whom it tells
 * @property {string} server
 * @property {(signal: AbortSignal) => Promise<string>} ticket
 * @property {object} hello what hello says beside ticket and position
 * @property {(frame: Frame, live: boolean) => boolean} onFrame takes a frame in; false when it belongs to another view
 * @property {() => void} onMoved the position has moved, or was given up
 * @property {(status: ConnectionStatus) => void} onStatus
 */

const PROTOCOL = "cti.v1.json";
/** So long a ticket may take, and then the server from our first byte to its welcome. */
const WELCOME_MS = 15_000;
const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 30_000;
/** A connection that held this long was a good one: the next loss starts with a short wait again. */
const STABLE_MS = 10_000;
/** A computer that slept has slept through its timers, too: so often the clock on the wall is looked at. */
const LOOK_MS = 5_000;
/** So late a ping may be before a page that comes back to the front doubts the connection. */
const PING_LATE_MS = 2_000;

const TICKET_REFUSED = 4500;
/** Closes that are final, as words. Others from 4500 on are final, too. */
const FINAL = new Map([
  [TICKET_REFUSED, "ticket"],
  [4501, "protocol"],
  [4503, "superseded"],
  [4507, "forbidden"],
]);

export class Link {
  #wiring;
  #cursor;
  /** @type {ConnectionStatus} */
  #status = { state: "closed", code: "client", reason: "Not connected yet." };
  /** Ends the current try: its ticket, its socket and their listeners. */
  #try = new AbortController();
  /** Ends the listeners of the page. @type {AbortController | null} null while closed */
  #life = null;
  /** @type {WebSocket | null} null before welcome */
  #socket = null;
  #failures = 0;
  #liveSince = Infinity;
  #ticketRefused = false;
  #pingMs = Infinity;
  #silenceMs = WELCOME_MS;
  #heardAt = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #watchdog;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;

  /**
   * @param {Wiring} wiring
   * @param {Position | null} position
   */
  constructor(wiring, position) {
    this.#wiring = wiring;
    this.#cursor = new Cursor(position);
  }

  get status() {
    return this.#status;
  }

  get position() {
    return this.#cursor.position;
  }

  /** Begins, or tries at once, whatever was planned. */
  connect() {
    if (this.#life === null) {
      this.#life = new AbortController();
      this.#failures = 0;
      this.#watch(this.#life.signal);
      this.#report({ state: "connecting" });
    }
    this.#endTry();
    this.#try = new AbortController();
    void this.#open(this.#try.signal);
  }

  /**
   * Ends it for good.
   *
   * @param {string} code
   * @param {string} reason
   */
  close(code, reason) {
    if (this.#life === null) return;
    this.#life.abort();
    this.#life = null;
    this.#ticketRefused = false;
    this.#endTry();
    this.#report({ state: "closed", code, reason });
  }

  /** Forgets the position: the next connection begins with a snapshot. */
  forget() {
    this.#cursor.moveTo(null);
  }

  /** Sends a frame if the server has said welcome; whether it did. @param {object} frame */
  send(frame) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** The page's own signs that the network or the computer was away. @param {AbortSignal} signal */
  #watch(signal) {
    const nudge = () => this.#nudge();
    // A try that began while there was no network may hang.
    addEventListener("online", () => (this.#socket ? nudge() : this.connect()), { signal });
    addEventListener("pageshow", nudge, { signal });
    document.addEventListener("visibilitychange", nudge, { signal });
    // The browser knows before the silence tells. A server on this same computer is back with the next try.
    addEventListener("offline", () => this.#retry === undefined && this.#lost("The network is gone."), { signal });
    const look = setInterval(() => this.#look(), LOOK_MS);
    signal.addEventListener("abort", () => clearInterval(look));
  }

  #nudge() {
    if (document.visibilityState === "hidden") return;
    if (this.#retry !== undefined) this.connect();
    else if (this.#socket && Date.now() - this.#heardAt > this.#pingMs + PING_LATE_MS) this.#lost("The server fell silent.", 0, true);
  }

  /** @param {AbortSignal} signal */
  async #open(signal) {
    if (this.#status.state === "reconnecting") this.#report({ state: "reconnecting", reason: this.#status.reason ?? "" });
    this.#silenceMs = WELCOME_MS;
    this.#heard();
    try {
      const ticket = await this.#wiring.ticket(signal);
      if (signal.aborted) return;
      const socket = new WebSocket(`${this.#wiring.server.replace(/^http/, "ws")}/ws`, PROTOCOL);
      signal.addEventListener("abort", () => socket.close(1000));
      socket.addEventListener("open", () => this.#hello(socket, ticket), { signal });
      socket.addEventListener("message", ({ data }) => this.#receive(socket, String(data), signal), { signal });
      socket.addEventListener("close", ({ code, reason }) => this.#closed(code, reason), { signal });
      this.#heard();
    } catch (error) {
      if (!signal.aborted) this.#noTicket(error);
    }
  }

  /**
   * @param {WebSocket} socket
   * @param {string} ticket
   */
  #hello(socket, ticket) {
    this.#cursor.moveTo(this.#cursor.position);
    socket.send(JSON.stringify({ op: "hello", ...this.#wiring.hello, ticket, resume: this.#cursor.position }));
  }

  /**
   * @param {WebSocket} socket
   * @param {string} text
   * @param {AbortSignal} signal
   */
  #receive(socket, text, signal) {
    this.#heard();
    /** @type {Frame} */
    const frame = JSON.parse(text);
    // The page takes it in first: only what was taken in is resumed from.
    if (!this.#cursor.fits(frame) || !this.#wiring.onFrame(frame, this.#status.state === "connected")) {
      this.#cursor.moveTo(null);
      this.#wiring.onMoved();
      this.#lost("An event was missing.");
      return;
    }
    // A listener may have closed the client meanwhile, or connected it anew.
    if (this.#life === null) return;
    this.#cursor.advance(frame);
    this.#wiring.onMoved();
    if (signal.aborted) return;
    if (frame.op === "welcome") {
      this.#ticketRefused = false;
      this.#pingMs = frame.ping;
      this.#silenceMs = 2 * frame.ping;
      this.#heard();
      this.#socket = socket;
      if (frame.resume === "live") this.#live();
    } else if (frame.op === "ping") {
      this.send({ op: "pong", seq: this.#cursor.position?.seq ?? 0 });
    } else if (frame.op === "snapshot" || frame.op === "mark") {
      this.#live();
    }
  }

  #live() {
    if (this.#status.state === "connected") return;
    this.#liveSince = Date.now();
    this.#report({ state: "connected" });
  }

  /** A sign of life: the wait for silence begins anew. */
  #heard() {
    this.#heardAt = Date.now();
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#look(), this.#silenceMs);
  }

  #look() {
    // A timer may be a little early by the clock on the wall.
    if (this.#watchdog !== undefined && Date.now() - this.#heardAt >= this.#silenceMs - 50) this.#lost("The server fell silent.");
  }

  /** @param {unknown} error */
  #noTicket(error) {
    const { status = 0, retryAfterMs = 0, message } = /** @type {Partial<CtiError>} */ (error ?? {});
    if (status === 401) this.close("unauthorized", message ?? "Sign in again.");
    else if (status === 403) this.close("forbidden", message ?? "This may not be watched.");
    // What the browser itself forbids, such as ws: on a page that came by https:, stays forbidden.
    else if (error instanceof DOMException && error.name === "SecurityError") this.close("forbidden", error.message);
    else this.#lost((status > 0 && message) || "The server is not reachable.", retryAfterMs);
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
      this.close(FINAL.get(code) ?? String(code), reason || `The server closed the connection for good (${code}).`);
    } else {
      this.#lost(reason || "The connection broke.");
    }
  }

  /**
   * Plans the next try: a random part of a span that doubles, so that a thousand pages do not come back at once.
   *
   * @param {string} reason
   * @param {number} [atLeastMs]
   * @param {boolean} [now] the page has just come back: nobody waits for a timer
   */
  #lost(reason, atLeastMs = 0, now = false) {
    this.#endTry();
    if (Date.now() - this.#liveSince > STABLE_MS) this.#failures = 0;
    this.#liveSince = Infinity;
    const spanMs = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** this.#failures++);
    const delayMs = now ? 0 : Math.max(atLeastMs, Math.random() * spanMs);
    this.#retry = setTimeout(() => this.connect(), delayMs);
    this.#report({ state: "reconnecting", reason, retryAt: Date.now() + delayMs });
  }

  #endTry() {
    this.#try.abort();
    this.#socket = null;
    clearTimeout(this.#watchdog);
    clearTimeout(this.#retry);
    this.#watchdog = this.#retry = undefined;
  }

  /** @param {ConnectionStatus} status */
  #report(status) {
    this.#status = status;
    this.#wiring.onStatus(status);
  }
}
