/**
 * The bar at the top: who is signed in, what he does, and the two things he can set himself to.
 *
 * @import { Agent, Presence } from "../sdk/types.js"
 */
import { fill, find, write } from "../shared/dom.js";
import { makeOption } from "./controls.js";
import { say, sayKnown } from "./strings.js";

export class SoftPresence extends HTMLElement {
  onReady = () => {};
  /** @type {(reason: string | undefined) => void} */
  onNotReady = () => {};
  onSignOut = () => {};
  #name = find(this, ".name", HTMLElement);
  #state = find(this, ".state", HTMLElement);
  #ready = find(this, ".ready", HTMLButtonElement);
  #reasons = find(this, "select", HTMLSelectElement);

  connectedCallback() {
    this.#ready.addEventListener("click", () => this.onReady());
    this.#reasons.addEventListener("change", () => {
      const { value } = this.#reasons;
      this.#reasons.selectedIndex = 0;
      if (value !== "") this.onNotReady(value === "-" ? undefined : value);
    });
    find(this, ".sign-out", HTMLButtonElement).addEventListener("click", () => this.onSignOut());
    this.reasons = [];
  }

  /** Whether what he sets reaches the server. Signing out does without. @param {boolean} isThere */
  set isThere(isThere) {
    this.#ready.disabled = this.#reasons.disabled = !isThere;
  }

  /** Why he may not be ready. @param {readonly string[]} reasons */
  set reasons(reasons) {
    const known = () => reasons.map((reason) => makeOption(reason, sayKnown(reason)));
    fill(this.#reasons, reasons, () => [makeOption("", say("notReady")), makeOption("-", say("notReadyPlain")), ...known()]);
  }

  /** @param {Agent} agent */
  show({ name, presence }) {
    write(this.#name, name);
    write(this.#state, presence ? presenceText(presence) : "");
    this.#state.dataset.state = presence?.state ?? "offline";
    this.#ready.hidden = presence?.state === "ready" && presence.next === null;
  }
}

/** @param {Presence} presence */
function presenceText({ state, reason, next }) {
  const word = state === "ready" ? say("state_ready") : sayKnown(state);
  if (state === "not_ready" && reason !== null) return say("withReason", { state: word, reason: sayKnown(reason) });
  return next === null ? word : say("thenNotReady", { state: word });
}
