/**
 * What the agent has to call: the callbacks that he promised, and his own dial lists, each with its next number.
 *
 * @import { SoftApi } from "./api.js"
 */
import { fill, find, write } from "../shared/dom.js";
import { momentText } from "./clock.js";
import { makeButton, makeRow } from "./controls.js";
import { say } from "./strings.js";

export class ListsView {
  /** @type {(number: string) => void} */
  onCall = () => {};
  /** @type {(message: string) => void} */
  onFailure = () => {};
  #root;
  #api;
  #login = "";

  /** @param {HTMLElement} root @param {SoftApi} api */
  constructor(root, api) {
    this.#root = root;
    this.#api = api;
  }

  /** @param {readonly any[]} callbacks */
  set callbacks(callbacks) {
    const row = (/** @type {any} */ { phone, name, campaign, at, notes }) => {
      const call = makeButton("call-promised", say("callNumber"), () => this.onCall(phone));
      call.setAttribute("aria-label", say("callBack", { who: name ?? phone }));
      return makeRow(name ?? phone, [say("due", { time: momentText(at) }), campaign, notes].filter(Boolean).join(" · "), [call]);
    };
    fill(find(this.#root, "[data-testid=callbacks]", HTMLElement), callbacks, () => callbacks.map(row));
    find(this.#root, ".nothing", HTMLElement).hidden = callbacks.length > 0;
  }

  /** @param {string} login */
  async load(login) {
    this.#login = login;
    const none = find(this.#root, ".no-lists", HTMLElement);
    try {
      const { items } = await this.#api.get(`/dial-lists?${new URLSearchParams({ agent: login })}`);
      const lists = await Promise.all(items.map(this.#withNext, this));
      fill(find(this.#root, "[data-testid=dial-lists]", HTMLElement), lists, () => lists.map(this.#row, this));
      write(none, say("noDialLists"));
      none.hidden = items.length > 0;
    } catch (error) {
      write(none, say("loadFailed", { message: /** @type {Error} */ (error).message }));
      none.hidden = false;
    }
  }

  /** @param {any} list */
  async #withNext({ name, numbers, dialed }) {
    const place = `/dial-lists/${encodeURIComponent(this.#login)}/${encodeURIComponent(name)}`;
    const { item } = await this.#api.get(`${place}/next`);
    return { name, numbers, dialed, place, item };
  }

  /** @param {any} list with its next number */
  #row({ name, numbers, dialed, place, item }) {
    const progress = say("listProgress", { dialed, numbers });
    if (item === null) return makeRow(name, `${progress} · ${say("listDone")}`, []);
    const buttons = [
      makeButton("call-next", say("callNumber"), () => this.onCall(item.number)),
      makeButton("mark-dialed", say("markDialed"), () => void this.#mark(place, item.number)),
    ];
    buttons[0]?.setAttribute("aria-label", say("callBack", { who: item.number }));
    return makeRow(name, `${progress} · ${say("nextNumber", { number: item.number })}`, buttons);
  }

  /** @param {string} place @param {string} number */
  async #mark(place, number) {
    try {
      await this.#api.ask("PATCH", `${place}/numbers/${encodeURIComponent(number)}`, { dialed: true });
      await this.load(this.#login);
    } catch (error) {
      this.onFailure(/** @type {Error} */ (error).message);
    }
  }
}
