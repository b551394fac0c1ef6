/**
 * What the page that frames us says, and what is done about it. It may speak as soon as we have loaded: what it says before anybody
 * can hear it is heard then, and what needs an agent waits for him, for as long as he remembers his click.
 *
 * @import { CtiClient } from "../sdk/cti.js"
 * @import { AppSettings, Embedder } from "./embedder.js"
 * @import { Dialed } from "./pad.js"
 */
import { readInitiateCall } from "./dialpad.js";
import { DIALPAD_API, OWN_API } from "./embedder.js";
import { say } from "./strings.js";

/** Nobody remembers after so long that he clicked on a number. */
const WAIT_MS = 60_000;

/**
 * @typedef {object} Phone what is done for that page
 * @property {() => CtiClient | null} client null while nobody is signed in
 * @property {(event: MessageEvent) => boolean} hearPopup whether it is from our own window, which is nothing of that page's
 * @property {() => Promise<boolean>} enableTab whether this tab is enabled then
 * @property {(dialed: Dialed) => void} offer puts a number into the pad
 * @property {(dialed: Dialed) => Promise<void>} dial
 * @property {(code: string) => void} signIn
 * @property {(call: string) => void} hangUp
 * @property {(message: string) => void} tell
 */

/** What is said before there is anybody to hear it. */
export class EarlyMessages {
  /** @type {MessageEvent[]} */
  #said = [];
  /** @type {(event: MessageEvent) => void} */
  #hear = (event) => void this.#said.push(event);

  constructor() {
    addEventListener("message", (event) => this.#hear(event));
  }

  /** From now on somebody hears it, and what was said so far. @param {(event: MessageEvent) => void} hear */
  handTo(hear) {
    this.#hear = hear;
    for (const event of this.#said.splice(0)) hear(event);
  }
}

export class Hearing {
  #phone;
  #embedder;
  #app;
  #hasGuest;
  /** What was asked for before it could be done, and until when that counts. @type {{ act: () => void, until: number } | null} */
  #waiting = null;

  /**
   * @param {Phone} phone
   * @param {{ embedder: Embedder, app: AppSettings, hasGuest: boolean }} page who speaks, and whether another library reads Open CTI's
   */
  constructor(phone, { embedder, app, hasGuest }) {
    this.#phone = phone;
    this.#embedder = embedder;
    this.#app = app;
    this.#hasGuest = hasGuest;
  }

  /** Calls can be made now. */
  connected() {
    const asked = this.#waiting;
    this.#waiting = null;
    if (asked !== null && performance.now() < asked.until) asked.act();
  }

  /** Nobody is signed in any more: what waits was for him who was. */
  forget() {
    this.#waiting = null;
  }

  /** @param {MessageEvent} event */
  take(event) {
    if (this.#phone.hearPopup(event)) return;
    const message = this.#embedder.read(event);
    if (message === null) {
      const isGuests = this.#hasGuest && event.data?.__postTarget === "interaction";
      if (!isGuests) this.#embedder.ignore();
      return;
    }
    const act = (message.api === DIALPAD_API ? this.#dialpadMethods : this.#ownMethods)[message.method];
    if (act) act(message.payload, event.timeStamp);
    else this.#embedder.ignore();
  }

  /** @type {Record<string, (payload: unknown, at: number) => void>} */
  #dialpadMethods = Object.assign(Object.create(null), {
    enable_current_tab: () => void this.#phone.enableTab(),
    initiate_call: (/** @type {unknown} */ payload, /** @type {number} */ at) => this.#whenThere(at, () => void this.#initiateCall(payload)),
    hang_up_all_calls: () => {
      const client = this.#phone.client();
      const own = client?.calls.filter(({ agentId, verbs }) => agentId === client.agent?.login && verbs.includes("hangup"));
      for (const { dtCallId } of own ?? []) this.#phone.hangUp(dtCallId);
    },
  });

  /** @type {Record<string, (payload: any, at: number) => void>} */
  #ownMethods = Object.assign(Object.create(null), {
    dial: (/** @type {any} */ payload, /** @type {number} */ at) => {
      if (typeof payload?.number === "string") this.#whenThere(at, () => void this.dial({ number: payload.number, click: true }, true));
    },
    sign_in: (/** @type {any} */ payload) => {
      if (typeof payload?.token === "string" && this.#phone.client() === null) this.#phone.signIn(payload.token);
    },
  });

  /**
   * Does what the page asks for when calls can be made: now, or as soon as somebody is signed in and connected.
   *
   * @param {number} at when it was asked for, by the page's own clock
   * @param {() => void} act
   */
  #whenThere(at, act) {
    const client = this.#phone.client();
    if (client?.connection.state === "connected") act();
    else this.#waiting = { act, until: at + WAIT_MS };
    if (client === null) this.#phone.tell(say("signInFirst"));
  }

  /** @param {unknown} payload */
  async #initiateCall(payload) {
    const asked = readInitiateCall(payload, this.#app);
    if (typeof asked === "string") return this.#refuse("invalid", asked);
    const { number, enable, callerId, customData } = asked;
    await this.dial({ number, click: true, ...(callerId && { callerId }), ...(customData !== undefined && { customData }) }, enable);
  }

  /**
   * Dials what the page asks for, or puts it into the pad: where the client app wants that, and where another tab is enabled and is to
   * stay so.
   *
   * @param {Dialed} dialed
   * @param {boolean} enable
   */
  async dial(dialed, enable) {
    this.#phone.offer(dialed);
    const client = this.#phone.client();
    if (this.#app.autoDial === "confirm" || client === null || (!client.enabled && !enable)) return;
    try {
      await this.#phone.dial(dialed);
      this.#phone.offer({ number: "" });
    } catch (error) {
      const { code = "failed", message } = /** @type {{ code?: string, message: string }} */ (error);
      this.#refuse(code, message);
    }
  }

  /** @param {string} code @param {string} message */
  #refuse(code, message) {
    this.#phone.tell(message);
    this.#embedder.post(OWN_API, "call_refused", { code, message });
  }
}
