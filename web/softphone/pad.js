/**
 * The dial pad: a number, its keys, and the question whether a number on the do-not-call list is called all the same.
 */
import { find, write } from "../shared/dom.js";
import { fillKeys } from "./controls.js";
import { say } from "./strings.js";

/**
 * @typedef {object} Dialed what is dialed
 * @property {string} number
 * @property {string} [callerId]
 * @property {string} [customData]
 * @property {boolean} [click] a page asked for it
 * @property {string} [dncReason]
 */

export class SoftPad extends HTMLElement {
  /** @type {(dialed: Dialed) => Promise<void>} */
  onDial = async () => {};
  #number = find(this, "[data-testid=number]", HTMLInputElement);
  #error = find(this, "[data-testid=pad-error]", HTMLElement);
  #go = find(this, "[data-testid=dial]", HTMLButtonElement);
  #dnc = find(this, "[data-testid=dnc]", HTMLElement);
  #reason = find(this, "[data-testid=dnc-reason]", HTMLInputElement);
  #noDial = find(this, "[data-testid=no-dial]", HTMLElement);
  /** What a page gave beside the number, for as long as that number stands there. @type {Dialed | null} */
  #asked = null;

  connectedCallback() {
    fillKeys(find(this, ".keys", HTMLElement), (key) => this.#press(key));
    this.#go.addEventListener("click", () => void this.#dial());
    this.#number.addEventListener("keydown", (event) => event.key === "Enter" && void this.#dial());
    this.#number.addEventListener("input", () => this.#changed());
    find(this, "[data-testid=dnc-dial]", HTMLButtonElement).addEventListener("click", () => void this.#dial(this.#reason.value.trim()));
    find(this, "[data-testid=dnc-stop]", HTMLButtonElement).addEventListener("click", () => this.#changed());
  }

  /** Puts a number there, for the agent to dial. @param {Dialed} dialed */
  offer(dialed) {
    this.#asked = dialed;
    this.#number.value = dialed.number;
    this.#settle();
    this.#number.focus();
  }

  /** @param {{ canDial: boolean, isBusy: boolean }} state */
  show({ canDial, isBusy }) {
    this.#noDial.hidden = canDial;
    this.#go.hidden = !canDial;
    this.#go.disabled = this.hidden = isBusy;
  }

  /** @param {string} key */
  #press(key) {
    const { selectionStart: from, selectionEnd: to } = this.#number;
    this.#number.setRangeText(key, from ?? this.#number.value.length, to ?? this.#number.value.length, "end");
    this.#changed();
  }

  #changed() {
    if (this.#asked?.number !== this.#number.value) this.#asked = null;
    this.#settle();
  }

  #settle() {
    this.#dnc.hidden = true;
    this.#reason.value = "";
    write(this.#error, "");
    this.#number.removeAttribute("aria-invalid");
  }

  /** @param {string} [dncReason] */
  async #dial(dncReason) {
    const number = this.#number.value.trim();
    if (number === "" || this.#go.disabled) return this.#number.focus();
    if (dncReason === "") return this.#reason.focus();
    try {
      await this.onDial({ ...this.#asked, number, ...(dncReason && { dncReason }) });
      this.#number.value = "";
      this.#changed();
    } catch (error) {
      const { code, message } = /** @type {{ code?: string, message: string }} */ (error);
      if (code === "dnc" && !this.#asked?.click && dncReason === undefined) this.#ask();
      else this.#refuse(code === "invalid" && message.startsWith("number") ? say("badNumber", { number }) : message);
    }
  }

  #ask() {
    this.#settle();
    this.#dnc.hidden = false;
    this.#reason.focus();
  }

  /** @param {string} message */
  #refuse(message) {
    write(this.#error, message);
    this.#number.setAttribute("aria-invalid", "true");
    this.#number.focus();
  }
}
