/**
 * The HTTP requests of the console. The bearer lives here, in memory only: a reload asks for the password again.
 *
 * @import { Agent, CallRecord, Credentials, Explanation, Health, Lead, Progress, QueueItem, Receipt, Session, StateRow } from "./shapes.js"
 * @import { Envelope } from "../sdk/types.js"
 */

const REQUEST_TIMEOUT_MS = 10_000;
/** A stop for a list that never ends: 100 pages are more agents than a page can show. */
const PAGES_MAX = 100;
/** `Date` has whole seconds, so a smaller difference between the clocks says nothing. */
const SKEW_MIN_MS = 2_000;

/** The server answered, and it is not a success. */
export class ApiError extends Error {
  /**
   * @param {Response} response
   * @param {{ message?: string, field?: string } | undefined} error
   */
  constructor(response, error) {
    super(error?.message ?? `The server answered with status ${response.status}.`);
    this.status = response.status;
    /** The name of the wrong input, when the server names one. */
    this.field = error?.field ?? null;
    /** How long the server asks to wait. */
    this.retryAfterMs = 1_000 * (Number(response.headers.get("Retry-After")) || 0);
  }
}

export class Api {
  /** @type {string | null} */
  #token = null;
  #skewMs = 0;

  /** The server's time: a timer that runs since `stateTime` must not show this computer's clock error. */
  now() {
    return Date.now() + this.#skewMs;
  }

  /**
   * @param {Credentials} credentials
   * @returns {Promise<Session>}
   */
  async logIn(credentials) {
    const session = await this.#request("POST", "/api/v1/sessions", { body: credentials });
    this.#token = session.token;
    return session;
  }

  /** Ends the session here at once, and on the server as soon as it can be reached. */
  async signOut() {
    const token = this.forget();
    if (token === null) return;
    await this.#request("DELETE", "/api/v1/sessions/current", { token, keepalive: true });
  }

  /** Drops the bearer and returns it. */
  forget() {
    const token = this.#token;
    this.#token = null;
    return token;
  }

  /** @returns {Promise<Agent[]>} */
  async agents() {
    /** @type {Agent[]} */
    const agents = [];
    let path = "/api/v1/agents";
    for (let page = 0; page < PAGES_MAX; page++) {
      const { items, next } = await this.#request("GET", path);
      agents.push(...items);
      if (!next) break;
      path = `/api/v1/agents?cursor=${encodeURIComponent(next)}`;
    }
    return agents;
  }

  /**
   * @param {AbortSignal} signal
   * @returns {Promise<Progress[]>}
   */
  async progress(signal) {
    return (await this.#get("/api/v1/progress", signal)).items;
  }

  /**
   * @param {AbortSignal} signal
   * @returns {Promise<string[]>}
   */
  async campaigns(signal) {
    const { items } = await this.#get("/api/v1/campaigns", signal);
    return items.map((/** @type {{ name: string }} */ { name }) => name);
  }

  /**
   * Who is dialed next in a campaign, and why not now.
   *
   * @param {string} campaign
   * @param {AbortSignal} signal
   * @returns {Promise<QueueItem[]>}
   */
  async queue(campaign, signal) {
    return (await this.#get(`/api/v1/campaigns/${encodeURIComponent(campaign)}/queue?limit=50&explain=1`, signal)).items;
  }

  /**
   * @param {string} phone
   * @param {AbortSignal} signal
   * @returns {Promise<Lead[]>}
   */
  async leadsOf(phone, signal) {
    return (await this.#get(`/api/v1/leads?limit=20&phone=${encodeURIComponent(phone)}`, signal)).items;
  }

  /**
   * @param {number} lead
   * @param {AbortSignal} signal
   * @returns {Promise<Explanation & { past: Receipt[] }>}
   */
  explain(lead, signal) {
    return this.#get(`/api/v1/leads/${lead}/explain`, signal);
  }

  /**
   * @param {AbortSignal} signal
   * @returns {Promise<Health>}
   */
  health(signal) {
    return this.#get("/api/v1/health", signal);
  }

  /**
   * The newest calls that a filter of `GET /dialer-calls` lets pass.
   *
   * @param {Record<string, string>} filter
   * @param {AbortSignal} signal
   * @returns {Promise<CallRecord[]>}
   */
  async calls(filter, signal) {
    return (await this.#get(`/api/v1/dialer-calls?${new URLSearchParams({ limit: "25", ...filter })}`, signal)).items;
  }

  /**
   * @param {string} id
   * @param {AbortSignal} signal
   * @returns {Promise<CallRecord>}
   */
  call(id, signal) {
    return this.#get(`/api/v1/dialer-calls/${encodeURIComponent(id)}`, signal);
  }

  /**
   * @param {string} id
   * @param {AbortSignal} signal
   * @returns {Promise<{ items: Envelope[], complete: boolean }>}
   */
  journal(id, signal) {
    return this.#get(`/api/v1/dialer-calls/${encodeURIComponent(id)}/journal`, signal);
  }

  /**
   * The states that a call entered, which are kept for ever.
   *
   * @param {string} id
   * @param {AbortSignal} signal
   * @returns {Promise<StateRow[]>}
   */
  async states(id, signal) {
    return (await this.#get(`/api/v1/dialer-calls/${encodeURIComponent(id)}/events`, signal)).items;
  }

  /**
   * A ticket opens one socket, within half a minute.
   *
   * @param {AbortSignal} signal
   * @returns {Promise<string>}
   */
  async ticket(signal) {
    const { ticket } = await this.#request("POST", "/api/v1/ws-ticket", { body: {}, signal });
    return ticket;
  }

  /**
   * @param {string} path
   * @param {AbortSignal} signal
   * @returns {Promise<any>}
   */
  #get(path, signal) {
    return this.#request("GET", path, { signal });
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {{ body?: object, signal?: AbortSignal, token?: string, keepalive?: boolean }} [options]
   * @returns {Promise<any>}
   */
  async #request(method, path, { body, signal, token = this.#token ?? undefined, keepalive = false } = {}) {
    const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
    /** @type {RequestInit} */
    const init = {
      method,
      keepalive,
      cache: "no-store",
      headers: {
        ...(token && { Authorization: `Bearer ${token}` }),
        ...(body && { "Content-Type": "application/json" }),
      },
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    };
    if (body) init.body = JSON.stringify(body);
    const response = await fetch(path, init);
    this.#compareClocks(response.headers.get("Date"));
    const answer = await response.json().catch(() => null);
    if (!response.ok) throw new ApiError(response, answer?.error);
    return answer;
  }

  /** @param {string | null} date */
  #compareClocks(date) {
    if (date === null) return;
    // The header is cut to the second; half a second is the best guess of what was cut.
    const skewMs = Date.parse(date) + 500 - Date.now();
    this.#skewMs = Math.abs(skewMs) >= SKEW_MIN_MS ? skewMs : 0;
  }
}
