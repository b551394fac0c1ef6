/**
 * The wiring of the softphone: who is signed in, the client's calls, what is drawn of them. State goes one way, from the client to what
 * is drawn; what people do goes to the client as wishes.
 *
 * @import { Call, ConnectionStatus } from "../sdk/types.js"
 * @import { AppSettings } from "./embedder.js"
 * @import { Dialed } from "./pad.js"
 */
import { CtiClient } from "/sdk/cti.js";
import { find, write } from "../shared/dom.js";
import { SoftApi } from "./api.js";
import { SoftAudio } from "./audio.js";
import { Board } from "./board.js";
import { DialpadTeller } from "./dialpad.js";
import { Embedder, OWN_API } from "./embedder.js";
import { DeskGuest } from "./guest.js";
import { EarlyMessages, Hearing } from "./hearing.js";
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
/** After these wishes the agent's own telephone rings. */
const RINGS_HIS_LINE = new Set(["answer", "accept_preview"]);
/** Directions of calls that somebody wished for their agent: by number, or by a click in a page. */
const OWN_WISH = new Set(["outbound", "clicktocall"]);

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

const early = new EarlyMessages();
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
/** Calls that were hung up here. @type {Set<string>} */
const hungUp = new Set();
/** The page that frames us may sign its agent in by our address; the token is in it for no longer than this. */
const embedToken = new URLSearchParams(location.hash.slice(1)).get("embed");
if (location.hash !== "") window.history.replaceState(null, "", location.pathname + location.search);
const clientId = decodeURIComponent(location.pathname.split("/")[2] ?? "");
const [app, tab] = await Promise.all([loadSettings(), claimTab()]);
const embedder = new Embedder(app);
const teller = new DialpadTeller(embedder);
const session = new SoftSession(api, clientId);

/** One sign-in at a time: who is signed in needs no other. @type {Promise<void>} */
let signingIn = Promise.resolve();

const hearing = new Hearing(
  { client: () => client, hearPopup, enableTab, offer, dial, signIn, tell, hangUp: (call) => void board.onAsk(call, "hangup", {}).catch(() => {}) },
  { embedder, app, hasGuest: guest !== null },
);

wire();
await session.resume(tab.isCopy);
if (session.isSignedIn) void enter();
else if (embedToken !== null) await signIn(embedToken);
if (client === null) askToSignIn(signInHint.textContent);
early.handTo((event) => hearing.take(event));

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
  signInButton.addEventListener("click", () => write(signInHint, say(session.openPopup() ? "popupOpen" : "popupBlocked")));
  find(tabBar, "button", HTMLButtonElement).addEventListener("click", () => void enableTab());
  find(toldBar, "button", HTMLButtonElement).addEventListener("click", () => (toldBar.hidden = true));
  presenceBar.onReady = () => void attempt(say("ready"), comeBack().then(() => client?.ready()));
  presenceBar.onNotReady = (reason) => void attempt(say("not_ready"), comeBack().then(() => client?.notReady(reason)));
  presenceBar.onSignOut = signOut;
  pad.onDial = dial;
  audio.askTerms = () => api.get(`/agents/${encodeURIComponent(client?.agent?.login ?? "")}/audio`);
  audio.onRing = drawPhone;
  audio.onTalk = (talking) => embedder.post(OWN_API, "sound", { talking });
  audio.onTell = tell;
  board.onAsk = async (call, verb, parameters) => {
    if (verb === "hangup") hungUp.add(call);
    const done = client?.command(verb, { call, ...parameters });
    await attempt(sayKnown(verb), RINGS_HIS_LINE.has(verb) ? audio.expect(done) : done, true);
  };
  history.onCall = lists.onCall = (number) => offer({ number });
  lists.onFailure = tell;
  views.onShow = loadView;
  if (embedder.isFramed && !embedder.isAllowed) tell(say("notAllowedHere", { origin: embedder.origin ?? "?" }));
  if (guest !== null) {
    guest.onDial = (number) => void hearing.dial({ number, click: true }, true);
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
  // What was written is its writer's, and whoever signs in next may be somebody else.
  board.clear();
  write(signInHint, message);
}

