/**
 * The demo CRM: shows its records, frames the softphone by host.js, and lists what it hears. `?client=ID` names another client app.
 *
 * @import { Case, Contact } from "./records.js"
 */
import { facts, find, make, write } from "../shared/dom.js";
import { CONTACTS, allCases, contactOf, phoneCase, searchContacts } from "./records.js";

const SESSION = "demo session";
const EVENTS_MAX = 200;
const EVENTS = ["user_authentication", "connection", "call_ringing", "call", "sign_in_failed"];
/** Whom the telephone system lets ring, and which number he rings. */
const LINE = "+12025550100";

/** @type {any} */
const { CtiHost } = globalThis;
const page = find(document, "main", HTMLElement);
const notice = find(document, "[data-testid=notice]", HTMLElement);
const ring = find(document, "[data-testid=ring]", HTMLButtonElement);
const toggle = find(document, "[data-testid=toggle]", HTMLButtonElement);
const list = find(document, "[data-testid=events]", HTMLElement);

/** Who works here; null where he signs in by the softphone itself. @type {{ token: string, login: string } | null} */
let session = JSON.parse(sessionStorage.getItem(SESSION) ?? "null");

await signIn();
CtiHost.configure({
  client: new URLSearchParams(location.search).get("client") ?? "demo.crm",
  place: "#softphone",
  width: 380,
  height: 600,
  ...(session && { embedToken: embedToken }),
  user: () => ({ userId: session?.login ?? null, userName: session?.login ?? null, language: navigator.language }),
  search: (/** @type {string} */ object, /** @type {string} */ text) => (object === "customer" ? searchContacts(text) : []),
  recordExists: (/** @type {string} */ object, /** @type {string} */ id) => (object === "case" ? allCases().some((known) => known.id === id) : contactOf(id) !== null),
  onCreatePhoneCase: (/** @type {{ customerId: string, call: string }} */ { customerId, call }) => phoneCase(customerId, call),
  onScreenPop: pop,
});
for (const name of EVENTS) document.addEventListener(`ctihost:${name}`, (event) => note(name, /** @type {CustomEvent} */ (event).detail));
addEventListener("hashchange", show);
ring.hidden = session === null;
ring.addEventListener("click", () => void letRing());
toggle.addEventListener("click", () => {
  if (CtiHost.visible) CtiHost.hide();
  else CtiHost.show();
  toggle.setAttribute("aria-expanded", String(CtiHost.visible));
});
show();

/** A one-time code in the address signs its agent in. */
async function signIn() {
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  if (code === null) return;
  history.replaceState(null, "", location.pathname + location.search);
  try {
    const { token, login } = await ask("/api/v1/sessions", { code });
    session = { token, login };
    sessionStorage.setItem(SESSION, JSON.stringify(session));
  } catch {
    // Used before: a session of this tab goes on, or the softphone asks for login and password.
  }
}

/** What vouches for the agent at the softphone; once the session has ended he signs in there. */
async function embedToken() {
  const { token } = await ask("/api/v1/embed-tokens", { agent: session?.login });
  return token;
}

/**
 * @param {string} path
 * @param {object} body
 */
async function ask(path, body) {
  const headers = { "Content-Type": "application/json", ...(session && { Authorization: `Bearer ${session.token}` }) };
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body), credentials: "omit" });
  const said = await answer.json().catch(() => null);
  if (!answer.ok) throw new Error(said?.error?.message ?? `status ${answer.status}`);
  return said;
}

/** Somebody of the contacts rings the demo's number. */
async function letRing() {
  const caller = CONTACTS[Math.floor(Math.random() * CONTACTS.length)];
  try {
    await ask("/api/v1/telephone-systems/house/simulate", { from: caller?.number, did: LINE });
    say(`${caller?.name} rings. Press Ready in the softphone, if it does not show him.`);
  } catch (error) {
    say(`Nobody could ring: ${/** @type {Error} */ (error).message}`);
  }
}

/** @param {string} text */
function say(text) {
  write(notice, text);
  notice.hidden = false;
}

/** Shows a record or a list that the softphone asks for. @param {{ object: string, id: string | null, text: string | null }} wanted */
function pop({ object, id, text }) {
  const place = object === "case" ? "cases" : "contacts";
  location.hash = id === null ? `#/${place}?q=${encodeURIComponent(text ?? "")}` : `#/${place}/${encodeURIComponent(id)}`;
  return true;
}

