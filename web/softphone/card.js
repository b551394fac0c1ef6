/**
 * One call on the screen: who it is with, how long, and what can be asked of it now. What the telephone system cannot do is not shown.
 *
 * @import { Call } from "../sdk/types.js"
 */
import { arrange, find, stamp, write } from "../shared/dom.js";
import { duration } from "../shared/duration.js";
import { momentText } from "./clock.js";
import { fillKeys, makeButton, makeRow } from "./controls.js";
import { say, sayKnown } from "./strings.js";
import { WrapUp } from "./wrap.js";

/** @typedef {import("./wrap.js").Outcome} Outcome */
/** @typedef {{ party: any, lead: any, outcomes: Outcome[], earlier: any[] }} CardDetails */
/** @typedef {(verb: string, parameters: Record<string, unknown>) => Promise<void>} AskVerb */

/** In which order they stand; the first that is there is the one that a thumb finds. */
const SIMPLE_VERBS = ["accept_preview", "answer", "hangup", "skip_preview", "hold", "resume"];
const LOOKS = /** @type {Record<string, string>} */ ({ answer: "good", accept_preview: "good", hangup: "danger" });
const NUMBER_VERBS = ["blind_transfer", "consult_transfer"];
/** What of a lead is shown beside name and number. */
const LEAD_FACTS = ["company", "email", "address", "city", "state", "zip", "notes"];

export class CallCard {
  element = stamp("card", HTMLLIElement);
  /** @type {AskVerb} */
  ask = async () => {};
  /** What was written of a call that is gone is saved, or is not to be. */
  onPutAway = () => {};
  #badge = find(this.element, "[data-testid=state]", HTMLElement);
  #timer = find(this.element, "[data-testid=timer]", HTMLElement);
  #party = find(this.element, "[data-testid=party]", HTMLElement);
  #number = find(this.element, "[data-testid=card-number]", HTMLElement);
  #about = find(this.element, ".about", HTMLElement);
  #facts = find(this.element, "[data-testid=facts]", HTMLElement);
  #verbs = find(this.element, ":scope > .verbs", HTMLElement);
  #tones = find(this.element, ".tones", HTMLElement);
  #transfer = find(this.element, ".transfer", HTMLElement);
  #transferVerbs = find(this.element, ".transfer .verbs", HTMLElement);
  #to = find(this.element, "[data-testid=transfer-number]", HTMLInputElement);
  #earlier = find(this.element, ".earlier", HTMLDetailsElement);
  /** By verb, so that a button keeps its focus while the card changes. @type {Map<string, HTMLButtonElement>} */
  #buttons = new Map();
  /** @type {Call} */
  #call;
  /** @type {CardDetails | null} */
  #details = null;
  #wrap;

