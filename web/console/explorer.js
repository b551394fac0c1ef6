/**
 * The view of one call's history: found by number or id, then walked through event by event.
 *
 * @import { Api } from "./api.js"
 * @import { CallRecord } from "./shapes.js"
 * @import { Envelope } from "../sdk/types.js"
 * @import { Segment, Step } from "./timeline.js"
 */
import { ApiError } from "./api.js";
import { badge, draw, fill, find, make, write } from "../shared/dom.js";
import { duration } from "../shared/duration.js";
import { failureText, tell } from "./failure.js";
import { counted, dayAndTime, directionWord, stateWord, timeOfDay } from "./format.js";
import { fieldsOf, fieldWord, segmentsOf, stepsOf } from "./timeline.js";

const CALL_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** Something that may be a telephone number, in any spelling. */
const NUMBER = /^(tel:|sip:)?[+(]?\d[\d\s()./+-]*$/i;
/** Events of one commit come one after the other. */
const RELOAD_AFTER_MS = 300;

export class ExplorerView extends HTMLElement {
  /** @type {() => Api | null} */
  api = () => null;
  #id = "";
  /** @type {Step[]} */
  #steps = [];
  #at = 0;
  /** @type {Segment[]} */
  #segments = [];
  /** What is being loaded. @type {AbortController | null} */
  #loading = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #soon;
  #isShown = false;
  #form = find(this, "form", HTMLFormElement);
  #input = find(this, "[name=wanted]", HTMLInputElement);
  #said = find(this, ".said", HTMLElement);
  #results = find(this, ".results", HTMLElement);
  #failure = find(this, ".failure", HTMLElement);
  #history = find(this, ".history", HTMLElement);
  #strip = find(this, ".strip", HTMLElement);
  #slider = find(this, "[type=range]", HTMLInputElement);
  #list = find(this, ".steps", HTMLElement);

  connectedCallback() {
    this.#form.addEventListener("submit", (submit) => {
      submit.preventDefault();
      void this.#find();
    });
    this.#slider.addEventListener("input", () => this.#go(Number(this.#slider.value)));
    find(this, ".back", HTMLButtonElement).addEventListener("click", () => this.#go(this.#at - 1));
    find(this, ".on", HTMLButtonElement).addEventListener("click", () => this.#go(this.#at + 1));
    this.#history.addEventListener("keydown", (key) => this.#press(key));
  }

  /** @param {string} id a dtCallId */
  show(id) {
    this.#isShown = true;
    if (id === "" || id === this.#id) return;
    this.#id = id;
    this.#history.hidden = true;
    this.#steps = [];
    void this.#load(true);
  }

  leave() {
    this.#isShown = false;
  }

  again() {
    if (this.#id !== "") void this.#load(this.#steps.length === 0);
  }

  /** Forgets what belonged to the last session. */
  reset() {
    this.#loading?.abort();
    clearTimeout(this.#soon);
    this.#id = this.#input.value = "";
    this.#steps = [];
    this.#history.hidden = true;
    fill(this.#results, null, () => []);
    write(this.#said, "");
    tell(this.#failure, "");
  }

  /**
   * A call goes on while one looks at it.
   *
   * @param {Envelope} event
   */
  hear({ call, data }) {
    if (!this.#isShown || this.#id === "" || (call !== this.#id && data?.call !== this.#id)) return;
    clearTimeout(this.#soon);
    this.#soon = setTimeout(() => void this.#load(false), RELOAD_AFTER_MS);
  }

  /** The state that lasts grows. */
  tick() {
    const api = this.api();
    const last = this.#segments.at(-1);
    if (!this.#isShown || this.#history.hidden || api === null || !last?.isOpen) return;
    this.#segments = [...this.#segments.slice(0, -1), { ...last, to: api.now() }];
    this.#drawStrip();
  }

  async #find() {
    const api = this.api();
    const wanted = this.#input.value.trim();
    if (api === null || wanted === "") return;
    write(this.#said, "Looking…");
    fill(this.#results, null, () => []);
    const signal = this.#begin();
    try {
      const calls = await search(api, wanted, signal);
      if (calls.length === 0) {
        write(this.#said, `No call has the number or id ${wanted}.`);
        return;
      }
      write(this.#said, calls.length === 1 ? "" : `${counted(calls.length, "call")}, the newest first.`);
      fill(this.#results, calls, () => calls.map((call) => resultFor(call, api.now())));
      if (calls.length === 1) location.hash = `#call/${calls[0]?.id}`;
    } catch (error) {
      if (!signal.aborted) write(this.#said, failureText(error, "calls"));
    }
  }

  #begin() {
    this.#loading?.abort();
    this.#loading = new AbortController();
    return this.#loading.signal;
  }

  /** @param {boolean} isNew */
  async #load(isNew) {
    const api = this.api();
    if (api === null) return;
    const id = this.#id;
    const signal = this.#begin();
    try {
      const [call, journal, states] = await Promise.all([api.call(id, signal), api.journal(id, signal), api.states(id, signal)]);
      const wasLast = this.#at === this.#steps.length - 1;
      this.#steps = stepsOf(journal.items);
      this.#segments = segmentsOf(states, api.now());
      this.#history.hidden = false;
      tell(this.#failure, journal.complete ? "" : INCOMPLETE);
      this.#head(call, api.now());
      this.#drawSteps();
      // who stands at the newest event stays at the newest
      this.#go(isNew ? 0 : wasLast ? this.#steps.length - 1 : this.#at);
    } catch (error) {
      if (signal.aborted) return;
      const isMissing = error instanceof ApiError && error.status === 404;
      tell(this.#failure, isMissing ? `There is no call ${id} in this account.` : failureText(error, "events of this call"));
    }
  }

  /**
   * @param {CallRecord} call
   * @param {number} now
   */
  #head({ phoneNumber, direction, agent, createdAt, outcome, id, attempts }, now) {
    write(find(this, ".title", HTMLElement), phoneNumber ?? "Number withheld");
    const words = [directionWord(direction), agent ? `at ${agent}` : "", dayAndTime(createdAt, now), outcome ?? ""];
    write(find(this, ".about", HTMLElement), words.filter(Boolean).join(" · "));
    write(find(this, ".ids", HTMLElement), `${id} · ${attempts.map(({ callId }) => callId).join(", ")}`);
  }

  #drawSteps() {
    const steps = this.#steps;
    this.#slider.max = String(Math.max(0, steps.length - 1));
    for (const part of this.querySelectorAll(".walk, .moment")) part.toggleAttribute("hidden", steps.length === 0);
    const shown = steps.map(({ seq, text }) => [seq, text]);
    fill(this.#list, shown, () => steps.map((step, i) => this.#stepFor(step, i)));
  }

  /**
   * @param {Step} step
   * @param {number} i
   */
  #stepFor({ at, type, text, state, seq }, i) {
    const button = make("button", "step", make("time", "", timeOfDay(at)), make("span", "text", text), make("code", "", type));
    button.type = "button";
    button.title = `seq ${seq}`;
    if (type.startsWith("call.") && state !== null) button.dataset.state = state;
    button.addEventListener("click", () => this.#go(i));
    return make("li", "", button);
  }

  /** @param {KeyboardEvent} key */
  #press(key) {
    if (key.target instanceof HTMLInputElement || key.altKey || key.ctrlKey || key.metaKey) return;
    const last = this.#steps.length - 1;
    const [back, on] = [this.#at - 1, this.#at + 1];
    const to = { ArrowLeft: back, ArrowUp: back, ArrowRight: on, ArrowDown: on, Home: 0, End: last }[key.key];
    if (to === undefined) return;
    key.preventDefault();
    this.#go(to);
  }

  /** @param {number} to */
  #go(to) {
    const at = Math.max(0, Math.min(to, this.#steps.length - 1));
    this.#at = at;
    this.#drawStrip();
    const step = this.#steps[at];
    if (step === undefined) return;
    const place = `Event ${at + 1} of ${this.#steps.length}`;
    this.#slider.value = String(at);
    this.#slider.ariaValueText = `${place}, ${timeOfDay(step.at)}: ${step.text}`;
    find(this, ".back", HTMLButtonElement).disabled = at === 0;
    find(this, ".on", HTMLButtonElement).disabled = at === this.#steps.length - 1;
    [...this.#list.children].forEach((item, i) => {
      const button = find(item, "button", HTMLButtonElement);
      button.ariaCurrent = i === at ? "step" : null;
      if (i === at) this.#list.scrollTop = Math.max(0, button.offsetTop - this.#list.clientHeight / 2);
    });
    write(find(this, ".place", HTMLElement), `${place} · ${timeOfDay(step.at)} · ${step.text}`);
    const fields = fieldsOf(step);
    fill(find(this, ".object", HTMLElement), [step.seq, fields], () => fields.map(fieldFor));
    const empty = find(this, ".no-object", HTMLElement);
    empty.hidden = fields.length > 0;
  }

  #drawStrip() {
    const segments = this.#segments;
    const first = segments[0];
    if (first === undefined) return fill(this.#strip, null, () => []);
    const begin = first.from;
    const end = Math.max(begin + 1, ...segments.map(({ to }) => to));
    const x = (/** @type {number} */ at) => (1000 * (Math.min(end, Math.max(begin, at)) - begin)) / (end - begin);
    const step = this.#steps[this.#at];
    const told = segments.map(({ word, from, to }) => `${word} ${duration(to - from)}`).join(", ");
    fill(this.#strip, [segments, step?.seq], () => {
      const bars = segments.map(({ state, from, to }) => {
        const [left, width] = [x(from), Math.max(2, x(to) - x(from))].map((n) => n.toFixed(2));
        return draw("rect", { x: left ?? 0, y: 6, width: width ?? 0, height: 28, class: "segment", "data-state": state });
      });
      const label = `States: ${told}`;
      const picture = draw("svg", { viewBox: "0 0 1000 40", role: "img", "aria-label": label, preserveAspectRatio: "none" }, ...bars);
      const here = step && Math.max(0, x(Date.parse(step.at)) - 2).toFixed(2);
      if (here) picture.append(draw("rect", { x: here, y: 0, width: 4, height: 40, class: "here" }));
      return [picture, make("ul", "legend", ...segments.map(segmentItem))];
    });
  }
}

/** @param {Segment} segment */
function segmentItem({ state, word, agent, from, to, isOpen }) {
  const item = make("li", "", make("span", "dot"), `${word} `, make("strong", "", duration(to - from)));
  item.append([isOpen ? " so far" : "", agent ? ` · ${agent}` : ""].join(""));
  item.dataset.state = state;
  return item;
}

const INCOMPLETE = "The journal no longer holds all events of this call: it keeps them for some days. The strip of states is complete.";

/**
 * Calls with this number, id, or id of a telephone system, the newest first.
 *
 * @param {Api} api
 * @param {string} wanted
 * @param {AbortSignal} signal
 * @returns {Promise<CallRecord[]>}
 */
async function search(api, wanted, signal) {
  if (CALL_ID.test(wanted)) {
    const call = await missing(api.call(wanted.toLowerCase(), signal));
    if (call !== null) return [call];
  }
  const byName = api.calls({ callId: wanted }, signal);
  const byNumber = NUMBER.test(wanted) ? missing(api.calls({ number: wanted }, signal)) : null;
  const found = [...(await byName), ...((await byNumber) ?? [])];
  const calls = new Map(found.map((call) => [call.id, call]));
  return [...calls.values()].sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
}

/**
 * What was asked for, or null when there is none or it was no number.
 *
 * @template T
 * @param {Promise<T>} asked
 * @returns {Promise<T | null>}
 */
async function missing(asked) {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ApiError && (error.status === 404 || error.status === 422)) return null;
    throw error;
  }
}

/**
 * @param {CallRecord} call
 * @param {number} now
 */
function resultFor({ id, phoneNumber, direction, agent, createdAt, state, outcome }, now) {
  const link = make("a", "result", make("strong", "number", phoneNumber ?? "Number withheld"));
  link.href = `#call/${id}`;
  const words = [dayAndTime(createdAt, now), directionWord(direction), agent ?? ""];
  link.append(make("span", "", words.filter(Boolean).join(" · ")), badge(state ?? "end", outcome ?? stateWord(state ?? "")));
  return make("li", "", link);
}

/** @param {ReturnType<typeof fieldsOf>[number]} field */
function fieldFor({ field, value, was }) {
  const row = make("div", was === null ? "" : "changed", make("dt", "", fieldWord(field)));
  row.dataset.field = field;
  const before = was === null ? null : make("span", "was", `was ${was === "" ? "empty" : worded(field, was)}`);
  row.append(make("dd", "", field === "state" ? badge(value, stateWord(value)) : worded(field, value) || "–", before));
  return row;
}

/**
 * @param {string} field
 * @param {string} value
 */
function worded(field, value) {
  if (value === "") return "";
  if (field === "state") return stateWord(value);
  if (field === "direction") return directionWord(value);
  return field === "stateTime" || field === "until" || field === "retryDatetime" ? timeOfDay(value) : value;
}

customElements.define("console-explorer", ExplorerView);
