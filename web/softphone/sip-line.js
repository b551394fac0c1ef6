/**
 * The line of this browser: registered by SIP over a WebSocket, it takes calls that the telephone system offers it, one at a time. It
 * starts none: who calls whom is the gateway's, which lets the system ring this line first.
 *
 * @import { IncomingRTCSessionEvent, RTCSessionEvent, UA } from "jssip/lib/UA"
 * @import { RTCSession } from "jssip/lib/RTCSession"
 * @import { Microphone } from "./microphone.js"
 * @import { Word } from "./strings.js"
 */
import { Refused } from "./api.js";
import { Expectation } from "./expectation.js";
import { micTrouble, stopTracks } from "./microphone.js";
import { say } from "./strings.js";

/** Loaded when it is needed: it is larger than the rest of the page. */
const SIP_LIBRARY = "/vendor/jssip.js";
const NOT_FOUND = 404;
const REGISTER_S = 120;
const AGAIN_MS = 15_000;
const RECONNECT_S = { connection_recovery_min_interval: 1, connection_recovery_max_interval: 15 };
/** The other side is gone when nothing came for so long, the connection is cut, and no call of the agent goes on. */
const GONE_MS = 10_000;
/** Why a call is not taken, as SIP tells it. */
const NOT_THERE = 480;
const BUSY = 486;
const DECLINED = 603;
const COUNT_MS = 1_000;
/** Headers by which a telephone system says that a telephone shall pick up by itself. */
const PICK_UP = /answer-after=0|alert-autoanswer/i;

/**
 * @typedef {object} LineTerms as whom it registers
 * @property {string} url
 * @property {string} uri
 * @property {string} password
 */

/**
 * @typedef {object} LineCall
 * @property {RTCSession} session
 * @property {string} who
 * @property {"ringing" | "answering" | "talking"} state
 * @property {boolean} isMuted
 * @property {MediaStream | null} stream of the microphone
 * @property {number} received packets so far
 * @property {number} heardAt when the last packet came, by the page's own clock
 */

/** The server has no library of sound. */
class NotBuilt extends Error {}

/** Why a line cannot even ask to be registered. @param {unknown} error @returns {Word} */
function whyNot(error) {
  if (error instanceof NotBuilt) return "soundNotBuilt";
  // Who does not answer says nothing of the line.
  return error instanceof Refused && error.status === 0 ? "notThere" : "lineUnknown";
}

export class SipLine {
  /** Something that is shown has changed. */
  onChange = () => {};
  /** A call could not be taken. @type {(why: Word) => void} */
  onTrouble = () => {};
  /** What the agent waits for, so that nobody needs to pick up. */
  expectation = new Expectation();
  /** Whether the agent is in a call, as the gateway has it. */
  isInCall = () => false;
  /** @type {"off" | "connecting" | "ready" | "failed"} */
  state = "off";
  /** What is the matter, in the state failed and sometimes while connecting. @type {Word | null} */
  why = null;
  /** @type {LineCall | null} */
  call = null;
  #microphone;
  #sound = document.createElement("audio");
  /** @type {UA | null} */
  #agent = null;
  /** @type {() => Promise<LineTerms>} */
  #ask = () => Promise.reject(new Error());
  #failedLoads = 0;
  /** Whether it shall be registered. */
  #isWanted = false;
  /** Which beginning counts: one that was overtaken opens nothing. */
  #round = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #again;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #counting;

  /** @param {Microphone} microphone */
  constructor(microphone) {
    this.#microphone = microphone;
    this.#sound.autoplay = true;
  }

