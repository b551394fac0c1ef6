/**
 * The global `DynamicsTelephony` for pages that were written for it: its methods, events and words on top of the client. A
 * classic script, so that the global is there at once; what is asked before the connection is up waits for it.
 */
(() => {
  "use strict";

  /** @typedef {import("./types.js").Call} Call */
  /** @typedef {import("./types.js").ConnectionStatus} ConnectionStatus */
  /** @typedef {Pick<import("./types.js").CtiOptions, "ticket" | "session">} Entry */
  /** @typedef {import("./cti.js").CtiClient} Client */
  /** @typedef {Entry & { server?: string, call?: string, phoneCallId?: string }} Settings */
  /** @typedef {(event: { dtEventArgs: string }) => void} Handler */
  /** @typedef {{ method: string, ok: boolean, callTab: string | null, code: string | null, message: string | null }} Result */

  const KEYS = /** @type {const} */ ([
    ...["state", "stateTime", "type", "id", "direction", "phone", "outcome", "fromType", "fromId", "toType", "toId", "dtCallId"],
    ...["isCallback", "retryDatetime", "dnis", "queueDn", "agentId", "extension"],
  ]);
  /** Of several calls of one page the one that is talked on is meant first. */
  const ORDER = ["talk", "ringing", "incoming", "hold", "preview", "idle"];
  const BUSY = new Set(["reserved", "ringing", "on_call", "wrap_up"]);
  /** The customer is the one who calls. */
  const FROM_CUSTOMER = new Set(["inbound", "transfer", null]);
  const RECENT_KEY = "cti dt recent";
  /** Who has not said within this time after the page was loaded how to connect, has forgotten it. */
  const CONFIGURE_MS = 10_000;

  /** Null where a loader runs scripts by other means: such a page configures the server. */
  const script = /** @type {HTMLScriptElement | null} */ (document.currentScript);
  const { call, phoneCallId, ticket, server: named } = script?.dataset ?? {};
  const { origin: server } = new URL(named ?? script?.src ?? location.href);
  /** @type {Settings & { server: string }} */
  let settings = { server, ...(call && { call }), ...(phoneCallId && { phoneCallId }) };
  /** @type {Client | null} */
  let client = null;
  /** @type {Set<Handler>} */
  const handlers = new Set();
  /** What each live call of this page was last told as, by its id. @type {Map<string, string>} */
  const told = new Map();
  /** The live calls of this page, to tell the end of those that a snapshot has no more. @type {Map<string, Call>} */
  const shown = new Map();
  /** What was asked before the view was there; null from then on. @type {(() => void)[] | null} */
  let waiting = [];
  /** Why the client could not be had at all. @type {ConnectionStatus | null} */
  let broken = null;
  /** The call of this page that was shown last; over a reload, what pages are told of it. @type {Partial<Call> | null} */
  let recent = recall();
  let askedNotReady = false;
  let isConfigured = false;

  /** @param {string} name @param {object} detail */
  function announce(name, detail) {
    document.dispatchEvent(new CustomEvent(`dynamicstelephony:${name}`, { detail }));
  }

  /** DynamicsTelephony has no word for hold: whoever waits still talks. @param {string | null} state */
  const word = (state) => (state === "hold" ? "talk" : state);

  /**
   * Every documented key, unknown ones null.
   *
   * @param {Record<string, any> | null} from
   */
  function details(from) {
    /** @type {Record<string, any>} */
    const shown = {};
    for (const key of KEYS) shown[key] = from?.[key] ?? null;
    // a lead that is in no directory is known by its number in the campaign
    const side = FROM_CUSTOMER.has(shown.direction) ? "from" : "to";
    if (shown[`${side}Type`] === null && from?.leadId != null) {
      [shown[`${side}Type`], shown[`${side}Id`]] = ["lead", String(from.leadId)];
    }
    return { ...shown, state: word(shown.state), type: "phonecall", isCallback: shown.isCallback === true };
  }

  /** @returns {Partial<Call> | null} */
  function recall() {
    try {
      return JSON.parse(sessionStorage.getItem(RECENT_KEY) ?? "null");
    } catch {
      return null;
    }
  }

  /** @param {Partial<Call> | null} call */
  function remember(call) {
    recent = call;
    try {
      sessionStorage.setItem(RECENT_KEY, JSON.stringify(call === null ? null : details(call)));
    } catch {
      // Where nothing can be kept, a reload forgets it.
    }
  }

  /** Whether a call belongs to this page. @param {Partial<Call>} call */
  function isOurs(call) {
    if (settings.call) return call.dtCallId === settings.call;
    if (settings.phoneCallId) return call.id === settings.phoneCallId;
    return call.agentId === (client?.agent?.login ?? null);
  }

  /** The live calls of this page, the one that is meant first first. */
  function ours() {
    const place = (/** @type {Call} */ { state }) => ORDER.indexOf(state ?? "");
    return (client?.calls ?? []).filter(isOurs).sort((a, b) => place(a) - place(b));
  }

  /** @param {Handler} handler @param {Call} call */
  function callHandler(handler, call) {
    try {
      handler({ dtEventArgs: JSON.stringify(details(call)) });
    } catch (error) {
      reportError(error);
    }
  }

  /** Tells the handlers if the call has come to another state than they know. @param {Call} call */
  function tell(call) {
    const state = word(call.state);
    if (state === null || told.get(call.dtCallId) === state) return;
    told.set(call.dtCallId, state);
    for (const handler of [...handlers]) callHandler(handler, call);
  }

  /** A call that was there is told to be over, also when nobody saw its end. @param {Call} call */
  function tellEnd(call) {
    const before = told.get(call.dtCallId);
    // Pages save on idle: it is told of calls without a wrap-up, too.
    if (before !== undefined && before !== "preview") tell({ ...call, state: "idle" });
    if (before !== undefined) tell({ ...call, state: "end" });
    told.delete(call.dtCallId);
  }

  /** Takes in where the calls of this page stand, and tells what is new of it. */
  function look() {
    for (const call of ours()) {
      shown.set(call.dtCallId, call);
      if (waiting === null) tell(call);
    }
    const first = ours()[0];
    if (first) remember(first);
  }

  /** @param {Client} client */
  function follow(client) {
    client.on("call", ({ call, previous, gone }) => {
      if (!isOurs(call) && !(previous && isOurs(previous))) return;
      if (gone === null && isOurs(call)) {
        look();
      } else {
        if (recent === null || recent.dtCallId === call.dtCallId) remember({ ...call, state: "end" });
        shown.delete(call.dtCallId);
        tellEnd(call);
      }
    });
    client.on("snapshot", () => {
      const live = new Set(client.calls.map(({ dtCallId }) => dtCallId));
      for (const call of shown.values()) if (!live.has(call.dtCallId)) tellEnd(call);
      shown.clear();
      look();
    });
    client.on("orderFailed", ({ call, verb, code, message }) => {
      announce("result", { method: verb, ok: false, callTab: call, code, message });
    });
    client.on("agent", ({ own }) => own && announce("agent", { state: api.GetAgentState() }));
    client.on("connection", (status) => {
      announce("connection", status);
      if (status.state === "closed") return catchUp();
      if (status.state !== "connected" || waiting === null) return;
      const tasks = waiting;
      waiting = null;
      // What another agent had in this tab is nothing to this one.
      if (recent !== null && !isOurs(recent)) remember(null);
      // A page that was just loaded is told where its calls stand.
      look();
      for (const task of tasks) task();
    });
  }

  /** What waits for a view that does not come is refused. */
  function catchUp() {
    const tasks = waiting ?? [];
    if (waiting !== null) waiting = [];
    for (const task of tasks) task();
  }

  async function start() {
    try {
      const { server, ticket, session } = settings;
      broken = null;
      const { CtiClient } = /** @type {typeof import("./cti.js")} */ (await import(`${server}/sdk/cti.js`));
      const options = { ...(ticket && { ticket }), ...(session && { session }) };
      const next = new CtiClient({ server, client: "DynamicsTelephony/1", ...options });
      client?.close();
      client = next;
      follow(client);
      void client.connect();
    } catch (error) {
      broken = { state: "closed", code: "not_loaded", reason: String(error) };
      announce("connection", broken);
      catchUp();
    }
  }

  /**
   * Carries a method out now, or when the view is there. Whether it is accepted as far as is known here; what the server says
   * is announced.
   *
   * @param {string} method
   * @param {(client: Client) => { call?: string, done: Promise<any> } | string} act what is asked, or why it cannot be
   * @returns {boolean}
   */
  function ask(method, act) {
    const { state, code, reason } = api.connection;
    if (state === "closed") return refuse(method, code ?? "closed", reason ?? "");
    if (client === null || waiting !== null) {
      waiting?.push(() => void ask(method, act));
      return true;
    }
    /** @type {ReturnType<typeof act>} */
    let asked;
    try {
      asked = act(client);
    } catch (error) {
      return refuse(method, "invalid", String(error));
    }
    if (typeof asked === "string") return refuse(method, "refused", asked);
    const { call = null, done } = asked;
    done.then(
      (granted) => announce("result", { method, ok: true, callTab: granted?.call ?? call, code: null, message: null }),
      ({ code = "failed", message }) => announce("result", { method, ok: false, callTab: call, code, message }),
    );
    return true;
  }

  /** @param {string} method @param {string} code @param {string} message */
  function refuse(method, code, message) {
    /** @type {Result} */
    const result = { method, ok: false, callTab: recent?.dtCallId ?? null, code, message };
    announce("result", result);
    return false;
  }

  /**
   * The first verb that can be asked of a call of this page.
   *
   * @param {string} method
   * @param {string[]} verbs
   * @param {() => object} [parameters]
   */
  function askCall(method, verbs, parameters = () => ({})) {
    return ask(method, (client) => {
      for (const { dtCallId: call, verbs: offered } of ours()) {
        const verb = verbs.find((verb) => offered.includes(verb));
        if (verb !== undefined) return { call, done: client.command(verb, { ...parameters(), call }) };
      }
      return `No call of this page allows that now: ${verbs.join(", ")}.`;
    });
  }

  /**
   * A verb that joins the call of this page, which must be active, with that of another tab, which must be on hold.
   *
   * @param {string} method
   * @param {string} verb
   * @param {unknown} callTab
   */
  function askBoth(method, verb, callTab) {
    return ask(method, (client) => {
      const held = client.calls.find(({ dtCallId, state }) => dtCallId === callTab && state === "hold");
      const call = ours().find(({ dtCallId, verbs }) => dtCallId !== callTab && verbs.includes(verb));
      if (!held) return "The call of the other tab is not on hold.";
      if (!call) return "The call of this tab is not active.";
      return { call: call.dtCallId, done: client.command(verb, { call: call.dtCallId, with: held.dtCallId }) };
    });
  }

  /** @param {string} number */
  function dial(number) {
    return ask("Dial", (client) => {
      // What is shown before it is dialed is dialed by this, as it is the call of this tab.
      const preview = ours().find(({ verbs }) => verbs.includes("accept_preview"));
      if (preview && digits(number) === digits(preview.phone)) {
        return { call: preview.dtCallId, done: client.command("accept_preview", { call: preview.dtCallId }) };
      }
      const done = client.dial(String(number), { click: true, ...(settings.phoneCallId && { phoneCallId: settings.phoneCallId }) });
      const goOn = (/** @type {{ call: string }} */ { call }) => {
        // A page of one call goes on with the new one, which may have been told of before.
        if (settings.call) settings.call = call;
        look();
      };
      done.then(goOn, () => {});
      return { done };
    });
  }

  /** @param {unknown} number */
  const digits = (number) => String(number ?? "").replace(/\D/g, "");
  const hold = () => askCall("Hold", ["hold", "resume"]);
  const release = () => askCall("Release", ["hangup", "skip_preview"]);
  /** @param {string} number */
  const blindTransfer = (number) => askCall("BlindTransfer", ["blind_transfer"], () => ({ number: String(number) }));
  /** @param {string} number */
  const consultTransfer = (number) => askCall("ConsultTransfer", ["consult_transfer"], () => ({ number: String(number) }));
  /** @param {string} digits */
  const sendDtmf = (digits) => askCall("SendDTMF", ["dtmf"], () => ({ digits: String(digits) }));

  const api = {
    /** @param {Handler} handler */
    RegisterForEvents(handler) {
      if (typeof handler !== "function") return false;
      const isNew = !handlers.has(handler);
      handlers.add(handler);
      // Who comes late is told where the calls stand, as everybody was.
      if (isNew && waiting === null) for (const call of ours()) queueMicrotask(() => callHandler(handler, call));
      return true;
    },
    /** @param {{ dtEventArgs?: unknown } | string | null} event */
    parseEventArgs(event) {
      try {
        const args = typeof event === "object" && event !== null && "dtEventArgs" in event ? event.dtEventArgs : event;
        return details(typeof args === "string" ? JSON.parse(args) : /** @type {any} */ (args));
      } catch {
        return details(null);
      }
    },
    /** The call of this page, or the most recent one. */
    GetCallDetails: () => details(ours()[0] ?? recent),
    Dial: dial,
    MakeCall: dial,
    Call: dial,
    Hold: hold,
    HoldResume: hold,
    /** Takes a held call back, and never puts one on hold. */
    Resume: () => askCall("Resume", ["resume"]),
    BlindTransfer: blindTransfer,
    Transfer: blindTransfer,
    ConsultTransfer: consultTransfer,
    Consult: consultTransfer,
    /** @param {string} callTab */
    CompleteTransfer: (callTab) => askBoth("CompleteTransfer", "complete_transfer", callTab),
    /** @param {string} callTab */
    Conference: (callTab) => askBoth("Conference", "conference", callTab),
    Answer: () => askCall("Answer", ["answer", "accept_preview"]),
    Release: release,
    Hangup: release,
    HangUp: release,
    EndCall: release,
    Ready() {
      askedNotReady = false;
      return ask("Ready", (client) => ({ done: client.ready() }));
    },
    /** Set as the handler of an event it is given that: no reason. @param {unknown} [reason] */
    NotReady(reason) {
      askedNotReady = true;
      const said = ["string", "number"].includes(typeof reason) && reason !== "" ? String(reason) : undefined;
      return ask("NotReady", (client) => ({ done: client.notReady(said) }));
    },
    /** @param {string} file */
    PlayFile: (file) => askCall("PlayFile", ["play"], () => ({ file: String(file) })),
    SendDTMF: sendDtmf,
    SendDtmf: sendDtmf,
    EndWrap: () => askCall("EndWrap", ["end_wrap"]),
    /** @param {string} outcome */
    SetOutcome: (outcome) => askCall("SetOutcome", ["set_outcome"], () => ({ outcome: String(outcome) })),
    /** LoggedOut, NotReady, Away, Ready, or LoggedIn for one who has just come or has a call. */
    GetAgentState() {
      const { state = "offline", reason = null } = client?.agent?.presence ?? {};
      if (state === "offline") return "LoggedOut";
      if (state === "ready") return "Ready";
      if (BUSY.has(state)) return "LoggedIn";
      if (reason === null) return askedNotReady ? "NotReady" : "LoggedIn";
      return ["missed_call", "missed_preview", "softphone_lost"].includes(reason) ? "NotReady" : "Away";
    },
    /** How the connection is. @returns {ConnectionStatus} */
    get connection() {
      return broken ?? client?.connection ?? { state: "connecting" };
    },
    /** What data- attributes cannot say, and then connects. @param {Settings} more */
    configure(more) {
      settings = { ...settings, ...more };
      waiting ??= [];
      isConfigured = true;
      told.clear();
      shown.clear();
      void start();
    },
  };

  Object.defineProperty(window, "DynamicsTelephony", { value: Object.freeze(api), enumerable: true });

  if (ticket !== undefined) {
    const address = new URL(ticket, document.baseURI);
    api.configure({ ticket: (signal) => fetch(address, { method: "POST", cache: "no-store", signal }) });
  } else {
    setTimeout(() => {
      if (isConfigured) return;
      broken = { state: "closed", code: "not_configured", reason: "The page says neither data-ticket nor DynamicsTelephony.configure()." };
      announce("connection", broken);
      catchUp();
    }, CONFIGURE_MS);
  }
})();
