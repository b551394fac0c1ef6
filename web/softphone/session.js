/**
 * Who is signed in in this tab. The session lives in the tab's own storage, which browsers keep apart by the page that frames us: it
 * survives a reload, needs no cookie, is exchanged for a new one at each load and can be revoked.
 *
 * @import { SoftApi } from "./api.js"
 */
import { Refused } from "./api.js";

const KEY = "cti session";
const POPUP = "popup,width=420,height=560";

export class SoftSession {
  #api;
  #clientId;
  /** @type {WindowProxy | null} */
  #popup = null;

  /**
   * @param {SoftApi} api
   * @param {string} clientId
   */
  constructor(api, clientId) {
    this.#api = api;
    this.#clientId = clientId;
  }

  get isSignedIn() {
    return this.#api.token !== null;
  }

  /**
   * Goes on with what an earlier load of this tab left. A copy of a tab gets a session beside the one it was copied from.
   *
   * @param {boolean} isCopy
   */
  async resume(isCopy) {
    this.#api.token = storage()?.getItem(KEY) ?? null;
    if (!this.isSignedIn) return;
    try {
      const { token } = await this.#api.ask("POST", "/sessions/current/exchange", { beside: isCopy });
      this.#keep(token);
    } catch (error) {
      // A server that is away says nothing about the session.
      if (error instanceof Refused && error.status !== 0 && error.status < 500) this.forget();
    }
  }

  /** Signs in by a one-time code: of the pop-up, or of the page that frames us. @param {string} code */
  async redeem(code) {
    const { token } = await this.#api.ask("POST", "/sessions", { code });
    this.#keep(token);
  }

  /** Whether the window in which one signs in has opened. */
  openPopup() {
    this.#popup = window.open(`/apps/${encodeURIComponent(this.#clientId)}/login`, "_blank", POPUP);
    return this.#popup !== null;
  }

  /** Whether a message comes from the window that we opened. @param {MessageEvent} event */
  isPopup({ source, origin }) {
    return this.#popup !== null && source === this.#popup && origin === location.origin;
  }

  /** Ends the session at the server, too, if that can be reached. */
  async signOut() {
    const ended = this.#api.ask("DELETE", "/sessions/current").catch(() => {});
    this.forget();
    await ended;
  }

  forget() {
    this.#api.token = null;
    storage()?.removeItem(KEY);
  }

  /** @param {string} token */
  #keep(token) {
    this.#api.token = token;
    try {
      storage()?.setItem(KEY, token);
    } catch {
      // No room: the session ends with this load.
    }
  }
}

/** @returns {Storage | null} */
function storage() {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}
