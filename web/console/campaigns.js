/**
 * The view of campaigns: how far each is, who serves it, and why its dialer does not open more lines.
 *
 * @import { Api } from "./api.js"
 * @import { Progress } from "./shapes.js"
 * @import { Sample } from "./plot.js"
 */
import { arrange, badge, facts, fill, find, make, stamp, write } from "../shared/dom.js";
import { failureText, tell } from "./failure.js";
import { grouped, PRESENCE_WORDS, presenceWord, share } from "./format.js";
import { gauge, keep, parts, plot } from "./plot.js";
import { Poll } from "./poll.js";

const MODES = { preview: "Preview", progressive: "Progressive", predictive: "Predictive" };
/** Why no more lines are opened: the tone it is shown in. */
const TONES = new Map([
  ["opening", "talk"],
  ["enough_in_flight", "talk"],
  ["no_leads", "ringing"],
  ["system_down", "trouble"],
  ["no_system", "trouble"],
  ["budget_used_up", "ringing"],
  ["no_lines", "ringing"],
]);
const WORDS = new Map([
  ["not_dialed", "Not dialed"],
  ["stopped", "Stopped"],
  ["no_system", "No telephone system"],
  ["system_down", "Telephone system down"],
  ["no_leads", "No lead to dial"],
  ["opening", "Opening lines"],
  ["no_agents", "No agents"],
  ["no_free_agent", "No free agent"],
  ["enough_in_flight", "Enough in flight"],
  ["budget_used_up", "Budget used up"],
  ["no_lines", "No free line"],
]);

export class CampaignsView extends HTMLElement {
  /** @type {() => Api | null} */
  api = () => null;
  /** By name, since the log-in. @type {Map<string, readonly Sample[]>} */
  #samples = new Map();
  /** @type {Map<string, HTMLElement>} */
  #cards = new Map();
  /** @type {number | null} */
  #loadedAt = null;
  #list = find(this, ".cards", HTMLElement);
  #failure = find(this, ".failure", HTMLElement);
  #nothing = find(this, ".nothing", HTMLElement);
  #poll = new Poll((signal) => this.#load(signal), (error) => tell(this.#failure, failureText(error, "campaigns"), this.#loadedAt));

  show() {
    this.#poll.start();
  }

  leave() {
    this.#poll.stop();
  }

  again() {
    this.#poll.again();
  }

