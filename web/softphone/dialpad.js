/**
 * The words of Dialpad's mini dialer, as pages already speak them: what such a page asks for, and what it is told.
 *
 * @import { Call, Agent } from "../sdk/types.js"
 * @import { AppSettings, Embedder } from "./embedder.js"
 */
import { DIALPAD_API } from "./embedder.js";
import { firstTime, halfTold } from "./once.js";
import { say } from "./strings.js";

const E164 = /^\+[1-9][0-9]{6,14}$/;
const MAX_CUSTOM_DATA = 2_000;

/**
 * @typedef {object} Asked a call that a page asks for
 * @property {string} number
 * @property {boolean} enable whether this tab is to be enabled first
 * @property {string | undefined} callerId
 * @property {string | undefined} customData
 */

/**
 * Reads `initiate_call`; a text says what is wrong with it.
 *
 * @param {unknown} payload
 * @param {AppSettings} app
 * @returns {Asked | string}
 */
export function readInitiateCall(payload, app) {
  const given = /** @type {Record<string, unknown>} */ (typeof payload === "object" && payload !== null ? payload : {});
  const { phone_number: number, enable_current_tab: enable = true, custom_data: data, outbound_caller_id: caller } = given;
  if (typeof number !== "string" || !E164.test(number)) return say("pageNumber", { number: shorten(number) });
  if (typeof enable !== "boolean") return say("pageFlag");
  const customData = data ?? undefined;
  if (customData !== undefined && (typeof customData !== "string" || [...customData].length > MAX_CUSTOM_DATA)) return say("pageData");
  const { identity_type: type, identity_id: id } = given;
  if (type !== undefined && type !== null) {
    const named = { type: shorten(type), id: shorten(id) };
    if (id === undefined || id === null) return say("pageIdentityHalf", named);
    const identity = app.identities.find((known) => known.type === type && String(known.id) === String(id));
    return identity ? { number, enable, callerId: identity.number, customData } : say("pageIdentity", named);
  }
  const callerId = caller ?? undefined;
  if (callerId !== undefined && (typeof callerId !== "string" || !E164.test(callerId))) return say("pageCaller", { number: shorten(caller) });
  return { number, enable, callerId, customData };
}

/** @param {unknown} value */
function shorten(value) {
  return String(value ?? "").slice(0, 40);
}

export class DialpadTeller {
  #embedder;
  /** Who was said to be signed in in this load of the page. @type {number | null} */
  #user = null;

  /** @param {Embedder} embedder */
  constructor(embedder) {
    this.#embedder = embedder;
  }

  /** Tells who is signed in, when that has changed. @param {Agent | null} agent */
  user(agent) {
    const [before, now] = [this.#user, agent?.id ?? null];
    if (before === now) return;
    this.#user = now;
    this.#embedder.post(DIALPAD_API, "user_authentication", { user_authenticated: now !== null, user_id: now ?? before });
  }

  /**
   * Tells that calls ring, and that they do not ring any more: one `on` and one `off` for each, over reloads and all tabs of the page.
   *
   * @param {readonly Call[]} calls
   * @param {boolean} enabled whether this tab is the one that tells of new ones
   */
  ringing(calls, enabled) {
    const ringing = calls.filter(({ state, direction }) => state === "incoming" && direction !== "ccOutbound");
    for (const call of ringing) {
      if (!enabled || !firstTime(call.dtCallId, "on")) continue;
      this.#embedder.post(DIALPAD_API, "call_ringing", { state: "on", ...described(call) });
    }
    for (const call of halfTold("on", "off")) {
      if (ringing.some(({ dtCallId }) => dtCallId === call) || !enabled || !firstTime(call, "off")) continue;
      const known = calls.find(({ dtCallId }) => dtCallId === call);
      this.#embedder.post(DIALPAD_API, "call_ringing", { state: "off", ...(known ? described(known) : { id: call }) });
    }
  }
}

/** What newer pages read beside the state. @param {Call} call */
function described({ dtCallId, fromType, fromId, fromName, phone, queueDn, dnis, agentId }) {
  return {
    id: dtCallId,
    contact: { id: fromId, type: fromType, name: fromName, phone, email: null },
    target: { id: agentId, phone: queueDn ?? dnis, type: queueDn === null ? "user" : "call_center" },
    internal_number: dnis ?? queueDn,
    external_number: phone,
  };
}