/** Nobody wished that nobody is signed in: the page that frames us may say who it is. @param {string} message */
function askToSignIn(message) {
  showSignIn(message);
  embedder.post(OWN_API, "sign_in_needed", {});
}

/** Somebody is signed in; the answer comes when he is connected. */
function enter() {
  page.dataset.session = "signed-in";
  toldBar.hidden = true;
  signInPage.hidden = true;
  phonePage.hidden = presenceBar.hidden = false;
  views.hidden = false;
  const next = new CtiClient({ session: () => api.token ?? "", tab: tab.id, client: "softphone/1" });
  client = next;
  next.on("connection", (status) => client === next && showConnection(status));
  next.on("change", drawPhone);
  next.on("lease", ({ lease }) => client === next && lease.tab === null && takeFree());
  next.on("call", ({ call, previous, gone, replay, type }) => {
    if (gone === "ended" && !replay && !hungUp.has(call.dtCallId)) tellFailure(call, previous);
    embedder.post(OWN_API, "call", { ...call, gone, event: type });
    if (gone !== null || type === "call.result") loadView(views.shown);
  });
  next.on("message", ({ message }) => message && messages.hear(message));
  next.on("orderFailed", ({ verb, message }) => tell(say("orderFailed", { verb: sayKnown(verb), message })));
  showConnection(next.connection);
  drawPhone();
  return next.connect();
}

/** Who was signed off in another tab, or by somebody else, is signed on again by connecting anew. */
async function comeBack() {
  const isOff = (client?.agent?.presence?.state ?? "offline") === "offline";
  if (client?.connection.state !== "connected" || !isOff) return;
  const gone = client;
  client = null;
  gone.close();
  await enter();
}

/**
 * A call that did not come about leaves no card behind: its agent is told why. Who hung up himself knows it.
 *
 * @param {Call} call
 * @param {Call | null} previous
 */
function tellFailure({ direction, agentId, callStatus, outcome, fromName, toName, phone }, previous) {
  const isOwn = OWN_WISH.has(direction ?? "") && agentId === client?.agent?.login;
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
  hearing.forget();
  hungUp.clear();
  toldBar.hidden = true;
  // Another tab may be the one in which it goes on ringing.
  teller.ringing([], gone?.enabled ?? false);
  ringer.rings = false;
  gone?.close();
  audio.stop();
  void session.signOut();
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
    board.again();
    hearing.connected();
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
  const asked = comeBack().then(() => client?.enableTab());
  await attempt(say("useThisTab"), asked);
  return asked.then((lease) => lease?.tab === tab.id, () => false);
}

/** @param {Dialed} dialed */
async function dial({ number, ...more }) {
  if (client === null) return;
  if (!client.enabled && !(await enableTab())) throw Object.assign(new Error(say("tabElsewhere")), { code: "disabled_tab" });
  await audio.expect(client.dial(number, more));
}

/** Puts a number into the dial pad. @param {Dialed} dialed */
function offer(dialed) {
  views.show("phone");
  pad.offer(dialed);
}

/** Whether this comes from the window in which one signs in. @param {MessageEvent} event */
function hearPopup(event) {
  if (!session.isPopup(event)) return false;
  const code = event.data?.payload?.code;
  const isCode = event.data?.method === "signed_in" && typeof code === "string";
  if (isCode) void signIn(code).then(() => phonePage.focus({ preventScroll: true }));
  return true;
}

/** @param {string} code */
function signIn(code) {
  const signed = signingIn.then(async () => {
    if (client !== null) return;
    try {
      await session.redeem(code);
      void enter();
    } catch (error) {
      showSignIn(say("embedFailed", { message: /** @type {Error} */ (error).message }));
    }
  });
  signingIn = signed;
  return signed;
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