  /** Forgets what belonged to the last session. */
  reset() {
    this.#samples.clear();
    this.#cards.clear();
    this.#loadedAt = null;
    arrange(this.#list, []);
    tell(this.#failure, "");
  }

  /** @param {AbortSignal} signal */
  async #load(signal) {
    const api = this.api();
    if (api === null) return;
    const all = await api.progress(signal);
    this.#loadedAt = api.now();
    tell(this.#failure, "");
    this.#nothing.hidden = all.length > 0;
    write(this.#nothing, "No campaigns yet. An administrator adds one: PUT /api/v1/campaigns/{name}.");
    const inOrder = [...all].sort((a, b) => Number(b.running) - Number(a.running));
    arrange(this.#list, inOrder.map((progress) => this.#card(progress, api.now())));
  }

  /**
   * @param {Progress} progress
   * @param {number} now
   */
  #card(progress, now) {
    const { campaign, mode, running, why, leads, lines, agents, today } = progress;
    let card = this.#cards.get(campaign);
    if (!card) {
      card = stamp("campaign-template", HTMLLIElement);
      card.dataset.campaign = campaign;
      this.#cards.set(campaign, card);
    }
    const open = lines.ringing + lines.talking;
    const values = {
      dialed: leads.dialedToday,
      open,
      ready: agents.ready ?? 0,
      abandoned: today.answered === 0 ? null : today.abandoned / today.answered,
    };
    const samples = keep(this.#samples.get(campaign) ?? [], { at: now, values });
    this.#samples.set(campaign, samples);
    write(find(card, ".name", HTMLElement), campaign);
    write(find(card, ".mode", HTMLElement), mode === null ? "" : MODES[mode]);
    const state = find(card, ".running", HTMLElement);
    state.dataset.state = running ? "talk" : "end";
    write(state, running ? "Running" : "Stopped");
    state.hidden = mode === null;
    // of one that nobody dials there is no pace to show
    card.classList.toggle("undialed", mode === null);
    const link = find(card, ".to-queue", HTMLAnchorElement);
    link.href = `#queue/${encodeURIComponent(campaign)}`;
    link.ariaLabel = `Queue of ${campaign}`;
    const reason = find(card, ".why", HTMLElement);
    reason.dataset.state = TONES.get(why.code) ?? "end";
    reason.dataset.code = why.code;
    write(find(reason, "strong", HTMLElement), WORDS.get(why.code) ?? why.code);
    write(find(reason, "span", HTMLElement), why.message);
    this.#figures(card, progress, samples);
    return card;
  }

  /**
   * @param {HTMLElement} card
   * @param {Progress} progress
   * @param {readonly Sample[]} samples
   */
  #figures(card, { mode, leads, lines, agents, today, tally, limits, room }, samples) {
    fill(find(card, ".leads", HTMLElement), leads, () => parts("Leads", leadParts(leads)));
    const rows = /** @type {[string, string][]} */ ([
      ["Leads", grouped(leads.total)],
      ["May be dialed now", grouped(leads.due)],
      ["Dialed today", grouped(leads.dialedToday)],
      ["Answered today", grouped(today.answered)],
      ["Lines ringing", grouped(lines.ringing)],
      ["Talking", grouped(lines.talking)],
    ]);
    if (mode === "preview") rows.push(["Previews", grouped(lines.preview)]);
    if (mode === "predictive") rows.push(["Lines in budget", grouped(room)]);
    fill(find(card, ".facts", HTMLElement), rows, () => facts(rows));
    const cap = limits.cap / 10_000;
    const known = `${share(tally.abandoned, tally.answered)} of ${grouped(tally.answered)} answered`;
    const of = tally.answered === 0 ? "no answered call yet" : known;
    const told = `Abandoned in thirty days: ${of}; the cap is ${share(limits.cap, 10_000)}`;
    fill(find(card, ".cap", HTMLElement), told, () => [
      make("p", "", told),
      gauge(told, tally.answered === 0 ? 0 : tally.abandoned / tally.answered, cap),
    ]);
    fill(find(card, ".crew", HTMLElement), agents, () => crew(agents));
    fill(find(card, ".outcomes", HTMLElement), leads.cameOut, () => outcomes(leads.cameOut));
    const whole = (/** @type {number} */ n) => grouped(n);
    fill(find(card, ".plots", HTMLElement), samples, () => [
      plot(samples, { name: "Dialed today", key: "dialed", show: whole }),
      plot(samples, { name: "Lines open", key: "open", show: whole }),
      plot(samples, { name: "Agents ready", key: "ready", show: whole }),
      plot(samples, { name: "Abandoned today", key: "abandoned", show: (n) => share(n, 1), limit: cap }),
    ]);
  }
}

/** @param {Progress["leads"]} leads */
function leadParts({ hot, callback, fresh, retry, rest }) {
  return [
    { kind: "hot", word: "Hot", n: hot },
    { kind: "callback", word: "Promised", n: callback },
    { kind: "fresh", word: "Never dialed", n: fresh },
    { kind: "retry", word: "To be tried again", n: retry },
    { kind: "rest", word: "Not dialed any more", n: rest },
  ];
}

/** @param {Record<string, number>} agents */
function crew(agents) {
  const present = Object.keys(PRESENCE_WORDS).filter((state) => (agents[state] ?? 0) > 0);
  if (present.length === 0) return [make("li", "hint", "Nobody serves it")];
  return present.map((state) => make("li", "", badge(state, `${agents[state]} ${presenceWord(state).toLowerCase()}`)));
}

/** @param {Record<string, number>} cameOut */
function outcomes(cameOut) {
  const rows = Object.entries(cameOut).sort(([, a], [, b]) => b - a);
  if (rows.length === 0) return [make("li", "hint", "No outcome yet")];
  return rows.slice(0, 8).map(([word, n]) => make("li", "", make("span", "", word), make("strong", "", grouped(n))));
}

customElements.define("console-campaigns", CampaignsView);
