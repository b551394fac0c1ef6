/** The softphone's frame: in an element of the page, or in a panel at the lower right that the agent can fold away. */

import { keep, recall } from "./memory.js";
import { settings, webAddress } from "./settings.js";

/** The softphone's page cannot do more than this; it was written for it. */
const SANDBOX = "allow-popups allow-scripts allow-same-origin";
const ALLOW = "microphone; speaker-selection; autoplay; camera; display-capture; hid";
/** How long a softphone that has loaded may say nothing. */
const SILENCE_MS = 5_000;

/** In a tree of its own: the page's styles stay outside, but for those of the element itself, and its policy need allow nothing. */
const STYLES = `
  :host { all: initial !important; color-scheme: light dark !important; font: 14px/1.4 system-ui, sans-serif !important; }
  [hidden] { display: none !important; }
  * { box-sizing: border-box; }
  :host(.docked) { position: fixed !important; inset: auto 16px 0 auto !important; z-index: 2147483000 !important;
    max-width: calc(100vw - 32px) !important; }
  :host(.placed) { display: block !important; }
  .shell { background: Canvas; color: CanvasText; }
  .docked .shell { border: 1px solid GrayText; border-bottom: 0; border-radius: 8px 8px 0 0; overflow: hidden; }
  iframe { display: block; border: 0; max-width: 100%; }
  .docked iframe { max-height: calc(100vh - 64px); }
  p { width: 0; min-width: 100%; margin: 0; padding: 8px 12px; border-inline-start: 4px solid #c2410c; overflow-wrap: anywhere; }
  button { display: flex; gap: 24px; justify-content: space-between; width: 100%; padding: 8px 12px; border: 0; font: inherit;
    background: ButtonFace; color: ButtonText; cursor: pointer; }
  button::after { content: "\\25be" / ""; }
  button[aria-expanded="false"]::after { content: "\\25b4" / ""; }
  button:focus-visible { outline: 2px solid Highlight; outline-offset: -2px; }
  @media print { :host { display: none !important; } }
`;

/**
 * The frame and what surrounds it.
 *
 * @typedef {object} Panel
 * @property {HTMLElement} host
 * @property {HTMLElement} shell what is shown and hidden
 * @property {HTMLIFrameElement} frame
 * @property {HTMLElement} notice
 * @property {HTMLButtonElement | null} toggle
 * @property {string} origin
 * @property {string} token what the softphone must name
 * @property {boolean} isLoaded
 * @property {boolean} hasSpoken
 */

/** @type {Panel | null} */
let panel = null;
/** What was to be posted before the softphone had loaded. @type {object[]} */
let unsent = [];
/** The frame that is there was made of these settings. */
let made = "";

export const current = () => panel;
export const isVisible = () => panel !== null && panel.host.isConnected && !panel.shell.hidden;

/** Opaque, and new for each frame. `randomUUID` is not there on pages without TLS. */
function newToken() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The softphone's address without what only this page adds. */
function softphone() {
  const { server, client } = settings;
  if (settings.softphone) return webAddress(settings.softphone);
  return server && client ? webAddress(`${server.replace(/\/$/, "")}/apps/${encodeURIComponent(client)}`) : null;
}

/** @param {Panel} panel */
function tellSilence({ hasSpoken, notice, origin }) {
  if (hasSpoken) return;
  const here = location.origin;
  notice.textContent = settings.softphone
    ? `The softphone of ${origin} has said nothing: may pages of ${here} frame it?`
    : `The softphone does not show here: is ${here} among the origins of the client app?`;
  notice.hidden = false;
}

/** @param {URL} address @param {string} token */
function makeFrame(address, token) {
  const frame = document.createElement("iframe");
  frame.title = settings.title ?? "Softphone";
  frame.allow = ALLOW;
  frame.setAttribute("sandbox", `${SANDBOX} ${settings.sandbox ?? ""}`.trim());
  // by the referrer the softphone knows where it may answer, whatever this page's own policy is
  frame.referrerPolicy = "origin";
  const added = `token=${token}&frameOrigin=${encodeURIComponent(location.origin)}`;
  // appended as text: what the address says is not written anew
  address.search += `${address.search ? "&" : "?"}${added}`;
  frame.src = address.href;
  return frame;
}

