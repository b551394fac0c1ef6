/**
 * The live calls as a board: the calls without an agent first, then one row per agent with what he does, in an order that does not
 * jump.
 *
 * @import { Board, HeldCall } from "./state.js"
 * @import { CallState } from "../sdk/types.js"
 * @import { Agent } from "./shapes.js"
 */
import { arrange, find, stamp, write } from "../shared/dom.js";
import { duration } from "../shared/duration.js";
import { directionWord, PRESENCE_WORDS, presenceWord, reasonWord, STATE_WORDS } from "./format.js";
import { nameOf } from "./state.js";

/** More waiting calls than this are counted, not listed. */
const UNASSIGNED_MAX = 60;
/** In the order of the summary. */
const STATES = /** @type {CallState[]} */ (["incoming", "ringing", "preview", "talk", "hold", "idle"]);
const OUTGOING = new Set(["outbound", "clicktocall", "ccOutbound"]);

export class CallBoard extends HTMLElement {
  /** @type {(dtCallId: string) => void} */
  onTrace = () => {};
  /** @type {Map<string, HTMLElement>} by dtCallId: a call keeps its element when it changes hands */
  #calls = new Map();
  /** @type {Map<string, HTMLElement>} by login */
  #lanes = new Map();
  #empty = find(this, ".first-call", HTMLElement);
  #curl = find(this, ".curl", HTMLElement);
  #copy = find(this, ".copy", HTMLButtonElement);
  #counts = find(this, ".counts", HTMLElement);
  #unassigned = find(this, "[data-testid=unassigned] .calls", HTMLElement);
  #waiting = find(this, "[data-testid=unassigned]", HTMLElement);
  #more = find(this, "[data-testid=unassigned] .more", HTMLElement);
  #rows = find(this, ".lanes", HTMLElement);
  #note = find(this, ".agents-note", HTMLElement);
  #heads = find(this, ".agent-counts", HTMLElement);
  #filtered = find(this, ".filtered", HTMLElement);
  /** The only state of agents that is shown. @type {string | null} */
  #only = null;
  /** Draws again what was drawn last. */
  #again = () => {};

