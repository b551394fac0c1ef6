/**
 * The views of the softphone, of which one is shown.
 */
import { find } from "../shared/dom.js";

export class Views {
  /** @type {(view: string) => void} */
  onShow = () => {};
  shown = "phone";
  #root;
  #nav;

  /** @param {ParentNode} root */
  constructor(root) {
    this.#root = root;
    this.#nav = find(root, "nav.views", HTMLElement);
    for (const button of this.#buttons) button.addEventListener("click", () => this.show(button.dataset.view ?? ""));
    this.#draw();
  }

  /** @param {boolean} hidden */
  set hidden(hidden) {
    this.#nav.hidden = hidden;
  }

  /** @param {string} view */
  part(view) {
    return find(this.#root, `section[data-view=${view}]`, HTMLElement);
  }

  /** @param {string} view */
  show(view) {
    if (view === this.shown) return;
    this.shown = view;
    this.#draw();
    this.onShow(view);
  }

  get #buttons() {
    return this.#nav.querySelectorAll("button");
  }

  #draw() {
    for (const button of this.#buttons) {
      const { view = "" } = button.dataset;
      this.part(view).hidden = view !== this.shown;
      if (view === this.shown) button.setAttribute("aria-current", "page");
      else button.removeAttribute("aria-current");
    }
  }
}