/** @param {HTMLElement} shell */
function makeToggle(shell) {
  const toggle = document.createElement("button");
  toggle.type = "button";
  toggle.textContent = settings.title ?? "Softphone";
  toggle.setAttribute("aria-controls", shell.id);
  toggle.addEventListener("click", () => setVisible(!isVisible()));
  return toggle;
}

/** @param {URL} address @param {Element} place @param {boolean} isDocked @returns {Panel} */
function build(address, place, isDocked) {
  // a name that no style of the page means
  const host = document.createElement("cti-softphone");
  const [outer, shell, notice] = [document.createElement("div"), document.createElement("div"), document.createElement("p")];
  host.className = outer.className = isDocked ? "docked" : "placed";
  shell.className = "shell";
  shell.id = "shell";
  shell.setAttribute("role", "region");
  shell.setAttribute("aria-label", settings.title ?? "Softphone");
  notice.setAttribute("role", "status");
  notice.hidden = true;
  const token = newToken();
  const { origin } = address;
  const frame = makeFrame(address, token);
  frame.style.width = settings.width === undefined && !isDocked ? "100%" : `${settings.width ?? 400}px`;
  frame.style.height = `${settings.height ?? 520}px`;
  const toggle = isDocked ? makeToggle(shell) : null;
  shell.append(notice, frame);
  outer.append(shell, ...(toggle ? [toggle] : []));
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLES);
  const tree = host.attachShadow({ mode: "open" });
  tree.adoptedStyleSheets = [sheet];
  tree.append(outer);
  /** @type {Panel} */
  const built = { host, shell, frame, notice, toggle, origin, token, isLoaded: false, hasSpoken: false };
  frame.addEventListener("load", () => {
    setTimeout(() => panel === built && tellSilence(built), SILENCE_MS);
    loaded(built);
  });
  place.append(host);
  return built;
}

/** @param {Panel} one */
function loaded(one) {
  if (one !== panel) return;
  one.isLoaded = true;
  const messages = unsent;
  unsent = [];
  for (const message of messages) post(message);
}

/** Shows the softphone of the settings, if they name one and it is not shown already. */
export function open() {
  const address = softphone();
  if (!address) return;
  const wanted = JSON.stringify([address, settings.place, settings.title, settings.sandbox]);
  if (panel && wanted === made) return;
  const place = settings.place === undefined ? document.body : document.querySelector(settings.place);
  if (!place) throw new TypeError(`CtiHost: this page has no element ${settings.place}.`);
  made = wanted;
  panel?.host.remove();
  panel = build(address, place, settings.place === undefined);
  setVisible(recall("visible") ?? settings.visible ?? true);
}

/** @param {boolean} visible */
export function setVisible(visible) {
  // also for a panel that is still to come
  keep("visible", visible);
  if (!panel) return false;
  panel.shell.hidden = !visible;
  panel.toggle?.setAttribute("aria-expanded", String(visible));
  return true;
}

/** @param {"width" | "height"} side @param {number} pixels */
export function resize(side, pixels) {
  panel?.frame.style.setProperty(side, `${pixels}px`);
}

/** The softphone of this panel has said something that is believed. */
export function heard() {
  if (!panel) return;
  panel.hasSpoken = true;
  panel.notice.hidden = true;
}

/** Tells the softphone, as soon as it can listen. @param {object} message */
export function post(message) {
  if (!panel?.isLoaded) unsent.push(message);
  else panel.frame.contentWindow?.postMessage(message, panel.origin);
}

/** Answers the softphone, which can listen: it has asked. @param {object} message */
export function answer(message) {
  panel?.frame.contentWindow?.postMessage(message, panel.origin);
}
