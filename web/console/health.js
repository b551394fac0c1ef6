/**
 * The view of health: what the account depends on, and which of it stands still.
 *
 * @import { Api } from "./api.js"
 * @import { GatewayHealth, Health, SystemHealth } from "./shapes.js"
 */
import { badge, facts, fill, find, make } from "../shared/dom.js";
import { failureText, tell } from "./failure.js";
import { ago, brief, dayAndTime, grouped, span } from "./format.js";
import { Poll } from "./poll.js";

/** A store that answers more slowly than this holds everything up. */
const SLOW_STORE_US = 250_000;
/** News that takes longer than this to reach a screen is late. */
const LATE_US = 1_000_000;

export class HealthView extends HTMLElement {
  /** @type {() => Api | null} */
  api = () => null;
  /** @type {number | null} */
  #loadedAt = null;
  #failure = find(this, ".failure", HTMLElement);
  #poll = new Poll((signal) => this.#load(signal), (error) => tell(this.#failure, failureText(error, "figures"), this.#loadedAt));

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
    this.#loadedAt = null;
    tell(this.#failure, "");
    for (const body of this.querySelectorAll(".body")) fill(body, null, () => []);
  }

  /** @param {AbortSignal} signal */
  async #load(signal) {
    const api = this.api();
    if (api === null) return;
    const health = await api.health(signal);
    const now = api.now();
    this.#loadedAt = now;
    tell(this.#failure, "");
    const put = (/** @type {string} */ name, /** @type {HTMLElement[]} */ nodes) => {
      fill(find(this, `[data-testid=${name}] .body`, HTMLElement), nodes.map((node) => node.textContent), () => nodes);
    };
    const { telephoneSystems, gateways, providers } = health;
    put("systems", telephoneSystems.length > 0 ? telephoneSystems.map((system) => systemItem(system, now)) : [none(NO_SYSTEM)]);
    put("gateways", gateways.length > 0 ? gateways.map((gateway) => gatewayItem(gateway, now)) : [none(NO_GATEWAY)]);
    put("providers", providers.length > 0 ? providers.map((provider) => providerItem(provider, now)) : [none(NO_PROVIDER)]);
    put("server", serverItems(health, now));
  }
}

const NO_SYSTEM = "No telephone system takes orders: agents dial at their telephones. PUT /api/v1/telephone-systems/{name} adds one.";
const NO_GATEWAY = "No gateway reports calls. “cti-gateway gateway add” makes one.";
const NO_PROVIDER = "No provider carries messages. PUT /api/v1/providers/{name} adds one.";

/** @param {string} text */
function none(text) {
  return make("p", "hint", text);
}

/**
 * @param {string} name
 * @param {HTMLElement} state
 * @param {[string, string | Node][]} rows
 * @param {string} [trouble]
 */
function item(name, state, rows, trouble = "") {
  const article = make("article", "item", make("h4", "", name, " ", state));
  article.dataset.name = name;
  if (trouble !== "") article.append(make("p", "trouble", trouble));
  article.append(make("dl", "facts", ...facts(rows)));
  return article;
}

/**
 * @param {SystemHealth} system
 * @param {number} now
 */
function systemItem({ system, state, since, message, lastNewsAt, news, orders }, now) {
  const { taken, refused, unclear, lastTrouble } = orders;
  const isUp = state === "up";
  const held = since === null ? "not known" : `${dayAndTime(since, now)} (${span(now - Date.parse(since))})`;
  /** @type {[string, string][]} */
  const rows = [
    [isUp ? "Connected since" : "Away since", held],
    ["Last news", ago(lastNewsAt, now)],
    ["News", grouped(news)],
    ["Orders taken", grouped(taken)],
    ["Refused", grouped(refused)],
    ["Unclear", grouped(unclear)],
  ];
  if (lastTrouble !== null) rows.push(["Last refusal", `${lastTrouble.verb}, ${ago(lastTrouble.at, now)}: ${lastTrouble.message}`]);
  return item(system, badge(isUp ? "talk" : "trouble", isUp ? "Connected" : "Not connected"), rows, isUp ? "" : message);
}

/**
 * @param {GatewayHealth} gateway
 * @param {number} now
 */
function gatewayItem({ gateway, lastNewsAt, news, unknown, lastUnknownAt }, now) {
  const state = lastNewsAt === null ? badge("end", "Silent") : badge("talk", "Heard");
  /** @type {[string, string][]} */
  const rows = [
    ["Last news", ago(lastNewsAt, now)],
    ["News", grouped(news)],
    ["Unknown events", unknown === 0 ? "0" : `${grouped(unknown)}, last ${ago(lastUnknownAt, now)}`],
  ];
  return item(gateway ?? "API (call events)", state, rows);
}

/**
 * @param {Health["providers"][number]} provider
 * @param {number} now
 */
function providerItem({ provider, messages, lastAt }, now) {
  const count = (/** @type {string[]} */ ...statuses) => statuses.reduce((sum, status) => sum + (messages[status] ?? 0), 0);
  const failed = count("failed", "undelivered");
  const waiting = count("queued", "sending", "unclear");
  const calm = waiting > 0 ? badge("ringing", `${waiting} on their way`) : badge("end", "Quiet");
  return item(provider, failed > 0 ? badge("trouble", `${failed} failed`) : calm, [
    ["Sent or delivered", grouped(count("sent", "delivered"))],
    ["On their way", grouped(waiting)],
    ["Failed", grouped(failed)],
    ["Received", grouped(count("received"))],
    ["Last change", ago(lastAt, now)],
  ]);
}

/**
 * @param {Health} health
 * @param {number} now
 */
function serverItems({ server, store, journal, sockets }, now) {
  const isSlow = store.answeredUs > SLOW_STORE_US;
  const isLate = (sockets.slowestUs ?? 0) > LATE_US;
  return [
    item("Store", isSlow ? badge("trouble", "Slow") : badge("talk", "Answers"), [
      ["Database", store.kind === "sqlite" ? "SQLite" : "PostgreSQL"],
      ["Answered in", brief(store.answeredUs)],
      ["Commits that wait", grouped(server.waiting)],
    ]),
    item("Journal", badge("talk", `seq ${grouped(journal.seq)}`), [
      ["Last entry", ago(journal.lastAt, now)],
      ["Entries kept", grouped(journal.kept)],
      ["Epoch", make("code", "", journal.epoch)],
    ]),
    item("Delivery", isLate ? badge("trouble", "Late") : badge("talk", "In time"), [
      ["Slowest in the last minutes", sockets.slowestUs === null ? "nothing was delivered" : brief(sockets.slowestUs)],
      ["Entries delivered", grouped(sockets.delivered)],
      ["Softphones connected", grouped(sockets.softphones)],
      ["Followers", grouped(sockets.followers)],
    ]),
    item("Server", badge("talk", "Runs"), [
      ["Version", server.version],
      ["Started", `${dayAndTime(server.startedAt, now)} (${span(now - Date.parse(server.startedAt))})`],
    ]),
  ];
}

customElements.define("console-health", HealthView);
