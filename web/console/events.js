/**
 * The last events: newest first, filtered as one types, and still while paused.
 *
 * @import { EventRow } from "./state.js"
 */
import { arrange, find, stamp, write } from "../shared/dom.js";
import { counted, stateWord, timeOfDay } from "./format.js";

const ROWS_MAX = 200;
/** Once the list shows one call, its whole history is a click away. */
const CALL_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export class EventList extends HTMLElement {
  /** @type {readonly EventRow[]} */
  #events = [];
  /** What the list showed when it was paused. @type {readonly EventRow[] | null} */
  #paused = null;
  /** @type {Map<string, HTMLElement>} by key: a row is drawn once */
  #rows = new Map();
  #filter = find(this, "input", HTMLInputElement);
  #pause = find(this, ".pause", HTMLButtonElement);
  #body = find(this, "tbody", HTMLElement);
  #nothing = find(this, ".nothing", HTMLElement);
  #history = find(this, ".history", HTMLAnchorElement);

  connectedCallback() {
    this.#filter.addEventListener("input", () => this.#draw());
    this.#pause.addEventListener("click", () => {
      this.#paused = this.#paused === null ? this.#events : null;
      this.#draw();
    });
  }

  /** @param {readonly EventRow[]} events */
  render(events) {
    this.#events = events;
    this.#draw();
  }

  /** Forgets what belonged to the last session. */
  reset() {
    this.#paused = null;
    this.#filter.value = "";
    this.render([]);
  }

  /**
   * Shows only what matches.
   *
   * @param {string} text
   */
  filterBy(text) {
    this.#filter.value = text;
    this.#draw();
    this.scrollIntoView({ block: "nearest" });
  }

  #draw() {
    const from = this.#paused ?? this.#events;
    const wanted = this.#filter.value.trim().toLowerCase();
    const shown = from.filter((event) => wanted === "" || matches(event, wanted)).slice(0, ROWS_MAX);
    const drawn = this.#rows;
    this.#rows = new Map(shown.map((event) => [event.key, drawn.get(event.key) ?? rowFor(event)]));
    arrange(this.#body, [...this.#rows.values()]);
    this.#history.hidden = !CALL_ID.test(wanted);
    this.#history.href = `#call/${wanted}`;
    this.#nothing.hidden = shown.length > 0;
    write(this.#nothing, wanted === "" ? "Waiting for the first event." : `None of the last ${counted(from.length, "event")} matches.`);
    const newer = this.#paused === null ? 0 : newerThan(this.#paused[0], this.#events);
    write(this.#pause, this.#paused === null ? "Pause" : newer === 0 ? "Resume" : `Resume (${newer} new)`);
    this.#pause.classList.toggle("active", this.#paused !== null);
  }
}

/**
 * @param {EventRow | undefined} newest
 * @param {readonly EventRow[]} events
 */
function newerThan(newest, events) {
  const at = newest === undefined ? -1 : events.indexOf(newest);
  return at === -1 ? events.length : at;
}

/**
 * @param {EventRow} event
 * @param {string} wanted in lower case
 */
function matches({ type, state, outcome, agent, number, call, seq }, wanted) {
  const words = [type, state, state && stateWord(state), outcome, agent, number, call, seq];
  return words.some((word) => String(word ?? "").toLowerCase().includes(wanted));
}

/** @param {EventRow} event */
function rowFor(event) {
  if (event.type === "resync") return resyncFor(event);
  const row = stamp("event-template", HTMLTableRowElement);
  row.dataset.seq = String(event.seq);
  row.dataset.type = event.type;
  if (event.state !== null) row.dataset.state = event.state;
  const time = find(row, "time", HTMLTimeElement);
  time.dateTime = event.time;
  time.title = event.time;
  write(time, timeOfDay(event.time));
  // A result is about how the call came out; its state only repeats that it ended.
  const state = event.type === "call.result" && event.outcome !== null ? event.outcome : stateWord(event.state ?? "");
  /** @type {[string, string][]} */
  const cells = [
    ["type", event.type],
    ["state", state],
    ["agent", event.agent ?? ""],
    ["number", event.number ?? ""],
    ["seq", String(event.seq)],
  ];
  for (const [name, text] of cells) {
    const cell = find(row, `.${name}`, HTMLTableCellElement);
    cell.title = text;
    write(cell, text);
  }
  return row;
}

/** @param {EventRow} event */
function resyncFor({ seq, time }) {
  const row = stamp("resync-template", HTMLTableRowElement);
  const what = `Resynchronised at seq ${seq}. Events before it may be missing from this list; the calls are complete.`;
  const text = `${timeOfDay(time)} · ${what}`;
  write(find(row, "td", HTMLTableCellElement), text);
  return row;
}

customElements.define("console-events", EventList);
