/**
 * The calls of the agent as cards, in the order in which they came, and who each is with.
 *
 * @import { Call } from "../sdk/types.js"
 * @import { SoftApi } from "./api.js"
 */
import { arrange } from "../shared/dom.js";
import { CallCard } from "./card.js";

/** Which other calls can be joined with one. */
const JOINABLE = new Set(["talk", "hold"]);

export class Board {
  /** @type {(call: string, verb: string, parameters: Record<string, unknown>) => Promise<void>} */
  onAsk = async () => {};
  #list;
  #api;
  /** @type {Map<string, CallCard>} */
  #cards = new Map();

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

  /** Once a second. */
  tick() {
    for (const card of this.#cards.values()) card.tick(this.#api.now());
  }

  clear() {
    this.show([]);
  }

  /** @param {Call} call */
  #card(call) {
    const known = this.#cards.get(call.dtCallId);
    if (known) return known;
    const card = new CallCard(call);
    this.#cards.set(call.dtCallId, card);
    card.ask = (verb, parameters) => this.onAsk(call.dtCallId, verb, parameters);
    // Who it is with is a help; without it the card shows the number.
    const asked = this.#api.get(`/dialer-calls/${call.dtCallId}/card`);
    asked.then((details) => (card.details = details), () => {});
    return card;
  }
}
