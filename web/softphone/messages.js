/**
 * Text messages: the latest of the account, the newest last, and one to write.
 *
 * @import { SoftApi } from "./api.js"
 */
import { arrange, fill, find, write } from "../shared/dom.js";
import { momentText } from "./clock.js";
import { makeButton, makeOption, makeRow } from "./controls.js";
import { say, sayKnown } from "./strings.js";

const MESSAGES_MAX = 50;

export class MessagesView {
  #root;
  #api;
  #from;
  #to;
  #text;
  #error;
  #send;
  /** By id. @type {Map<string, any>} */
  #known = new Map();
  /** By message: who has heard a row read out hears it once, and a button keeps its focus. @type {WeakMap<object, HTMLLIElement>} */
  #rows = new WeakMap();
  /** Sending what was sent without an answer is the same message. @type {string | null} */
  #key = null;

  /** @param {HTMLElement} root @param {SoftApi} api */
  constructor(root, api) {
    this.#root = root;
    this.#api = api;
    this.#from = find(root, "[data-testid=message-from]", HTMLSelectElement);
    this.#to = find(root, "[data-testid=message-to]", HTMLInputElement);
    this.#text = find(root, "[data-testid=message-text]", HTMLTextAreaElement);
    this.#error = find(root, "[data-testid=message-error]", HTMLElement);
    this.#send = find(root, "[data-testid=send]", HTMLButtonElement);
    this.#send.addEventListener("click", () => void this.#write());
    find(root, ".compose", HTMLElement).addEventListener("input", () => (this.#key = null));
  }

  /** The numbers that messages may come from. @param {readonly string[]} numbers */
  set numbers(numbers) {
    const { value } = this.#from;
    fill(this.#from, numbers, () => numbers.map((number) => makeOption(number, number)));
    if (numbers.includes(value)) this.#from.value = value;
    find(this.#root, ".compose", HTMLElement).hidden = numbers.length === 0;
  }

  async load() {
    const nothing = find(this.#root, ".nothing", HTMLElement);
    try {
      const { items } = await this.#api.get(`/messages?limit=${MESSAGES_MAX}`);
      const latest = (/** @type {any} */ message) => {
        const known = this.#known.get(message.id);
        return known?.version === message.version ? known : message;
      };
      this.#known = new Map(items.reverse().map((/** @type {any} */ message) => [message.id, latest(message)]));
      write(nothing, say("noMessages"));
      this.#draw();
    } catch (error) {
      write(nothing, say("loadFailed", { message: /** @type {Error} */ (error).message }));
      nothing.hidden = false;
    }
  }

  /** @param {any} message */
  hear(message) {
    if ((this.#known.get(message.id)?.version ?? -1) >= message.version) return;
    this.#known.set(message.id, message);
    this.#draw();
  }

  #draw() {
    const rows = [...this.#known.values()].map((message) => {
      const row = this.#rows.get(message) ?? this.#row(message);
      this.#rows.set(message, row);
      return row;
    });
    arrange(find(this.#root, "ol", HTMLElement), rows);
    find(this.#root, ".nothing", HTMLElement).hidden = rows.length > 0;
  }

  /** @param {any} message */
  #row({ direction, from, to, body, status, error, createdAt }) {
    const isIn = direction === "in";
    const other = isIn ? from : to;
    const reply = makeButton("reply", say("reply"), () => {
      this.#to.value = other;
      this.#key = null;
      this.#text.focus();
    });
    const more = [momentText(createdAt), isIn ? "" : sayKnown(`message_${status}`, status), error].filter(Boolean).join(" · ");
    const row = makeRow(body, `${say(isIn ? "gotFrom" : "sentTo", { number: other })} · ${more}`, isIn ? [reply] : []);
    row.dataset.direction = direction;
    return row;
  }

  async #write() {
    const [from, to, body] = [this.#from.value, this.#to.value.trim(), this.#text.value.trim()];
    if (to === "") return this.#to.focus();
    if (body === "") return this.#text.focus();
    this.#key ??= `${Date.now()}-${Math.random().toString(36).slice(2)}`;
    this.#send.disabled = true;
    write(this.#error, "");
    try {
      this.hear(await this.#api.ask("POST", "/messages", { from, to, body }, { "Idempotency-Key": this.#key }));
      this.#text.value = "";
      this.#key = null;
    } catch (error) {
      write(this.#error, /** @type {Error} */ (error).message);
    }
    this.#send.disabled = false;
  }
}
