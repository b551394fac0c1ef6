/**
 * The view of a campaign's queue: who is dialed next, and what speaks against it now; and one lead, found by its number.
 *
 * @import { Api } from "./api.js"
 * @import { Explanation, Lead, QueueItem, Receipt } from "./shapes.js"
 */
import { ApiError } from "./api.js";
import { badge, facts, fill, find, make, stamp, write } from "../shared/dom.js";
import { failureText, tell } from "./failure.js";
import { counted, dayAndTime } from "./format.js";
import { Poll } from "./poll.js";

/** @type {Record<string, string>} */
const RANKS = { hot: "Hot", callback: "Promised", fresh: "Never dialed", retry: "Again" };
/** @type {Record<string, string>} */
const RULES = {
  import_only: "Stored only",
  expiry: "Expired",
  dnc: "Do not call",
  call_status: "Outcome",
  playlist: "Playlist",
  max_attempts: "Tried enough",
  retry: "Tried again later",
  callback: "Promised for later",
  window: "Calling window",
  day_cap: "Cap of the day",
};
/** @type {Record<string, string>} */
const RECEIPTS = { presented: "Presented", dialed: "Dialed", skipped: "Passed over" };

export class QueueView extends HTMLElement {
  /** @type {() => Api | null} */
  api = () => null;
  #campaign = "";
  /** @type {QueueItem[]} */
  #items = [];
  /** @type {number | null} */
  #loadedAt = null;
  /** The search that is under way. @type {AbortController | null} */
  #search = null;
  #choice = find(this, "select", HTMLSelectElement);
  #hot = find(this, "[name=hot]", HTMLInputElement);
  #rows = find(this, "tbody", HTMLElement);
  #nothing = find(this, ".nothing", HTMLElement);
  #failure = find(this, ".failure", HTMLElement);
  #form = find(this, "form", HTMLFormElement);
  #number = find(this, "[name=phone]", HTMLInputElement);
  #said = find(this, ".said", HTMLElement);
  #found = find(this, ".found", HTMLElement);
  #poll = new Poll((signal) => this.#load(signal), (error) => tell(this.#failure, failureText(error, "leads"), this.#loadedAt));

