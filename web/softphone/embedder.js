/**
 * The page that frames us: which origin it has, whether it may speak with us, and the messages between both. What is foreign or
 * malformed is ignored and counted.
 */

/** @typedef {{ clientId: string, account: string, origins: string[], autoDial: "allow" | "confirm", identities: Identity[] }} AppSettings */
/** @typedef {{ type: string, id: number, number: string }} Identity */
/** @typedef {{ api: string, version: string, method: string, payload: unknown }} HostMessage */

export const DIALPAD_API = "opencti_dialpad";
export const OWN_API = "cti_gateway";
const VERSION = "1.0";

export class Embedder {
  /** Where its page is from; null when there is none, or it is not known. @type {string | null} */
  origin = framer();
  /** Whether it may speak with us. */
  isAllowed;
  #ignored = 0;

  /** @param {AppSettings} app */
  constructor({ origins }) {
    const { origin } = this;
    this.isAllowed = origin !== null && origins.some((expression) => new RegExp(expression).test(origin));
  }

  /** Whether there is a page that frames us. */
  get isFramed() {
    return window.parent !== window;
  }

  /**
   * Tells it something; whoever may not hear is told nothing.
   *
   * @param {string} api
   * @param {string} method
   * @param {object} payload
   */
  post(api, method, payload) {
    if (this.origin === null || !this.isAllowed) return;
    window.parent.postMessage({ api, version: VERSION, method, payload }, this.origin);
  }

  /**
   * Reads what it says; null when it is not for us.
   *
   * @param {MessageEvent} event
   * @returns {HostMessage | null}
   */
  read({ source, origin, data }) {
    const isHost = this.isAllowed && source === window.parent && origin === this.origin;
    const isOurs = isHost && typeof data === "object" && data !== null && typeof data.method === "string";
    if (isOurs && (data.api === DIALPAD_API || data.api === OWN_API) && data.version === VERSION) return data;
    return null;
  }

  /** Counts what was ignored. */
  ignore() {
    this.#ignored += 1;
    document.body.dataset.ignored = String(this.#ignored);
  }
}

/** The origin of the page that frames us, as the browser says it. @returns {string | null} */
function framer() {
  if (window.parent === window) return null;
  const named = location.ancestorOrigins?.[0] ?? originOf(document.referrer);
  return named === null || named === "null" ? null : named;
}

/** @param {string} address */
function originOf(address) {
  try {
    return new URL(address).origin;
  } catch {
    return null;
  }
}
