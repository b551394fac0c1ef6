/**
 * The wiring: a session from log-in to sign-out, and one drawing per frame of the screen however fast events come.
 *
 * @import { Credentials, Session } from "./shapes.js"
 * @import { LinkStatus } from "./link.js"
 * @import { CtiEvents, Envelope } from "../sdk/types.js"
 */
import { Api, ApiError } from "./api.js";
import { CallBoard } from "./calls.js";
import { CampaignsView } from "./campaigns.js";
import { CtiClient } from "/sdk/cti.js";
import { find, write } from "../shared/dom.js";
import { EventList } from "./events.js";
import { ExplorerView } from "./explorer.js";
import { timeOfDay } from "./format.js";
import { HealthView } from "./health.js";
import { linkStatus } from "./link.js";
import { LoginCard } from "./login.js";
import { QueueView } from "./queue.js";
import { board, EMPTY, fade, headcount, hear, meet, replace } from "./state.js";
import { StatusBar } from "./status.js";
import { Views } from "./views.js";

/** A hidden page draws no frames; this bounds the wait there. */
const DRAW_MAX_MS = 250;
/** A shorter loss is not worth a notice. */
const STALE_AFTER_MS = 2_000;

/** A one-time code leaves the address bar before anything else happens. */
const linkCode = takeCode();

const login = find(document, "console-login", LoginCard);
const status = find(document, "console-status", StatusBar);
const calls = find(document, "console-calls", CallBoard);
const events = find(document, "console-events", EventList);
const explorer = find(document, "console-explorer", ExplorerView);
const campaigns = find(document, "console-campaigns", CampaignsView);
const queue = find(document, "console-queue", QueueView);
const health = find(document, "console-health", HealthView);
const loginPage = find(document, ".login-page", HTMLElement);
const livePage = find(document, ".live-page", HTMLElement);
const account = find(document, ".account", HTMLElement);
const signOut = find(document, ".sign-out", HTMLButtonElement);
const stale = find(document, ".stale", HTMLElement);
const navigation = find(document, ".views", HTMLElement);

const api = new Api();
/** The views that load what they show by themselves. */
const loading = [campaigns, queue, explorer, health];
const views = new Views({ live: { show: draw, leave() {}, again() {} }, campaigns, queue, call: explorer, health });
/** The name of the view that is shown; empty for the first. */
let title = "";
let state = EMPTY;
/** @type {CtiClient | null} null while signed out */
let connection = null;
/** @type {LinkStatus} */
let link = { state: "signed-out" };
/** When the page stopped being live, by the server's clock; null while it is, or before it first was. */
/** @type {number | null} */
let staleSince = null;
/** @type {string | null} */
let agentsFailure = null;
/** Logins that the list of agents was already asked about. @type {Set<string>} */
let asked = new Set();
let drawing = false;

for (const view of loading) view.api = () => (connection === null ? null : api);
views.onShow = (name) => {
  title = name;
  draw();
};
login.onLogin = logIn;
status.onRetry = () => connection?.connect();
calls.onTrace = (dtCallId) => events.filterBy(dtCallId);
signOut.addEventListener("click", leave);
addEventListener("hashchange", () => {
  const code = takeCode();
  if (code !== null && connection === null) void logIn({ code });
});
setInterval(tick, 1_000);

showLogin("");
if (linkCode !== null) void logIn({ code: linkCode });

/** @param {Credentials} credentials */
async function logIn(credentials) {
  login.busy = true;
  try {
    enter(await api.logIn(credentials));
  } catch (error) {
    const field = error instanceof ApiError ? error.field : null;
    showLogin(loginFailure(error, "code" in credentials), field);
  }
}

/** @param {Session} session */
function enter(session) {
  state = EMPTY;
  asked = new Set();
  staleSince = null;
  events.reset();
  for (const view of loading) view.reset();
  login.busy = false;
  loginPage.hidden = true;
  livePage.hidden = signOut.hidden = account.hidden = navigation.hidden = false;
  write(account, `${session.account} · ${session.login}`);
  livePage.focus();
  const client = new CtiClient({ ticket: (signal) => api.ticket(signal), agents: "*", client: "console/1", storage: null });
  client.on("connection", (status) => connection === client && onStatus(linkStatus(status)));
  client.on("snapshot", onSnapshot);
  client.on("event", (event) => onEvent(event, client.connection.state === "connected"));
  connection = client;
  void client.connect();
  views.enter();
  draw();
}

/** The operator's own wish. */
function leave() {
  const client = connection;
  connection = null;
  client?.close();
  // The bearer is dropped here in any case; a server that is away lets the session expire.
  api.signOut().catch(() => {});
  onStatus({ state: "signed-out", reason: "You are signed out." });
}

