/**
 * How a call came out: outcome, notes, when to call again. What is written survives a reload until it is saved.
 *
 * @import { Call } from "../sdk/types.js"
 */
import { find, write } from "../shared/dom.js";
import { makeOption } from "./controls.js";
import { keepDraft, recallDraft } from "./drafts.js";
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
  /** What is written and not saved. @type {Draft | null} */
  #draft = null;

  /** @param {HTMLElement} root @param {string} call */
  constructor(root, call) {
    this.#root = root;
    this.#key = `cti notes ${call}`;
    this.#draft = recallDraft(this.#key);
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
    // A call that is gone stays for what is written of it, until that is saved or put away.
    this.#end.hidden = !verbs.includes("end_wrap") && state !== "end";
    write(this.#end, say(state === "end" ? "putAway" : "endWrap"));
    if (state === "end" && this.#said.textContent === "") write(this.#said, say("stillUnsaved"));
    write(this.#save, say(state === "idle" ? "saveAndEnd" : "save"));
    if (notes !== null && this.#notes.value === "" && document.activeElement !== this.#notes) this.#notes.value = notes;
  }

  /** Whether there is something to lose. */
  get isUnsaved() {
    return this.#draft !== null && (this.#draft.outcome !== "" || this.#draft.notes.trim() !== "");
  }

  /** Nothing is written any more. */
  forget() {
    this.#draft = null;
    keepDraft(this.#key, null);
  }

  /** What is written is not to be saved; the answer takes that back. */
  setAside() {
    const draft = this.#draft;
    this.#draft = null;
    return () => void (this.#draft = draft);
  }

  #keep() {
    write(this.#said, "");
    // Until it is known what can be chosen, what was chosen before a reload is not shown.
    const outcome = this.#outcomes.length > 0 ? this.#outcome.value : (this.#draft?.outcome ?? "");
    this.#draft = { outcome, notes: this.#notes.value, retryAt: this.#retryAt.value, retryMine: this.#retryMine.checked };
    keepDraft(this.#key, this.#draft);
    this.#showAgain();
  }

  #recall() {
    const draft = this.#draft;
    if (draft !== null) {
      this.#outcome.value = draft.outcome;
      this.#notes.value = draft.notes;
      this.#retryAt.value = draft.retryAt;
      this.#retryMine.checked = draft.retryMine;
    }
    this.#showAgain();
  }

  #showAgain() {
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