  connectedCallback() {
    this.#choice.addEventListener("change", () => {
      location.hash = `#queue/${encodeURIComponent(this.#choice.value)}`;
    });
    this.#hot.addEventListener("change", () => this.#draw());
    this.#form.addEventListener("submit", (submit) => {
      submit.preventDefault();
      void this.#find();
    });
  }

  /** @param {string} campaign */
  show(campaign) {
    const isOther = campaign !== "" && campaign !== this.#campaign;
    if (isOther) {
      this.#campaign = campaign;
      this.#loadedAt = null;
      this.#items = [];
      this.#draw();
    }
    this.#poll.start();
    if (isOther) this.#poll.again();
  }

  leave() {
    this.#poll.stop();
  }

  again() {
    this.#poll.again();
  }

  /** Forgets what belonged to the last session. */
  reset() {
    this.#campaign = this.#number.value = "";
    this.#items = [];
    this.#loadedAt = null;
    this.#search?.abort();
    this.#choice.replaceChildren();
    fill(this.#found, null, () => []);
    write(this.#said, "");
    tell(this.#failure, "");
    this.#draw();
  }

  /** @param {AbortSignal} signal */
  async #load(signal) {
    const api = this.api();
    if (api === null) return;
    const campaigns = await api.campaigns(signal);
    if (!campaigns.includes(this.#campaign)) {
      if (this.#campaign !== "" && campaigns.length > 0) throw new GoneError(`There is no campaign ${this.#campaign}. Choose another.`);
      this.#campaign = campaigns[0] ?? "";
    }
    fill(this.#choice, campaigns, () => campaigns.map((name) => new Option(name, name)));
    this.#choice.value = this.#campaign;
    const asked = this.#campaign;
    this.#items = asked === "" ? [] : await api.queue(asked, signal);
    this.#loadedAt = api.now();
    tell(this.#failure, "");
    this.#draw();
  }

  #draw() {
    const shown = this.#items.filter(({ rank }) => !this.#hot.checked || rank === "hot");
    const now = this.#loadedAt ?? Date.now();
    const lines = shown.map((item) => ({ ...item, when: when(item, now) }));
    fill(this.#rows, lines, () => lines.map((line) => rowFor(line)));
    this.#nothing.hidden = shown.length > 0;
    const none = this.#hot.checked ? "No hot lead waits." : "No lead waits to be dialed in this campaign.";
    write(this.#nothing, this.#loadedAt === null ? "Loading…" : this.#campaign === "" ? "No campaigns yet." : none);
  }

  async #find() {
    const api = this.api();
    const phone = this.#number.value.trim();
    if (api === null || phone === "") return;
    this.#search?.abort();
    const search = new AbortController();
    this.#search = search;
    write(this.#said, "Looking…");
    try {
      const leads = await api.leadsOf(phone, search.signal);
      const explained = await Promise.all(leads.map(async (lead) => ({ lead, explanation: await api.explain(lead.id, search.signal) })));
      const now = api.now();
      write(this.#said, leads.length === 0 ? `No lead has the number ${phone}.` : `${counted(leads.length, "lead")} with this number.`);
      fill(this.#found, [explained, now], () => explained.map(({ lead, explanation }) => leadCard(lead, explanation, now)));
    } catch (error) {
      if (search.signal.aborted) return;
      fill(this.#found, null, () => []);
      const isWrong = error instanceof ApiError && error.status === 422;
      write(this.#said, isWrong ? `${phone} is no telephone number.` : failureText(error, "leads"));
    }
  }
}

/** The campaign of the address is not there. */
class GoneError extends ApiError {
  /** @param {string} message */
  constructor(message) {
    super(new Response(null, { status: 404 }), { message });
  }
}

/**
 * @param {QueueItem} item
 * @param {number} now
 */
function when({ dialAt, explanation }, now) {
  if (explanation?.dial) return "now";
  const at = explanation ? explanation.nextAllowed : dialAt;
  return at === null ? "never" : dayAndTime(at, now);
}

/** @param {QueueItem & { when: string }} item */
function rowFor({ rank, lead, explanation, when }) {
  const row = stamp("queue-template", HTMLTableRowElement);
  row.dataset.number = lead.phone;
  find(row, ".rank", HTMLElement).append(badge(rank, RANKS[rank] ?? rank));
  write(find(row, ".number", HTMLElement), lead.phone);
  write(find(row, ".person", HTMLElement), personOf(lead));
  write(find(row, ".when", HTMLElement), when);
  row.classList.toggle("due", when === "now");
  const reasons = explanation?.reasons ?? [];
  const why = find(row, ".reasons", HTMLElement);
  if (reasons.length === 0) why.append(make("span", "hint", "Nothing speaks against it"));
  else {
    const items = reasons.map(({ rule, message }) => make("li", "", make("strong", "", RULES[rule] ?? rule), ` ${message}`));
    why.append(make("ul", "rules", ...items));
  }
  return row;
}

/** @param {Lead} lead */
function personOf({ firstName, lastName, city }) {
  return [[firstName, lastName].filter(Boolean).join(" "), city].filter(Boolean).join(", ");
}

/**
 * @param {Lead} lead
 * @param {Explanation & { past: Receipt[] }} explanation
 * @param {number} now
 */
function leadCard(lead, explanation, now) {
  const { dial, nextAllowed, reasons, overridden, past } = explanation;
  const card = make("li", "lead");
  card.dataset.testid = "lead";
  card.dataset.lead = String(lead.id);
  const later = nextAllowed === null ? "It will not be dialed." : `It is not dialed before ${dayAndTime(nextAllowed, now)}.`;
  const verdict = make("p", "verdict", dial ? "It may be dialed now." : later);
  verdict.dataset.state = dial ? "talk" : nextAllowed === null ? "trouble" : "ringing";
  const tried = `${counted(lead.attemptsTotal, "time")}, last ${dayAndTime(lead.lastAttemptAt ?? "", now)}`;
  /** @type {[string, string][]} */
  const rows = [
    ["Campaign", lead.campaign],
    ["Outcome so far", lead.callStatus || "none"],
    ["Dialed", lead.attemptsTotal === 0 ? "never" : tried],
  ];
  if (lead.clientId) rows.push(["Your id", lead.clientId]);
  const heading = [lead.phone, personOf(lead)].filter(Boolean).join(" · ");
  card.append(make("h4", "", heading), verdict, rulesOf("Why it is not dialed", reasons, now), make("dl", "facts", ...facts(rows)));
  card.append(rulesOf("Set aside for it", overridden, now), pastOf(past, now));
  return card;
}

/**
 * @param {string} title
 * @param {Explanation["reasons"]} reasons
 * @param {number} now
 */
function rulesOf(title, reasons, now) {
  if (reasons.length === 0) return "";
  const items = reasons.map(({ rule, message, nextAllowed }) => {
    const passes = nextAllowed === null ? "does not pass by itself" : `passes ${dayAndTime(nextAllowed, now)}`;
    const item = make("li", "", make("strong", "", RULES[rule] ?? rule), ` ${message} `, make("span", "hint", passes));
    item.dataset.rule = rule;
    return item;
  });
  return make("section", "", make("h5", "", title), make("ul", "rules", ...items));
}

/**
 * @param {Receipt[]} past
 * @param {number} now
 */
function pastOf(past, now) {
  if (past.length === 0) return "";
  const items = past.map(({ kind, at, reasons, agent }) => {
    const why = Array.isArray(reasons) ? reasons.map(({ message }) => message).join("; ") : "";
    const words = [RECEIPTS[kind] ?? kind, agent ? `for ${agent}` : "", why].filter(Boolean).join(" · ");
    return make("li", "", make("time", "", dayAndTime(at, now)), ` ${words}`);
  });
  return make("section", "", make("h5", "", "What was decided before"), make("ul", "rules", ...items));
}

customElements.define("console-queue", QueueView);