  /** @param {Call} call */
  constructor(call) {
    this.#call = call;
    this.element.dataset.call = call.dtCallId;
    this.element.tabIndex = -1;
    this.#wrap = new WrapUp(find(this.element, ".wrap", HTMLElement), call.dtCallId);
    this.#wrap.onEnd = () => void this.#end();
    this.#wrap.onSave = async (outcome, more) => {
      await this.ask("set_outcome", { outcome, ...more });
      this.#wrap.forget();
      if (this.#call.verbs.includes("end_wrap")) await this.ask("end_wrap", {});
      if (this.#call.state === "end") this.onPutAway();
    };
    fillKeys(this.#tones, (digits) => void this.#try("dtmf", { digits }));
  }

  get call() {
    return this.#call;
  }

  /** Whether what is written of it would be lost with it. */
  get isUnsaved() {
    return this.#wrap.isUnsaved;
  }

  /** Whether it is known who it is with. */
  get isKnown() {
    return this.#details !== null;
  }

  /** Who it is with, once that is known. @param {CardDetails} details */
  set details(details) {
    this.#details = details;
    this.#wrap.outcomes = details.outcomes;
    const { party, lead, earlier } = details;
    const facts = [["email", party?.email], ...LEAD_FACTS.map((name) => [name, lead?.[name]]), ...Object.entries(lead?.custom ?? {})];
    const shown = facts.filter(([, value]) => typeof value === "string" && value !== "");
    this.#facts.replaceChildren(...shown.flatMap(([name, value]) => [text("dt", sayKnown(`fact_${name}`, name)), text("dd", value)]));
    this.#earlier.hidden = earlier.length === 0;
    const rows = earlier.map((call) => makeRow(`${momentText(call.createdAt)} · ${call.outcome ?? call.callStatus}`, call.notes ?? "", []));
    find(this.#earlier, "ol", HTMLElement).replaceChildren(...rows);
    this.#showParty();
  }

  /**
   * @param {Call} call
   * @param {readonly Call[]} held other calls that this one can be joined with
   */
  show(call, held) {
    this.#call = call;
    const state = call.state ?? "none";
    this.element.dataset.state = state;
    write(this.#badge, sayKnown(`call_${state}`, state));
    this.#showParty();
    this.#showVerbs(held);
    this.#wrap.show(call);
  }

  /** Nothing is written of it any more. */
  forget() {
    this.#wrap.forget();
  }

  /** What a call that is gone leaves. */
  close() {
    this.#wrap.forget();
    this.element.remove();
  }

  /** Once a second. @param {number} now by the server's clock */
  tick(now) {
    const { until, stateTime } = this.#call;
    if (until !== null) write(this.#timer, `−${duration(Date.parse(until) - now)}`);
    else write(this.#timer, stateTime === null ? "" : duration(now - Date.parse(stateTime)));
  }

  #showParty() {
    const { phone, fromName, toName, direction, campaign, queueDn } = this.#call;
    const lead = this.#details?.lead;
    const ofLead = [lead?.firstName, lead?.lastName].filter(Boolean).join(" ");
    const name = (direction === "inbound" ? fromName : toName) ?? this.#details?.party?.name ?? (ofLead || null);
    write(this.#party, name ?? say("unknownParty"));
    write(this.#number, phone ?? say("noNumber"));
    write(this.#about, campaign !== null ? say("campaign", { campaign }) : queueDn !== null ? say("toQueue", { number: queueDn }) : "");
  }

  /** @param {readonly Call[]} held */
  #showVerbs(held) {
    const { verbs, state } = this.#call;
    const simple = SIMPLE_VERBS.filter((verb) => verbs.includes(verb));
    const shown = simple.map((verb) => {
      const word = verb === "hangup" && state === "incoming" ? "decline" : verb;
      return this.#button(verb, sayKnown(word), () => void this.#try(verb), LOOKS[verb]);
    });
    for (const other of held) {
      const who = other.toName ?? other.fromName ?? other.phone ?? "";
      for (const verb of /** @type {const} */ (["complete_transfer", "conference"])) {
        if (!verbs.includes(verb)) continue;
        const join = () => void this.#try(verb, { with: other.dtCallId });
        shown.push(this.#button(`${verb} ${other.dtCallId}`, say(verb, { who }), join));
      }
    }
    if (verbs.includes("dtmf")) shown.push(this.#button("tones", say("tones"), () => this.#toggle("tones", this.#tones)));
    else this.#tones.hidden = true;
    this.#showTransfer(shown);
    const hadFocus = this.#verbs.contains(document.activeElement);
    arrange(this.#verbs, shown);
    // A button that is gone leaves its focus to the card: on another button a second press might hang up.
    if (hadFocus && !this.#verbs.contains(document.activeElement)) this.element.focus({ preventScroll: true });
  }

  /** @param {HTMLButtonElement[]} shown */
  #showTransfer(shown) {
    const { verbs } = this.#call;
    const buttons = NUMBER_VERBS.filter((verb) => verbs.includes(verb)).map((verb) => this.#button(verb, sayKnown(verb), () => void this.#give(verb)));
    if (verbs.includes("conference")) buttons.push(this.#button("invite", say("invite"), () => void this.#give("conference")));
    if (buttons.length > 0) shown.push(this.#button("transfer", say("transfer"), () => this.#toggle("transfer", this.#transfer)));
    else this.#transfer.hidden = true;
    arrange(this.#transferVerbs, buttons);
  }

  /**
   * @param {string} name
   * @param {string} word
   * @param {() => void} act
   * @param {string} [look]
   */
  #button(name, word, act, look) {
    const known = this.#buttons.get(name) ?? makeButton(name, word, act, look);
    this.#buttons.set(name, known);
    write(known, word);
    return known;
  }

  /** @param {string} name @param {HTMLElement} part */
  #toggle(name, part) {
    part.hidden = !part.hidden;
    this.#buttons.get(name)?.setAttribute("aria-expanded", String(!part.hidden));
    const first = part.querySelector("input, button");
    if (!part.hidden && first instanceof HTMLElement) first.focus();
  }

  /** @param {string} verb */
  async #give(verb) {
    const number = this.#to.value.trim();
    if (number === "") return this.#to.focus();
    await this.#try(verb, { number });
  }

  /** The agent is done with it, whatever he has written. */
  async #end() {
    if (this.#call.state === "end") {
      this.#wrap.forget();
      return this.onPutAway();
    }
    const unsaved = this.#wrap.setAside();
    await this.ask("end_wrap", {}).catch(unsaved);
  }

  /** @param {string} verb @param {Record<string, unknown>} [parameters] */
  async #try(verb, parameters = {}) {
    await this.ask(verb, parameters).catch(() => {
      // The page has said why.
    });
  }
}

/** @param {"dt" | "dd"} tag @param {string} content */
function text(tag, content) {
  const element = document.createElement(tag);
  element.textContent = content;
  return element;
}
