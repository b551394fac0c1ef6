/** Which messages are believed: those of the softphone's own frame and origin, with the token it was given. All others are counted. */

import { perform } from "./methods.js";
import { answer, current, heard, post, setVisible } from "./panel.js";
import { concerns } from "./pops.js";
import { reason } from "./refusal.js";
import { request } from "./site.js";
import { isObject, isText, settings, webAddress } from "./settings.js";

/** @typedef {import("./settings.js").Settings} Settings */

const OWN = "cti_gateway";
const DIALPAD = "opencti_dialpad";
const VERSION = "1.0";

let ignored = 0;
export const ignoredMessages = () => ignored;

/** @param {string} name @param {unknown} detail */
function announce(name, detail) {
  document.dispatchEvent(new CustomEvent(`ctihost:${name}`, { detail }));
}

/** @param {NonNullable<Settings["embedToken"]>} source */
async function embedToken(source) {
  if (typeof source === "string") {
    const address = webAddress(source);
    if (address?.origin !== location.origin) throw new Error("embedToken must be an address of this page's own origin.");
  }
  const found = typeof source === "function" ? await source() : (await request(source, { method: "POST" })).data;
  const token = isObject(found) ? found.token : found;
  if (!isText(token)) throw new Error("embedToken gave no token.");
  return token;
}

let isSigningIn = false;
/** The frame in which a conversation lives: who leaves the page ends it. @type {HTMLIFrameElement | null} */
let talkingFrame = null;

/** @param {boolean} talking */
function talks(talking) {
  const frame = current()?.frame ?? null;
  talkingFrame = talking ? frame : null;
  // a softphone that is loaded anew has lost it, and says nothing of that
  if (talking) frame?.addEventListener("load", () => (talkingFrame = null), { once: true });
}

/** The page vouches for its agent, if it is set up to. */
async function signIn() {
  const { embedToken: source } = settings;
  if (source === undefined || isSigningIn) return;
  isSigningIn = true;
  const asker = current();
  try {
    const token = await embedToken(source);
    // not to a softphone that has come meanwhile
    if (asker === current()) answer({ api: OWN, version: VERSION, method: "sign_in", payload: { token } });
  } catch (error) {
    announce("sign_in_failed", { message: reason(error) });
    // the agent can sign in by himself
    setVisible(true);
  } finally {
    isSigningIn = false;
  }
}

/** What softphones tell beside Open CTI. @type {Record<string, Record<string, (payload: Record<string, unknown>) => void>>} */
const PROTOCOLS = {
  [OWN]: {
    sign_in_needed: () => void signIn(),
    wants_attention: () => void setVisible(true),
    connection: (payload) => announce("connection", payload),
    sound: ({ talking }) => talks(talking === true),
    call(payload) {
      concerns(payload);
      announce("call", payload);
    },
  },
  [DIALPAD]: {
    user_authentication: (payload) => announce("user_authentication", payload),
    call_ringing(payload) {
      concerns(payload);
      if (payload.state === "on") setVisible(true);
      announce("call_ringing", payload);
    },
  },
};

/** Whether a message was believed. @param {MessageEvent} event */
function take({ source, origin, data }) {
  const panel = current();
  if (!panel || source === null || source !== panel.frame.contentWindow || origin !== panel.origin || !isObject(data)) return false;
  const { api, version, method, payload = {}, token } = data;
  if (typeof method !== "string") return false;
  if (typeof api === "string") {
    const protocol = Object.hasOwn(PROTOCOLS, api) ? PROTOCOLS[api] : undefined;
    const told = protocol && Object.hasOwn(protocol, method) ? protocol[method] : undefined;
    if (!told || version !== VERSION || !isObject(payload)) return false;
    heard();
    told(payload);
    return true;
  }
  if (token !== panel.token || !("callbackId" in data ? isText(data.callbackId) : true)) return false;
  heard();
  void perform(method, data);
  return true;
}

export function listenToFrames() {
  window.addEventListener("message", (event) => {
    if (!take(event)) ignored += 1;
  });
  // The frame cannot ask: a sandbox forbids it.
  window.addEventListener("beforeunload", (event) => talkingFrame !== null && talkingFrame === current()?.frame && event.preventDefault());
}

/** Has the softphone dial, as if the number had been clicked. @param {string} number */
export function dialWith(number) {
  post({ api: OWN, version: VERSION, method: "dial", payload: { number } });
}