/** Shows what the address names. */
function show() {
  const [path = "", query = ""] = location.hash.slice(2).split("?");
  const [place = "", id = ""] = path.split("/").map(decodeURIComponent);
  const asked = new URLSearchParams(query).get("q");
  const contact = place === "contacts" ? contactOf(id) : null;
  const found = place === "cases" ? (allCases().find((known) => known.id === id) ?? null) : null;
  if (contact) showContact(contact);
  else if (found) showCase(found);
  else if (place === "cases") showCases(allCases());
  else showContacts(asked === null ? CONTACTS : searchContacts(asked), asked);
}

/** @param {readonly Contact[]} contacts @param {string | null} asked */
function showContacts(contacts, asked) {
  CtiHost.setPageInfo(null);
  const rows = contacts.map(({ id, name, company, number }) => {
    const row = make("tr", "", make("td", "", link(`#/contacts/${id}`, name)), make("td", "", company), make("td", "", number));
    row.dataset.ctiObject = "customer";
    row.dataset.ctiId = id;
    return row;
  });
  const title = asked === null ? "Contacts" : `Contacts with “${asked}”`;
  const head = make("thead", "", make("tr", "", ...["Name", "Company", "Number"].map((text) => column(text))));
  const table = make("table", "", head, make("tbody", "", ...rows));
  draw(title, rows.length > 0 ? table : make("p", "hint", "Nobody. Click Contacts to see everybody."));
}

/** @param {readonly Case[]} cases */
function showCases(cases) {
  CtiHost.setPageInfo(null);
  const rows = [...cases].reverse().map(({ id, subject, customerId }) => {
    return make("tr", "", make("td", "", link(`#/cases/${id}`, `#${id}`)), make("td", "", subject), make("td", "", contactOf(customerId)?.name ?? ""));
  });
  const head = make("thead", "", make("tr", "", ...["Case", "Subject", "Contact"].map((text) => column(text))));
  draw("Cases", make("table", "", head, make("tbody", "", ...rows)));
}

/** @param {Contact} contact */
function showContact({ id, name, company, number, email }) {
  CtiHost.setPageInfo({ object: "customer", objectId: id, objectName: name });
  const cases = allCases().filter(({ customerId }) => customerId === id);
  const items = cases.reverse().map(({ id, subject }) => make("li", "", link(`#/cases/${id}`, `#${id} ${subject}`)));
  draw(name, make("dl", "", ...facts([["Company", company], ["Number", number], ["E-mail", email]])), make("h3", "", "Cases"), make("ul", "", ...items));
}

/** @param {Case} shown */
function showCase({ id, subject, customerId, call, createdAt }) {
  const contact = contactOf(customerId);
  CtiHost.setPageInfo({ object: "case", objectId: id, objectName: subject });
  /** @type {[string, string][]} */
  const rows = [["Contact", contact?.name ?? ""], ["Number", contact?.number ?? ""], ["Since", new Date(createdAt).toLocaleString()], ["Call", call ?? "–"]];
  draw(`#${id} ${subject}`, make("dl", "", ...facts(rows)), link(`#/contacts/${customerId}`, `To ${contact?.name ?? "the contact"}`));
}

/** @param {string} title @param {Element[]} content */
function draw(title, ...content) {
  document.title = `${title} · Demo CRM`;
  page.replaceChildren(make("h2", "", title), ...content);
}

/** @param {string} address @param {string} text */
function link(address, text) {
  const element = document.createElement("a");
  element.href = address;
  element.textContent = text;
  return element;
}

/** @param {string} text */
function column(text) {
  const cell = document.createElement("th");
  cell.scope = "col";
  cell.textContent = text;
  return cell;
}

/** @param {string} name @param {any} detail */
function note(name, detail) {
  const what = name === "call" ? `${detail.gone ?? detail.state ?? "–"} ${detail.phone ?? ""} (${detail.event})` : JSON.stringify(detail);
  const time = make("time", "", new Date().toLocaleTimeString());
  list.prepend(make("li", "", time, make("b", "", name), make("span", "", what)));
  while (list.children.length > EVENTS_MAX) list.lastElementChild?.remove();
}