  connectedCallback() {
    // The clipboard is there only on a secure origin.
    this.#copy.hidden = !navigator.clipboard;
    this.#copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(this.#curl.textContent ?? "");
      write(this.#copy, "Copied");
      setTimeout(() => write(this.#copy, "Copy"), 2_000);
    });
  }

  /**
   * @param {Board} board
   * @param {{ anyCall: boolean, note: string, now: number, heads: Map<string, number> }} around
   */
  render(board, around) {
    const { lanes: everybody, unassigned } = board;
    const { anyCall, note, now, heads } = around;
    this.#again = () => this.render(board, around);
    if (this.#only !== null && !heads.has(this.#only)) this.#only = null;
    const lanes = this.#only === null ? everybody : everybody.filter(({ agent }) => (agent.state ?? "offline") === this.#only);
    const drawn = new Map(this.#calls);
    this.#calls.clear();
    const draw = (/** @type {HeldCall} */ held) => this.#draw(held, drawn.get(held.call.dtCallId));

    this.#empty.hidden = anyCall;
    if (!anyCall) write(this.#curl, curlFor(everybody.find(({ agent }) => agent.number)?.agent));
    const listed = unassigned.slice(0, UNASSIGNED_MAX);
    arrange(this.#unassigned, listed.map(draw));
    this.#waiting.classList.toggle("busy", unassigned.length > 0);
    this.#more.hidden = listed.length === unassigned.length;
    write(this.#more, `and ${unassigned.length - listed.length} more`);

    const rows = lanes.map(({ agent, calls }) => {
      const row = this.#lane(agent, calls.length > 0);
      arrange(find(row, ".calls", HTMLElement), calls.map(draw));
      return row;
    });
    arrange(this.#rows, [this.#waiting, ...rows]);
    const logins = new Set(lanes.map(({ agent }) => agent.login));
    for (const login of this.#lanes.keys()) if (!logins.has(login)) this.#lanes.delete(login);
    this.#note.hidden = note === "";
    write(this.#note, note);

    this.#summarise([...unassigned, ...everybody.flatMap(({ calls }) => calls)]);
    this.#count(heads);
    this.#filtered.hidden = this.#only === null;
    const others = everybody.length - lanes.length;
    write(this.#filtered, `Only agents who are: ${presenceWord(this.#only).toLowerCase()}. ${others} are not shown.`);
    this.tick(now);
  }

  /**
   * Moves the timers.
   *
   * @param {number} now
   */
  tick(now) {
    for (const element of this.#calls.values()) {
      const { since } = element.dataset;
      write(find(element, ".timer", HTMLElement), since === undefined ? "" : duration(now - Number(since)));
    }
    for (const lane of this.#lanes.values()) {
      const { since } = lane.dataset;
      write(find(lane, ".since", HTMLElement), since === undefined ? "" : duration(now - Number(since)));
    }
  }

  /**
   * @param {HeldCall} held
   * @param {HTMLElement} [element] the one it had
   */
  #draw({ call, state, endedAt }, element = this.#newCall(call.dtCallId)) {
    this.#calls.set(call.dtCallId, element);
    const number = call.phone || "Number withheld";
    element.dataset.state = state;
    element.dataset.number = call.phone ?? "";
    if (endedAt === null && call.stateTime) element.dataset.since = String(Date.parse(call.stateTime));
    else delete element.dataset.since;
    write(find(element, ".badge", HTMLElement), STATE_WORDS[state]);
    write(find(element, ".number", HTMLElement), number);
    const outgoing = OUTGOING.has(call.direction ?? "");
    const party = (outgoing ? call.toName : call.fromName) ?? call.toName ?? call.fromName;
    const arrow = call.direction === null ? "" : outgoing ? "↗ " : "↙ ";
    const words = [endedAt === null ? null : call.outcome, party, directionWord(call.direction)];
    const detail = find(element, ".detail", HTMLElement);
    detail.title = arrow + words.filter(Boolean).join(" · ");
    write(detail, detail.title);
    return element;
  }

  /** @param {string} id */
  #newCall(id) {
    const element = stamp("call-template", HTMLLIElement);
    element.dataset.call = id;
    find(element, ".number", HTMLButtonElement).addEventListener("click", () => this.onTrace(id));
    return element;
  }

  /**
   * @param {Agent} agent
   * @param {boolean} busy
   */
  #lane(agent, busy) {
    let row = this.#lanes.get(agent.login);
    if (!row) {
      row = stamp("lane-template", HTMLLIElement);
      row.dataset.agent = agent.login;
      this.#lanes.set(agent.login, row);
    }
    row.classList.toggle("busy", busy);
    const state = agent.state ?? "offline";
    const doing = find(row, ".doing", HTMLElement);
    doing.dataset.state = state;
    write(find(doing, ".badge", HTMLElement), presenceWord(state));
    const { next } = agent;
    const after = next ? `then ${presenceWord(next.mode).toLowerCase()}` : "";
    const reason = find(doing, ".reason", HTMLElement);
    const words = [reasonWord(agent.reason), [after, reasonWord(next?.reason)].filter(Boolean).join(", ")];
    reason.title = words.filter(Boolean).join(" · ");
    write(reason, reason.title);
    // how long somebody is away is nobody's concern
    if (agent.since && state !== "offline") row.dataset.since = String(Date.parse(agent.since));
    else delete row.dataset.since;
    const name = find(row, ".name", HTMLElement);
    name.title = nameOf(agent);
    write(name, nameOf(agent));
    write(find(row, ".extension", HTMLElement), agent.number ?? "");
    return row;
  }

  /**
   * How many agents are in each state; a press shows only these.
   *
   * @param {Map<string, number>} heads
   */
  #count(heads) {
    const shown = Object.keys(PRESENCE_WORDS).filter((state) => heads.has(state)).map((state) => {
      const item = this.#heads.querySelector(`[data-state="${state}"]`) ?? this.#newHead(state);
      const button = find(item, "button", HTMLButtonElement);
      button.ariaPressed = String(this.#only === state);
      write(find(item, ".text", HTMLElement), `${heads.get(state)} ${presenceWord(state).toLowerCase()}`);
      return item;
    });
    arrange(this.#heads, shown);
  }

  /** @param {string} state */
  #newHead(state) {
    const item = stamp("head-template", HTMLLIElement);
    item.dataset.state = state;
    find(item, "button", HTMLButtonElement).addEventListener("click", () => {
      this.#only = this.#only === state ? null : state;
      this.#again();
    });
    return item;
  }

  /** @param {HeldCall[]} calls */
  #summarise(calls) {
    const counts = STATES.map((state) => ({ state, n: calls.filter((held) => held.state === state).length }));
    const shown = counts.filter(({ n }) => n > 0).map(({ state, n }) => {
      const item = this.#counts.querySelector(`[data-state="${state}"]`) ?? stamp("count-template", HTMLLIElement);
      item.setAttribute("data-state", state);
      write(find(item, ".text", HTMLElement), `${n} ${STATE_WORDS[state].toLowerCase()}`);
      return item;
    });
    arrange(this.#counts, shown);
  }
}

/**
 * A line that makes a call ring at an agent.
 *
 * @param {Agent} [agent]
 */
function curlFor(agent) {
  const query = `event=call_initiated&call_id=try-$RANDOM&direction=inbound&from=%2B14155550123&to=${agent?.number ?? "1001"}`;
  const door = `${location.origin}/modules/PhoneCalls/callbacks/Generic.php`;
  return `curl -X POST -H "X-VTIGER-SECRET: SECRET" \\\n"${door}?${query}"`;
}

customElements.define("console-calls", CallBoard);