/** @param {LinkStatus} next */
function onStatus(next) {
  link = status.status = next;
  if (next.state === "live") {
    if (staleSince !== null) views.again();
    staleSince = null;
  } else if (state.anchored) staleSince ??= api.now();
  if (next.state === "signed-out") {
    connection = null;
    api.forget();
    state = EMPTY;
    staleSince = null;
    showLogin(next.reason ?? "");
  }
  tick();
  draw();
}

/** @param {CtiEvents["snapshot"]} snapshot */
function onSnapshot(snapshot) {
  state = replace(state, snapshot, new Date(api.now()).toISOString());
  void loadAgents();
  draw();
}

/**
 * @param {Envelope} event
 * @param {boolean} live
 */
function onEvent(event, live) {
  state = hear(state, event, api.now(), live);
  explorer.hear(event);
  const { type, agent } = event;
  if (type === "agent.state" && agent !== null && state.agents.size > 0 && !state.agents.has(agent)) askAbout([agent]);
  draw();
}

async function loadAgents() {
  const session = connection;
  const before = state.agents;
  /** @type {string | null} */
  let failure = null;
  try {
    const agents = await api.agents();
    if (session === connection) state = meet(state, agents, before);
  } catch (error) {
    failure = error instanceof ApiError ? error.message : "the server is not reachable.";
  }
  if (session !== connection) return;
  agentsFailure = failure;
  draw();
}

/**
 * @param {string} message
 * @param {string | null} [field]
 */
function showLogin(message, field = null) {
  livePage.hidden = signOut.hidden = account.hidden = navigation.hidden = true;
  views.leave();
  loginPage.hidden = false;
  document.title = "Log in · cti-gateway";
  login.ask(message, field);
}

/** Draws soon, once for all that changed meanwhile. */
function draw() {
  if (drawing || connection === null) return;
  drawing = true;
  const now = () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    drawing = false;
    if (connection !== null) drawNow();
  };
  const frame = requestAnimationFrame(now);
  const timer = setTimeout(now, DRAW_MAX_MS);
}

function drawNow() {
  const grouped = board(state);
  askAbout(grouped.strangers);
  const around = { anyCall: state.anyCall || !state.anchored, note: agentsNote(), now: staleSince ?? api.now(), heads: headcount(grouped) };
  calls.render(grouped, around);
  events.render(state.events);
  showFigures();
  const live = [...state.calls.values()].filter(({ endedAt }) => endedAt === null).length;
  const what = link.state === "live" ? `${live} live` : link.state === "offline" ? "Offline" : "Connecting";
  document.title = [what, title, "cti-gateway"].filter(Boolean).join(" · ");
}

/**
 * Those who joined after the list of agents was read. Each is asked about once.
 *
 * @param {string[]} logins
 */
function askAbout(logins) {
  if (logins.every((login) => asked.has(login))) return;
  for (const login of logins) asked.add(login);
  void loadAgents();
}

/** Once a second: the countdown, the timers, what has faded, and whether the page still tells the present. */
function tick() {
  status.tick();
  if (connection === null) return;
  const now = api.now();
  const faded = fade(state, now);
  if (faded !== state) {
    state = faded;
    draw();
  }
  showFigures();
  // Timers stand while the page cannot know whether the calls still run.
  calls.tick(staleSince ?? now);
  explorer.tick();
  const isStale = staleSince !== null && now - staleSince >= STALE_AFTER_MS;
  stale.hidden = !isStale;
  livePage.toggleAttribute("data-stale", isStale);
  if (staleSince !== null) write(stale, `${link.reason ?? ""} Calls are shown as of ${timeOfDay(staleSince)}.`.trim());
}

/** Also between drawings: a ping moves the position and draws nothing. */
function showFigures() {
  status.show({ seen: state.seen, seq: connection?.position?.seq ?? null, resyncs: state.resyncs });
}

function agentsNote() {
  if (agentsFailure !== null) return `The list of agents could not be loaded: ${agentsFailure}`;
  return state.anchored && state.agents.size === 0 ? "No agents yet. Add one on the command line, then log in again." : "";
}

/**
 * @param {unknown} error
 * @param {boolean} byCode
 */
function loginFailure(error, byCode) {
  if (!(error instanceof ApiError)) return "The server is not reachable. Try again in a moment.";
  if (error.status === 429) {
    const seconds = Math.ceil(error.retryAfterMs / 1_000);
    return `Too many tries. Wait ${seconds > 0 ? `${seconds} s` : "a minute"} and try again.`;
  }
  if (byCode && error.status < 500) return "This one-time link was used before or has expired. Log in with your password.";
  if (error.status === 401) return "Account, login or password is wrong.";
  return error.message;
}

/** The code of a one-time link, `#code=…`. It is removed, so that it stays in no history; another fragment names a view. */
function takeCode() {
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  if (code !== null) history.replaceState(null, "", location.pathname + location.search);
  return code;
}
