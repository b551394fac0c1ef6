/**
 * The log-in card.
 *
 * @import { Credentials } from "./shapes.js"
 */
import { find, write } from "../shared/dom.js";

export class LoginCard extends HTMLElement {
  /** @type {(credentials: Credentials) => Promise<void>} */
  onLogin = async () => {};
  #form = find(this, "form", HTMLFormElement);
  #button = find(this, "button", HTMLButtonElement);
  #error = find(this, ".error", HTMLElement);

  connectedCallback() {
    this.#form.addEventListener("submit", (submit) => {
      submit.preventDefault();
      void this.#submit();
    });
  }

  /**
   * Shows the card as one that waits for a person.
   *
   * @param {string} message why it is shown, or empty
   * @param {string | null} [field] the input that is wrong
   */
  ask(message, field = null) {
    this.busy = false;
    write(this.#error, message);
    this.#input("password").value = "";
    for (const input of this.#form.querySelectorAll("input")) {
      input.ariaInvalid = input.name === field ? "true" : null;
    }
    const filled = this.#input("account").value && this.#input("login").value;
    const first = field && this.#form.elements.namedItem(field) ? field : filled ? "password" : "account";
    this.#input(first).focus();
  }

  /** @param {boolean} busy */
  set busy(busy) {
    this.#button.disabled = busy;
    write(this.#button, busy ? "Logging in…" : "Log in");
  }

  async #submit() {
    if (this.#button.disabled) return;
    write(this.#error, "");
    const [account, login, password] = [this.#input("account"), this.#input("login"), this.#input("password")];
    await this.onLogin({ account: account.value.trim(), login: login.value.trim(), password: password.value });
    password.value = "";
  }

  /** @param {string} name */
  #input(name) {
    return find(this.#form, `input[name="${name}"]`, HTMLInputElement);
  }
}

customElements.define("console-login", LoginCard);
