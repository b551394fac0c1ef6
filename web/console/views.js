/**
 * The views of the page by the fragment of its address: `#queue/Spring` is the queue of Spring. A view is told when it is shown and
 * when it is left.
 */

/**
 * @typedef {object} View
 * @property {(rest: string) => void} show what follows its name in the fragment; also called when only that changes
 * @property {() => void} leave
 * @property {() => void} again the server is back: what is shown may be out of date
 */

/** The view of an address without a fragment. */
const FIRST = "live";

export class Views {
  /** @type {Record<string, View>} */
  #views;
  /** @type {string | null} null while signed out */
  #shown = null;
  #sections = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-view]"));
  #links = /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll(".views a"));
  /** @type {(title: string) => void} */
  onShow = () => {};

  /** @param {Record<string, View>} views by name */
  constructor(views) {
    this.#views = views;
    addEventListener("hashchange", () => {
      if (this.#shown !== null) this.#go(true);
    });
  }

  /** Shows what the address says. */
  enter() {
    this.#go(false);
  }

  /** Nobody looks at any. */
  leave() {
    if (this.#shown !== null) this.#views[this.#shown]?.leave();
    this.#shown = null;
  }

  /** The server is back. */
  again() {
    if (this.#shown !== null) this.#views[this.#shown]?.again();
  }

  /** @param {boolean} moveFocus */
  #go(moveFocus) {
    const [given = "", ...rest] = location.hash.slice(1).split("/");
    const name = Object.hasOwn(this.#views, given) ? given : FIRST;
    const isOther = name !== this.#shown;
    if (isOther) this.leave();
    this.#shown = name;
    for (const section of this.#sections) section.hidden = section.dataset.view !== name;
    for (const link of this.#links) {
      const isCurrent = link.hash === `#${name}`;
      link.ariaCurrent = isCurrent ? "page" : null;
      if (isCurrent) link.scrollIntoView({ block: "nearest", inline: "center" });
      if (isCurrent) this.onShow(name === FIRST ? "" : (link.textContent ?? ""));
    }
    this.#views[name]?.show(decoded(rest.join("/")));
    if (!isOther || !moveFocus) return;
    // whoever reads by ear or by keyboard begins at the top of the new view
    scrollTo({ top: 0 });
    for (const section of this.#sections) if (!section.hidden) section.focus({ preventScroll: true });
  }
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
