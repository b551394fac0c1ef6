/**
 * How a call came out: outcome, notes, when to call again. What is written survives a reload until it is saved.
 *
 * @import { Call } from "../sdk/types.js"
 */
import { find, write } from "../shared/dom.js";
import { makeOption } from "./controls.js";
import { say } from "./strings.js";

/** @typedef {{ name: string, text: string, callable: boolean }} Outcome */
/** @typedef {{ outcome: string, notes: string, retryAt: string, retryMine: boolean }} Draft */
/** @typedef {(outcome: string, more: { notes?: string, retryAt?: string, retryMine?: boolean }) => Promise<void>} SaveOutcome */

export class WrapUp {
  /** @type {SaveOutcome} */
  onSave = async () => {};
  /** @type {() => void} */
  onEnd = () => {};
  #root;
  #key;
  #outcome;
  #notes;
  #again;
  #retryAt;
  #retryMine;
  #save;
  #end;
  #said;
  /** @type {readonly Outcome[]} */
  #outcomes = [];

  /** @param {HTMLElement} root @param {string} call */
  constructor(root, call) {
    this.#root = root;
    this.#key = `cti notes ${call}`;
    this.#outcome = find(root, "[data-testid=outcome]", HTMLSelectElement);
    this.#notes = find(root, "[data-testid=notes]", HTMLTextAreaElement);
    this.#again = find(root, ".again", HTMLElement);
    this.#retryAt = find(root, "[data-testid=retry-at]", HTMLInputElement);
    this.#retryMine = find(root, "[data-testid=retry-mine]", HTMLInputElement);
    this.#save = find(root, "[data-testid=save]", HTMLButtonElement);
    this.#end = find(root, "[data-testid=end-wrap]", HTMLButtonElement);
    this.#said = find(root, "[data-testid=saved]", HTMLElement);
    root.addEventListener("input", () => this.#keep());
    this.#save.addEventListener("click", () => void this.#store());
    this.#end.addEventListener("click", () => this.onEnd());
    this.outcomes = [];
  }

  /** What can be chosen. @param {readonly Outcome[]} outcomes */
  set outcomes(outcomes) {
    this.#outcomes = outcomes;
    const options = outcomes.map(({ name, text }) => makeOption(name, text));
    this.#outcome.replaceChildren(makeOption("", say("chooseOutcome")), ...options);
    this.#recall();
  }

  /** @param {Call} call */
  show({ state, verbs, notes }) {
    this.#root.hidden = !verbs.includes("set_outcome");
    this.#end.hidden = !verbs.includes("end_wrap");
    write(this.#save, say(state === "idle" ? "saveAndEnd" : "save"));
    if (notes !== null && this.#notes.value === "" && document.activeElement !== this.#notes) this.#notes.value = notes;
  }

  /** Nothing is written any more. */
  forget() {
    draftStorage()?.removeItem(this.#key);
  }

  #keep() {
    write(this.#said, "");
    this.#again.hidden = !this.#outcomes.some(({ name, callable }) => callable && name === this.#outcome.value);
    /** @type {Draft} */
    const draft = { outcome: this.#outcome.value, notes: this.#notes.value, retryAt: this.#retryAt.value, retryMine: this.#retryMine.checked };
    try {
      draftStorage()?.setItem(this.#key, JSON.stringify(draft));
    } catch {
      // No room: what is written is lost by a reload, not by saving.
    }
  }

  #recall() {
    /** @type {Draft | null} */
    let draft = null;
    try {
      draft = JSON.parse(draftStorage()?.getItem(this.#key) ?? "null");
    } catch {
      return;
    }
    if (draft === null) return;
    this.#outcome.value = draft.outcome;
    if (this.#notes.value === "") this.#notes.value = draft.notes;
    this.#retryAt.value = draft.retryAt;
    this.#retryMine.checked = draft.retryMine;
    this.#again.hidden = !this.#outcomes.some(({ name, callable }) => callable && name === this.#outcome.value);
  }

  async #store() {
    const [outcome, notes] = [this.#outcome.value, this.#notes.value.trim()];
    if (outcome === "") {
      write(this.#said, say("needsOutcome"));
      this.#outcome.focus();
      return;
    }
    const retryAt = this.#again.hidden || this.#retryAt.value === "" ? null : new Date(this.#retryAt.value);
    const more = { ...(notes && { notes }), ...(retryAt && { retryAt: retryAt.toISOString(), retryMine: this.#retryMine.checked }) };
    this.#save.disabled = true;
    try {
      await this.onSave(outcome, more);
      write(this.#said, say("saved"));
    } catch (error) {
      write(this.#said, /** @type {Error} */ (error).message);
    }
    this.#save.disabled = false;
  }
}

/** @returns {Storage | null} */
function draftStorage() {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}