  /** Registers. @param {() => Promise<LineTerms>} ask tells as whom */
  async start(ask) {
    if (this.#isWanted) return;
    this.#isWanted = true;
    this.#ask = ask;
    this.#be("connecting");
    if (this.#agent !== null) this.#agent.register();
    else await this.#begin();
  }

  /** Registers as whom the gateway says now. */
  async #begin() {
    const round = ++this.#round;
    const isOver = () => round !== this.#round || !this.#isWanted;
    try {
      const [library, terms] = await Promise.all([this.#load(), this.#ask()]);
      if (!isOver()) this.#open(library, terms);
    } catch (error) {
      if (isOver()) return;
      const why = whyNot(error);
      this.#be(why === "notThere" ? "connecting" : "failed", why);
      if (why !== "soundNotBuilt") this.#again = setTimeout(() => void this.#begin(), AGAIN_MS);
    }
  }

  /** @returns {Promise<typeof import("jssip")>} */
  async #load() {
    // Firefox and Safari remember of an address that its module could not be loaded.
    const address = this.#failedLoads === 0 ? SIP_LIBRARY : `${SIP_LIBRARY}?again=${this.#failedLoads}`;
    try {
      return (await import(address)).default;
    } catch {
      this.#failedLoads += 1;
      const answer = await fetch(SIP_LIBRARY, { method: "HEAD", credentials: "omit" }).catch(() => null);
      throw answer?.status === NOT_FOUND ? new NotBuilt() : new Refused(0, "no_answer", say("notThere"));
    }
  }

  /** Registers no more. A call that is on goes on to its end. */
  retire() {
    this.#isWanted = false;
    clearTimeout(this.#again);
    if (this.call?.state === "ringing") this.call.session.terminate({ status_code: NOT_THERE });
    if (this.call === null) this.#close();
    else this.#agent?.unregister();
    this.#be("off");
  }

  /** Ends everything at once: the page is being left, or nobody is signed in any more. */
  end() {
    this.#isWanted = false;
    clearTimeout(this.#again);
    this.expectation = new Expectation();
    this.#close();
    this.#be("off");
  }

  /** Picks up. */
  async answer() {
    const { call } = this;
    if (call?.state !== "ringing") return;
    call.state = "answering";
    this.expectation.spend();
    this.onChange();
    try {
      const stream = await this.#microphone.open();
      if (this.call !== call) return stopTracks(stream);
      call.stream = stream;
      call.session.answer({ mediaStream: stream, pcConfig: { iceServers: [] } });
    } catch (error) {
      this.onTrouble(micTrouble(error));
      if (this.call === call) call.session.terminate({ status_code: NOT_THERE });
    }
  }

  /** Hangs up, or declines. */
  hangUp() {
    this.call?.session.terminate(this.call.state === "ringing" ? { status_code: DECLINED } : {});
  }

  /** @param {boolean} isMuted */
  mute(isMuted) {
    if (this.call === null) return;
    this.call.isMuted = isMuted;
    if (isMuted) this.call.session.mute({ audio: true });
    else this.call.session.unmute({ audio: true });
    this.onChange();
  }

  /** Goes on with the microphone that is chosen now. */
  async changeMicrophone() {
    const { call } = this;
    if (call?.stream == null) return;
    const stream = await this.#microphone.open();
    // The one that is not used is closed: it would be open for as long as the page is.
    let unused = stream;
    try {
      const [track] = stream.getAudioTracks();
      const sender = call.session.connection.getSenders().find((one) => one.track?.kind === "audio");
      if (this.call !== call || sender === undefined || track === undefined) return;
      await sender.replaceTrack(track);
      if (this.call !== call) return;
      track.enabled = !call.isMuted;
      [unused, call.stream] = [call.stream, stream];
    } finally {
      stopTracks(unused);
    }
  }

  /** What the agent waits for may have changed: who rings may be it. */
  reconsider() {
    if (this.expectation.isDue) void this.answer();
  }

  /** @param {typeof import("jssip")} library @param {LineTerms} terms */
  #open(library, { url, uri, password }) {
    const agent = new library.UA({
      sockets: [new library.WebSocketInterface(url)],
      uri,
      password,
      register: true,
      register_expires: REGISTER_S,
      session_timers: false,
      user_agent: "cti-gateway softphone",
      ...RECONNECT_S,
    });
    this.#agent = agent;
    const isMeant = () => this.#isWanted && this.#agent === agent;
    agent.on("registered", () => isMeant() && this.#be("ready"));
    agent.on("disconnected", () => isMeant() && this.#be("connecting", "lineLost"));
    agent.on("registrationFailed", ({ response }) => {
      if (!isMeant()) return;
      // Without an answer the connection is at fault, and is made again by the library.
      if (response == null) this.#be("connecting", "lineLost");
      else this.#be("failed", "lineRefused");
      clearTimeout(this.#again);
      this.#again = setTimeout(() => (response == null || this.call !== null ? agent.register() : this.#anew()), AGAIN_MS);
    });
    agent.on("newRTCSession", (/** @type {RTCSessionEvent} */ event) => {
      if (event.originator === "remote") this.#offered(/** @type {IncomingRTCSessionEvent} */ (event));
    });
    agent.start();
  }

  /** Who was refused may have another password by now. */
  #anew() {
    this.#close();
    void this.#begin();
  }

  #close() {
    this.#agent?.stop();
    this.#agent = null;
  }

  /** @param {IncomingRTCSessionEvent} event */
  #offered({ session, request }) {
    if (this.call !== null) return session.terminate({ status_code: BUSY });
    const { display_name: name, uri } = session.remote_identity;
    /** @type {LineCall} */
    const call = {
      session,
      who: name || uri.user,
      state: "ringing",
      isMuted: false,
      stream: null,
      received: 0,
      heardAt: performance.now(),
    };
    this.call = call;
    session.on("peerconnection", ({ peerconnection }) => {
      peerconnection.addEventListener("track", ({ streams }) => (this.#sound.srcObject = streams[0] ?? null));
    });
    session.on("confirmed", () => {
      call.state = "talking";
      call.heardAt = performance.now();
      this.#counting = setInterval(() => void this.#count(call), COUNT_MS);
      this.onChange();
    });
    session.on("ended", () => this.#over(call));
    session.on("failed", () => this.#over(call));
    const headers = ["Call-Info", "Alert-Info"].map((header) => request.getHeader(header) ?? "");
    if (headers.some((value) => PICK_UP.test(value)) || this.expectation.isDue) void this.answer();
    this.onChange();
  }

  /** @param {LineCall} call */
  #over(call) {
    stopTracks(call.stream);
    if (this.call !== call) return;
    this.call = null;
    clearInterval(this.#counting);
    this.#sound.srcObject = null;
    if (!this.#isWanted) this.#close();
    this.onChange();
  }

  /** Whether anything arrives. @param {LineCall} call */
  async #count(call) {
    const { connection } = call.session;
    const reports = await connection?.getStats().catch(() => null);
    if (reports == null || this.call !== call) return;
    reports.forEach((report) => {
      if (report.type !== "inbound-rtp" || report.packetsReceived === call.received) return;
      call.received = report.packetsReceived;
      call.heardAt = performance.now();
    });
    const isCut = connection.iceConnectionState === "disconnected" || connection.iceConnectionState === "failed";
    if (isCut && performance.now() - call.heardAt > GONE_MS && !this.isInCall()) call.session.terminate();
    this.onChange();
  }

  /** @param {SipLine["state"]} state @param {Word | null} [why] */
  #be(state, why = null) {
    this.state = state;
    this.why = why;
    this.onChange();
  }
}
