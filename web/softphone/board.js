/**
 * The calls of the agent as cards, in the order in which they came, and who each is with. What was written of a call that is gone
 * meanwhile stays until it is saved or put away.
 *
 * @import { Call } from "../sdk/types.js"
 * @import { SoftApi } from "./api.js"
 */
import { arrange } from "../shared/dom.js";
import { CallCard } from "./card.js";
import { keepDraft, recallDraft } from "./drafts.js";

/** Which other calls can be joined with one. */
const JOINABLE = new Set(["talk", "hold"]);
const UNSAVED_KEY = "cti unsaved";

export class Board {
  /** @type {(call: string, verb: string, parameters: Record<string, unknown>) => Promise<void>} */
  onAsk = async () => {};
  #list;
  #api;
  /** @type {Map<string, CallCard>} */
  #cards = new Map();
  /** @type {readonly Call[]} */
  #calls = [];
  /** Calls that are gone while something was written of them; over a reload, too. @type {Call[]} */
  #unsaved = recallDraft(UNSAVED_KEY) ?? [];

  /** @param {HTMLElement} list @param {SoftApi} api */
  constructor(list, api) {
    this.#list = list;
    this.#api = api;
  }

  /** Whether nothing can be asked of the calls now. @param {boolean} inert */
  set inert(inert) {
    this.#list.inert = inert;
  }

  /** @param {readonly Call[]} calls */
  show(calls) {
    this.#calls = calls;
    const over = new Map(this.#unsaved.map((call) => [call.dtCallId, call]));
    for (const { call, isUnsaved } of this.#cards.values()) if (isUnsaved) over.set(call.dtCallId, asOver(call));
    for (const { dtCallId } of calls) over.delete(dtCallId);
    this.#draw([...calls, ...this.#keep([...over.values()])]);
  }

  /** Once a second. */
  tick() {
    for (const card of this.#cards.values()) card.tick(this.#api.now());
  }

  /** Asks for what could not be had before. */
  again() {
    for (const card of this.#cards.values()) if (!card.isKnown) this.#ask(card);
  }

  /** Nobody is signed in any more. */
  clear() {
    for (const card of this.#cards.values()) card.forget();
    this.#calls = [];
    this.#draw(this.#keep([]));
  }

  /** @param {Call[]} unsaved */
  #keep(unsaved) {
    if (unsaved.length > 0 || this.#unsaved.length > 0) keepDraft(UNSAVED_KEY, unsaved.length > 0 ? unsaved : null);
    this.#unsaved = unsaved;
    return unsaved;
  }

  /** @param {readonly Call[]} calls */
  #draw(calls) {
    const shown = new Set(calls.map(({ dtCallId }) => dtCallId));
    for (const [id, card] of this.#cards) {
      if (shown.has(id)) continue;
      card.close();
      this.#cards.delete(id);
    }
    const held = calls.filter(({ state }) => state === "hold");
    for (const call of calls) {
      const joins = JOINABLE.has(call.state ?? "") ? held.filter(({ dtCallId }) => dtCallId !== call.dtCallId) : [];
      this.#card(call).show(call, joins);
    }
    arrange(this.#list, calls.map((call) => this.#card(call).element));
    this.tick();
  }

  /** @param {Call} call */
  #card(call) {
    const known = this.#cards.get(call.dtCallId);
    if (known) return known;
    const card = new CallCard(call);
    this.#cards.set(call.dtCallId, card);
    card.ask = (verb, parameters) => this.onAsk(call.dtCallId, verb, parameters);
    card.onPutAway = () => {
      this.#keep(this.#unsaved.filter(({ dtCallId }) => dtCallId !== call.dtCallId));
      this.show(this.#calls);
    };
    this.#ask(card);
    return card;
  }

  /** Who it is with is a help; without it the card shows the number. @param {CallCard} card */
  #ask(card) {
    const asked = this.#api.get(`/dialer-calls/${card.call.dtCallId}/card`);
    asked.then((details) => (card.details = details), () => {});
  }
}

/** The call as it is when it is over: its outcome can still be said. @param {Call} call @returns {Call} */
function asOver(call) {
  return { ...call, state: "end", verbs: ["set_outcome"], until: null, stateTime: null };
}
