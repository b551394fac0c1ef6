/**
 * The pop-up: asks for login and password, and gives the page that opened it a code by which it signs in. Nothing is kept here.
 */
import { find, write } from "../shared/dom.js";
import { say, sayAll } from "./strings.js";

sayAll(document);
document.title = say("signInTitle");
const main = find(document, "main", HTMLElement);
const fields = find(main, ".fields", HTMLElement);
const loginField = find(fields, "[name=login]", HTMLInputElement);
const passwordField = find(fields, "[name=password]", HTMLInputElement);
const button = find(fields, "button", HTMLButtonElement);
const failure = find(fields, ".error", HTMLElement);
const hint = find(main, "[data-testid=login-hint]", HTMLElement);
const address = location.pathname;
const clientId = address.split("/")[2] ?? "";

write(find(main, ".account", HTMLElement), say("signInAccount", { account: clientId.replace(/\.[^.]*$/, "") }));
button.addEventListener("click", () => void signIn());
fields.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target !== button) void signIn();
});
loginField.focus();

async function signIn() {
  const [login, password] = [loginField.value.trim(), passwordField.value];
  if (login === "" || password === "") {
    write(failure, say("bothNeeded"));
    (login === "" ? loginField : passwordField).focus();
    return;
  }
  button.disabled = true;
  write(failure, "");
  try {
    const answer = await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ login, password }),
      credentials: "omit",
    });
    const body = await answer.json().catch(() => null);
    if (answer.ok && typeof body?.code === "string") handOver(body.code);
    else refuse(body?.error?.message ?? say("notThere"));
  } catch {
    refuse(say("notThere"));
  }
  button.disabled = false;
}

/** @param {string} message */
function refuse(message) {
  write(failure, message);
  passwordField.value = "";
  passwordField.focus();
}

/** Only a page of this origin is given the code. @param {string} code */
function handOver(code) {
  const opener = /** @type {Window | null} */ (window.opener);
  passwordField.value = "";
  if (opener === null) {
    write(failure, say("popupOrphan"));
    return;
  }
  opener.postMessage({ api: "cti_gateway", version: "1.0", method: "signed_in", payload: { code } }, location.origin);
  fields.hidden = true;
  write(hint, say("popupDone"));
  window.close();
}
