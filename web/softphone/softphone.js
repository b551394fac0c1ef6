/**
 * The wiring of the softphone: who is signed in, the client's calls, the page that frames us. State goes one way, from the client to
 * what is drawn; what people do goes to the client as wishes.
 *
 * @import { Call, ConnectionStatus } from "../sdk/types.js"
 * @import { AppSettings, HostMessage } from "./embedder.js"
 * @import { Dialed } from "./pad.js"
 */
import { CtiClient } from "/sdk/cti.js";
import { find, write } from "../shared/dom.js";
import { SoftApi } from "./api.js";
import { SoftAudio } from "./audio.js";
import { Board } from "./board.js";
import { DialpadTeller, readInitiateCall } from "./dialpad.js";
import { DIALPAD_API, Embedder, OWN_API } from "./embedder.js";
import { DeskGuest } from "./guest.js";
import { HistoryView } from "./history.js";
import { ListsView } from "./lists.js";
import { MessagesView } from "./messages.js";
import { SoftPad } from "./pad.js";
import { SoftPresence } from "./presence.js";
import { Ringer } from "./ringer.js";
import { SoftSession } from "./session.js";
import { say, sayAll, sayKnown } from "./strings.js";
import { claimTab } from "./tab.js";
import { Views } from "./views.js";

/** Of several tabs the visible one asks first for a lease that has become free. */
const HIDDEN_TAB_MS = 1_500;
const DESK_EVERY_MS = 60_000;
/** Nobody remembers after so long that he clicked on a number. */
const WAIT_MS = 60_000;
/** After these wishes the agent's own telephone rings. */
const RINGS_HIS_LINE = new Set(["answer", "accept_preview"]);

customElements.define("soft-pad", SoftPad);
customElements.define("soft-presence", SoftPresence);
customElements.define("soft-audio", SoftAudio);
sayAll(document);

const page = document.body;
const pad = find(document, "soft-pad", SoftPad);
const presenceBar = find(document, "soft-presence", SoftPresence);
const audio = find(document, "soft-audio", SoftAudio);
const signInPage = find(document, "main.sign-in", HTMLElement);
const signInButton = find(signInPage, "button", HTMLButtonElement);
const signInHint = find(signInPage, ".hint", HTMLElement);
const phonePage = find(document, "main.phone", HTMLElement);
const connectionBar = find(document, ".notice.connection", HTMLElement);
const tabBar = find(document, ".notice.tab-elsewhere", HTMLElement);
const announcement = find(document, "[data-testid=announcement]", HTMLElement);
const toldBar = find(document, ".notice.told", HTMLElement);

const api = new SoftApi();
const ringer = new Ringer();
const board = new Board(find(document, "[data-testid=cards]", HTMLElement), api);
const views = new Views(document);
const history = new HistoryView(views.part("history"), api);
const lists = new ListsView(views.part("lists"), api);
const messages = new MessagesView(views.part("messages"), api);
const guest = DeskGuest.isMeant ? new DeskGuest() : null;
/** @type {CtiClient | null} null while nobody is signed in */
let client = null;
/** What the telephone system can do; null until that is known. @type {readonly string[] | null} */
let capabilities = null;
/** What the page asked for before it could be done, and until when that counts. @type {{ act: () => void, until: number } | null} */
let waiting = null;
/** What was said before there was anybody to hear it: the page that frames us may speak as soon as we have loaded. @type {MessageEvent[]} */
const early = [];
/** @type {(event: MessageEvent) => void} */
let hear = (event) => void early.push(event);
addEventListener("message", (event) => hear(event));

/** The page that frames us may sign its agent in by our address; the token is in it for no longer than this. */
const embedToken = new URLSearchParams(location.hash.slice(1)).get("embed");
if (location.hash !== "") window.history.replaceState(null, "", location.pathname + location.search);
const clientId = decodeURIComponent(location.pathname.split("/")[2] ?? "");
const [app, tab] = await Promise.all([loadSettings(), claimTab()]);
const embedder = new Embedder(app);
const teller = new DialpadTeller(embedder);
const session = new SoftSession(api, clientId);

wire();
await session.resume(tab.isCopy);
if (session.isSignedIn) enter();
else askToSignIn("");
if (embedToken !== null && client === null) await signIn(embedToken);

