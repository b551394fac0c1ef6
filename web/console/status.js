/**
 * The connection state and the delivery figures in the header.
 *
 * @import { LinkState, LinkStatus } from "./link.js"
 */
import { find, write } from "../shared/dom.js";
import { grouped } from "./format.js";

/** @type {Record<LinkState, string>} */
const WORDS = {
  connecting: "Connecting",
  live: "Live",
  offline: "Offline",
  "signed-out": "Signed out",
};

export class StatusBar extends HTMLElement {
  onRetry = () => {};
  /** @type {LinkStatus} */
  #status = { state: "signed-out" };
  #link = find(this, ".link", HTMLElement);
  #word = find(this, ".word", HTMLElement);
  #countdown = find(this, ".countdown", HTMLElement);
  #retry = find(this, ".retry", HTMLButtonElement);
  #figures = find(this, ".figures", HTMLElement);
  #seen = find(this, "[data-testid=seen]", HTMLDataElement);
  #seq = find(this, "[data-testid=seq]", HTMLDataElement);
  #resyncs = find(this, "[data-testid=resyncs]", HTMLDataElement);

  connectedCallback() {
    this.#retry.addEventListener("click", () => this.onRetry());
  }

  /** @param {LinkStatus} status */
  set status(status) {
    this.#status = status;
    const { state, reason = "", retryAt } = status;
    const gaveUp = state === "offline" && retryAt === undefined;
    this.#link.dataset.state = state;
    this.#link.title = reason;
    write(this.#word, state !== "offline" ? WORDS[state] : gaveUp ? "Disconnected" : "Offline: reconnecting");
    this.#retry.hidden = state !== "offline";
    this.#figures.hidden = state === "signed-out";
    this.tick();
  }

  /** The seconds that remain. They are hidden from screen readers, which hear the change of state once. */
  tick() {
    const { retryAt } = this.#status;
    const seconds = retryAt === undefined ? null : Math.max(0, Math.ceil((retryAt - Date.now()) / 1_000));
    write(this.#countdown, seconds === null ? "" : ` in ${seconds} s`);
  }

  /** @param {{ seen: number, seq: number | null, resyncs: number }} figures */
  show({ seen, seq, resyncs }) {
    set(this.#seen, seen);
    set(this.#seq, seq);
    set(this.#resyncs, resyncs);
  }
}

/**
 * @param {HTMLDataElement} data
 * @param {number | null} n
 */
function set(data, n) {
  data.value = n === null ? "" : String(n);
  write(data, n === null ? "–" : grouped(n));
}

customElements.define("console-status", StatusBar);
