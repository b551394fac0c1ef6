/**
 * Today's calls of the agent, the newest first, each with a button that calls back.
 *
 * @import { SoftApi } from "./api.js"
 */
import { find, write } from "../shared/dom.js";
import { duration } from "../shared/duration.js";
import { momentText } from "./clock.js";
import { makeButton, makeRow } from "./controls.js";
import { say } from "./strings.js";

const HISTORY_MAX = 100;

export class HistoryView {
  /** @type {(number: string) => void} */
  onCall = () => {};
  #root;
  #api;

  /** @param {HTMLElement} root @param {SoftApi} api */
  constructor(root, api) {
    this.#root = root;
    this.#api = api;
  }

  /** @param {string} login */
  async load(login) {
    const nothing = find(this.#root, ".nothing", HTMLElement);
    try {
      const midnight = new Date();
      midnight.setHours(0, 0, 0, 0);
      const query = new URLSearchParams({ agent: login, since: midnight.toISOString(), limit: String(HISTORY_MAX) });
      const { items } = await this.#api.get(`/dialer-calls?${query}`);
      find(this.#root, "ol", HTMLElement).replaceChildren(...items.map(this.#row, this));
      write(nothing, say("noCallsToday"));
      nothing.hidden = items.length > 0;
    } catch (error) {
      write(nothing, say("loadFailed", { message: /** @type {Error} */ (error).message }));
      nothing.hidden = false;
    }
  }

  /** @param {any} call */
  #row({ phoneNumber, to, direction, createdAt, outcome, callStatus, totalDuration }) {
    const arrow = direction === "inbound" ? "↙" : "↗";
    const who = to ?? phoneNumber ?? say("unknownParty");
    const length = totalDuration === null ? "" : ` · ${duration(totalDuration * 1_000)}`;
    const more = `${momentText(createdAt)} · ${outcome ?? callStatus}${length}`;
    const back = phoneNumber === null ? [] : [makeButton("call-back", say("callNumber"), () => this.onCall(phoneNumber))];
    back[0]?.setAttribute("aria-label", say("callBack", { who }));
    return makeRow(`${arrow} ${who}`, more, back);
  }
}