/** @returns {Promise<AppSettings>} */
async function loadSettings() {
  for (let wait = 500; ; wait = Math.min(wait * 2, 10_000)) {
    const answer = await fetch(`/apps/${encodeURIComponent(clientId)}/app.json`, { credentials: "omit" }).catch(() => null);
    if (answer?.ok) return answer.json();
    write(connectionBar, say("notThere"));
    connectionBar.hidden = false;
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

function wire() {
  hear = hearMessage;
  for (const event of early.splice(0)) hearMessage(event);
  signInButton.addEventListener("click", () => write(signInHint, say(session.openPopup() ? "popupOpen" : "popupBlocked")));
  find(tabBar, "button", HTMLButtonElement).addEventListener("click", () => void enableTab());
  find(toldBar, "button", HTMLButtonElement).addEventListener("click", () => (toldBar.hidden = true));
  presenceBar.onReady = () => void attempt(say("ready"), client?.ready());
  presenceBar.onNotReady = (reason) => void attempt(say("not_ready"), client?.notReady(reason));
  presenceBar.onSignOut = signOut;
  pad.onDial = dial;
  audio.askTerms = () => api.get(`/agents/${encodeURIComponent(client?.agent?.login ?? "")}/audio`);
  audio.onRing = drawPhone;
  audio.onTell = tell;
  board.onAsk = async (call, verb, parameters) => {
    const done = client?.command(verb, { call, ...parameters });
    await attempt(sayKnown(verb), RINGS_HIS_LINE.has(verb) ? audio.expect(done) : done, true);
  };
  history.onCall = lists.onCall = offer;
  lists.onFailure = tell;
  views.onShow = loadView;
  if (embedder.isFramed && !embedder.isAllowed) tell(say("notAllowedHere", { origin: embedder.origin ?? "?" }));
  if (guest !== null) {
    guest.onDial = (number) => void dialForPage({ number, click: true }, true);
    guest.onTrouble = (message) => tell(say("pageTrouble", { message }));
    guest.start();
  }
  setInterval(() => board.tick(), 1_000);
  setInterval(() => void loadDesk(), DESK_EVERY_MS);
}

/** @param {string} message */
function showSignIn(message) {
  page.dataset.session = "none";
  signInPage.hidden = false;
  phonePage.hidden = presenceBar.hidden = true;
  views.hidden = true;
  connectionBar.hidden = tabBar.hidden = true;
  write(signInHint, message);
}

/** Nobody wished that nobody is signed in: the page that frames us may say who it is. @param {string} message */
function askToSignIn(message) {
  showSignIn(message);
  embedder.post(OWN_API, "sign_in_needed", {});
}

function enter() {
  page.dataset.session = "signed-in";
  signInPage.hidden = true;
  phonePage.hidden = presenceBar.hidden = false;
  views.hidden = false;
  const next = new CtiClient({ session: () => api.token ?? "", tab: tab.id, client: "softphone/1" });
  client = next;
  next.on("connection", (status) => client === next && showConnection(status));
  next.on("change", drawPhone);
  next.on("lease", ({ lease }) => client === next && lease.tab === null && takeFree());
  next.on("call", ({ call, previous, gone, replay, type }) => {
    if (gone === "ended" && !replay) tellFailure(call, previous);
    embedder.post(OWN_API, "call", { ...call, gone, event: type });
    if (gone !== null || type === "call.result") loadView(views.shown);
  });
  next.on("message", ({ message }) => message && messages.hear(message));
  next.on("orderFailed", ({ verb, message }) => tell(say("orderFailed", { verb: sayKnown(verb), message })));
  showConnection(next.connection);
  drawPhone();
  void next.connect();
}

/**
 * A call that did not come about leaves no card behind: its agent is told why. Who hung up himself knows it.
 *
 * @param {Call} call
 * @param {Call | null} previous
 */
function tellFailure({ direction, agentId, callStatus, outcome, fromName, toName, phone }, previous) {
  const isOwn = direction === "outbound" && agentId === client?.agent?.login;
  if (!isOwn || callStatus === "completed" || (previous !== null && previous.state !== "ringing")) return;
  const who = toName ?? fromName ?? phone ?? say("noNumber");
  tell(say("notConnected", { who, why: sayKnown(`end_${callStatus}`, outcome ?? callStatus) }));
}

/** Who signs out in the tab that rings gets no more calls; in another one he only closes that. */
function signOut() {
  const login = client?.agent?.login ?? "";
  if (client?.enabled) api.ask("POST", `/agents/${encodeURIComponent(login)}/state`, { state: "offline" }).catch(() => {});
  leave();
  showSignIn(say("signedOut"));
}

/** Ends everything that was somebody's. */
function leave() {
  const gone = client;
  client = null;
  waiting = null;
  // Another tab may be the one in which it goes on ringing.
  teller.ringing([], gone?.enabled ?? false);
  ringer.rings = false;
  gone?.close();
  audio.stop();
  void session.signOut();
  board.clear();
  teller.user(null);
  page.dataset.enabled = "false";
}

/** @param {ConnectionStatus} status */
function showConnection({ state, code, reason = "" }) {
  page.dataset.connection = state;
  if (state === "closed" && code !== "client") {
    if (code === "unauthorized") {
      leave();
      return askToSignIn(say("sessionEnded"));
    }
    write(connectionBar, say("closed", { reason: reason.replace(/\.$/, "") }));
  } else if (state === "connecting") {
    write(connectionBar, say("connecting"));
  } else if (state === "reconnecting") {
    write(connectionBar, say("lost", { reason: reason.replace(/\.$/, "") }));
  }
  const isThere = state === "connected";
  connectionBar.hidden = isThere;
  // What cannot be reached is not to look as if it could.
  phonePage.toggleAttribute("data-stale", !isThere);
  board.inert = pad.inert = !isThere;
  presenceBar.isThere = isThere;
  if (isThere) {
    if (client?.agent?.lease?.tab === null) takeFree();
    void loadDesk();
    loadView(views.shown);
    const asked = waiting;
    waiting = null;
    if (asked !== null && performance.now() < asked.until) asked.act();
  }
  embedder.post(OWN_API, "connection", { state });
  drawPhone();
}

/** Draws what the client shows. */
function drawPhone() {
  if (client?.agent == null) return;
  const { agent, enabled, connection } = client;
  const isThere = connection.state === "connected";
  const calls = client.calls.filter(({ agentId, state }) => agentId === agent.login || (agentId === null && state === "incoming"));
  const own = calls.filter(({ agentId }) => agentId === agent.login);
  page.dataset.enabled = String(enabled);
  tabBar.hidden = enabled || !isThere || (agent.lease?.tab ?? null) === null;
  presenceBar.show(agent);
  board.show(calls);
  const isBusy = own.some(({ state }) => state !== "idle" && state !== "end");
  audio.show({ isActive: enabled, calls: own, presence: agent.presence });
  pad.show({ canDial: capabilities?.includes("dial") ?? true, isBusy });
  const caller = own.find(({ state }) => state === "incoming");
  const rings = caller !== undefined;
  write(announcement, caller ? say("announce", { who: caller.fromName ?? "", number: caller.phone ?? "" }) : "");
  ringer.rings = (rings && enabled && isThere) || audio.rings;
  if (rings || audio.rings) embedder.post(OWN_API, "wants_attention", {});
  if (!isThere) return;
  teller.user(agent);
  teller.ringing(own, enabled);
  if (enabled) guest?.pop(own);
}

async function loadDesk() {
  const login = client?.agent?.login;
  if (login === undefined || client?.connection.state !== "connected") return;
  const desk = await api.get(`/agents/${encodeURIComponent(login)}/desk`).catch(() => null);
  if (desk === null || client?.agent?.login !== login) return;
  capabilities = desk.capabilities;
  audio.offered = desk.audio;
  presenceBar.reasons = desk.breakReasons;
  messages.numbers = desk.messageNumbers;
  lists.callbacks = desk.callbacks;
  drawPhone();
}

/** @param {string} view */
function loadView(view) {
  const login = client?.agent?.login;
  if (login === undefined) return;
  if (view === "history") void history.load(login);
  if (view === "lists") void lists.load(login);
  if (view === "messages") void messages.load();
}

/** Nobody has the lease: the visible tab asks first. */
function takeFree() {
  const ask = () => void client?.enableTab({ ifFree: true }).catch(() => {});
  if (document.visibilityState === "visible") ask();
  else setTimeout(ask, HIDDEN_TAB_MS * (0.5 + Math.random()));
}

/** Whether this tab is the one that rings and dials then. */
async function enableTab() {
  const asked = client?.enableTab();
  await attempt(say("useThisTab"), asked);
  return asked?.then(({ tab: enabled }) => enabled === tab.id, () => false) ?? false;
}

/** @param {Dialed} dialed */
async function dial({ number, ...more }) {
  if (client === null) return;
  if (!client.enabled && !(await enableTab())) throw Object.assign(new Error(say("tabElsewhere")), { code: "disabled_tab" });
  await audio.expect(client.dial(number, more));
}

/** Puts a number into the dial pad. @param {string} number */
function offer(number) {
  views.show("phone");
  pad.offer({ number });
}

/** What the page that frames us says. @param {MessageEvent} event */
function hearMessage(event) {
  if (session.isPopup(event)) {
    const code = event.data?.payload?.code;
    if (event.data?.method === "signed_in" && typeof code === "string") void signIn(code).then(() => phonePage.focus({ preventScroll: true }));
    return;
  }
  const message = embedder.read(event);
  if (message === null) {
    // The guest library reads these by itself.
    if (event.data?.__postTarget !== "interaction" || guest === null) embedder.ignore();
    return;
  }
  const act = message.api === DIALPAD_API ? dialpadMethods[message.method] : ownMethods[message.method];
  if (act) act(message);
  else embedder.ignore();
}

/** @type {Record<string, (message: HostMessage) => void>} */
const dialpadMethods = Object.assign(Object.create(null), {
  enable_current_tab: () => void enableTab(),
  initiate_call: (/** @type {HostMessage} */ { payload }) => whenThere(() => void initiateCall(payload)),
  hang_up_all_calls: () => {
    for (const { agentId, verbs, dtCallId } of client?.calls ?? []) {
      const isOwn = agentId === client?.agent?.login && verbs.includes("hangup");
      if (isOwn) void attempt(say("hangup"), client?.hangup(dtCallId));
    }
  },
});

/** @type {Record<string, (message: HostMessage) => void>} */
const ownMethods = Object.assign(Object.create(null), {
  dial: (/** @type {HostMessage} */ { payload }) => {
    const number = /** @type {{ number?: unknown } | null} */ (payload)?.number;
    if (typeof number === "string") whenThere(() => void dialForPage({ number, click: true }, true));
  },
  sign_in: (/** @type {HostMessage} */ { payload }) => {
    const token = /** @type {{ token?: unknown } | null} */ (payload)?.token;
    if (typeof token === "string" && client === null) void signIn(token);
  },
});

/** Does what the page asks for when calls can be made: now, or as soon as somebody is signed in and connected. @param {() => void} act */
function whenThere(act) {
  if (client?.connection.state === "connected") act();
  else waiting = { act, until: performance.now() + WAIT_MS };
  if (client === null) tell(say("signInFirst"));
}

/** @param {string} code */
async function signIn(code) {
  try {
    await session.redeem(code);
    if (client === null) enter();
  } catch (error) {
    write(signInHint, say("embedFailed", { message: /** @type {Error} */ (error).message }));
  }
}

/** @param {unknown} payload */
async function initiateCall(payload) {
  const asked = readInitiateCall(payload, app);
  if (typeof asked === "string") return refusePage("invalid", asked);
  const { number, enable, callerId, customData } = asked;
  await dialForPage({ number, click: true, ...(callerId && { callerId }), ...(customData !== undefined && { customData }) }, enable);
}

/**
 * Dials what a page asks for, or puts it into the pad: where the client app wants that, and where another tab is enabled and is to stay so.
 *
 * @param {Dialed} dialed
 * @param {boolean} enable
 */
async function dialForPage(dialed, enable) {
  views.show("phone");
  pad.offer(dialed);
  if (app.autoDial === "confirm" || client === null || (!client.enabled && !enable)) return;
  try {
    await dial(dialed);
    pad.offer({ number: "" });
  } catch (error) {
    const { code = "failed", message } = /** @type {{ code?: string, message: string }} */ (error);
    refusePage(code, message);
  }
}

/** @param {string} code @param {string} message */
function refusePage(code, message) {
  tell(message);
  embedder.post(OWN_API, "call_refused", { code, message });
}

/**
 * Waits for what was wished, and says why it is not done.
 *
 * @param {string} what
 * @param {Promise<unknown> | undefined} done
 * @param {boolean} [again] whether the failure is told on
 */
async function attempt(what, done, again = false) {
  try {
    await done;
  } catch (error) {
    tell(say("refused", { what, message: /** @type {Error} */ (error).message }));
    if (again) throw error;
  }
}

/** @param {string} message */
function tell(message) {
  write(find(toldBar, "span", HTMLElement), message);
  toldBar.hidden = false;
}
