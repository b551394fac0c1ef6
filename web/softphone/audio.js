/**
 * Sound in the browser: whether it is on, how its line is, mute, the microphone and the self-test. Only the enabled tab has a line.
 *
 * @import { Call, Presence } from "../sdk/types.js"
 * @import { LineTerms } from "./sip-line.js"
 * @import { Word } from "./strings.js"
 */
import { find, write } from "../shared/dom.js";
import { makeOption } from "./controls.js";
import { takesPart } from "./expectation.js";
import { Microphone, keep, kept, micTrouble, stopTracks } from "./microphone.js";
import { SipLine } from "./sip-line.js";
import { checkSound } from "./sound-check.js";
import { say } from "./strings.js";

const SOUND_KEY = "cti sound";
/** Who talks and is sent nothing for so long is told. */
const SILENCE_MS = 5_000;

export class SoftAudio extends HTMLElement {
  /** Who rings, or that nobody does any more. */
  onRing = () => {};
  /** Whether a conversation lives in this page from now on. @type {(talking: boolean) => void} */
  onTalk = () => {};
  /** Something that the agent must know. @type {(message: string) => void} */
  onTell = () => {};
  /** As whom the line registers. @type {() => Promise<LineTerms>} */
  askTerms = () => Promise.reject(new Error("nobody is signed in"));
  #state = find(this, "[data-testid=sound]", HTMLElement);
  #switch = find(this, "[data-testid=sound-switch]", HTMLButtonElement);
  #mute = find(this, "[data-testid=sound-mute]", HTMLButtonElement);
  #caller = find(this, ".line-call", HTMLElement);
  #pickUp = find(this, "[data-testid=line-answer]", HTMLButtonElement);
  #devices = find(this, "[data-testid=microphone]", HTMLSelectElement);
  #test = find(this, "[data-testid=sound-test]", HTMLButtonElement);
  #level = find(this, "meter", HTMLMeterElement);
  #tested = find(this, "[data-testid=sound-tested]", HTMLElement);
  #microphone = new Microphone();
  #line = new SipLine(this.#microphone);
  #isOn = kept(SOUND_KEY) === "on";
  #isOffered = false;
  #isActive = false;
  #wasRinging = false;
  #wasTalking = false;
  /** @type {readonly Call[]} */
  #calls = [];

  connectedCallback() {
    this.#line.onChange = () => this.#draw();
    this.#line.onTrouble = (why) => this.onTell(say(why));
    this.#line.isInCall = () => this.#calls.some(takesPart);
    this.#switch.addEventListener("click", () => void this.#turn());
    this.#mute.addEventListener("click", () => this.#line.mute(!this.#line.call?.isMuted));
    this.#pickUp.addEventListener("click", () => void this.#line.answer());
    find(this, "[data-testid=line-hangup]", HTMLButtonElement).addEventListener("click", () => this.#line.hangUp());
    this.#devices.addEventListener("change", () => void this.#choose());
    this.#test.addEventListener("click", () => void this.#runTest());
    navigator.mediaDevices?.addEventListener("devicechange", () => void this.#listDevices());
    find(this, "details", HTMLDetailsElement).addEventListener("toggle", () => void this.#listDevices());
    // The conversation lives in this page; leaving it ends the conversation.
    // A page that frames us asks for itself: a sandboxed frame may not.
    addEventListener("beforeunload", (event) => this.#line.call?.state === "talking" && event.preventDefault());
    addEventListener("pagehide", () => this.#line.end());
    this.#draw();
  }

  /** Whether the line rings and waits for somebody to pick up. */
  get rings() {
    return this.#line.call?.state === "ringing";
  }

  /** Whether the telephone system lets browsers be telephones. @param {boolean} isOffered */
  set offered(isOffered) {
    this.#isOffered = isOffered;
    this.#settle();
  }

  /** @param {{ isActive: boolean, calls: readonly Call[], presence: Presence | null }} phone whether this tab is the one, and what its agent does */
  show({ isActive, calls, presence }) {
    this.#isActive = isActive;
    this.#calls = calls;
    this.#line.expectation.see(calls, presence);
    this.#settle();
    this.#line.reconsider();
  }

  /**
   * The agent has asked for a call: his line will ring for it, and he need not pick up, unless that is refused.
   *
   * @param {Promise<unknown> | undefined} asked
   */
  async expect(asked) {
    this.#line.expectation.ask();
    try {
      await asked;
    } catch (error) {
      this.#line.expectation.spend();
      throw error;
    }
  }

  /** Nobody is signed in any more. */
  stop() {
    this.#isActive = this.#isOffered = false;
    this.#line.end();
    this.#draw();
  }

  #settle() {
    const isWanted = this.#isOn && this.#isOffered && this.#isActive;
    if (isWanted) void this.#line.start(this.askTerms);
    else if (this.#line.state !== "off") this.#line.retire();
    this.#draw();
  }

  /** On or off. The browser's question after the microphone comes now, and not when somebody calls. */
  async #turn() {
    if (!this.#isOn) {
      this.#switch.disabled = true;
      try {
        stopTracks(await this.#microphone.open());
      } catch (error) {
        return this.onTell(say(micTrouble(error)));
      } finally {
        this.#switch.disabled = false;
      }
    }
    this.#isOn = !this.#isOn;
    keep(SOUND_KEY, this.#isOn ? "on" : "off");
    this.#settle();
    void this.#listDevices();
  }

  async #listDevices() {
    const devices = await this.#microphone.list();
    const options = devices.map(({ deviceId, label }, index) => makeOption(deviceId, label || say("micNumber", { number: index + 1 })));
    this.#devices.replaceChildren(makeOption("", say("micPreferred")), ...options.filter(({ value }) => value !== "" && value !== "default"));
    this.#devices.value = this.#microphone.chosen;
    if (this.#devices.selectedIndex < 0) this.#devices.value = "";
  }

  async #choose() {
    this.#microphone.choose(this.#devices.value);
    write(this.#tested, "");
    await this.#line.changeMicrophone().catch((error) => this.onTell(say(micTrouble(error))));
  }

  async #runTest() {
    this.#test.disabled = true;
    write(this.#tested, say("soundTesting"));
    /** @type {MediaStream | null} */
    let stream = null;
    try {
      stream = await this.#microphone.open();
      this.#level.hidden = false;
      const { heard, played } = await checkSound(stream, (level) => (this.#level.value = level));
      write(this.#tested, say(heard ? "soundPlaying" : "soundNothing"));
      await played;
      if (heard) write(this.#tested, say("soundTested"));
    } catch (error) {
      write(this.#tested, say(micTrouble(error)));
    } finally {
      stopTracks(stream);
      this.#level.hidden = true;
      this.#test.disabled = false;
    }
  }

  #draw() {
    const { state, call } = this.#line;
    this.hidden = !this.#isOffered;
    this.dataset.state = call?.state ?? state;
    write(this.#state, say(this.#condition()));
    write(this.#switch, say(this.#isOn ? "soundTurnOff" : "soundTurnOn"));
    this.#switch.classList.toggle("primary", !this.#isOn);
    this.#switch.classList.toggle("quiet", this.#isOn);
    this.#switch.hidden = call !== null;
    this.#mute.hidden = call?.state !== "talking";
    this.#mute.setAttribute("aria-pressed", String(call?.isMuted ?? false));
    // What the gateway shows as a call is picked up and hung up there.
    const isOther = call !== null && (call.state === "ringing" || !this.#calls.some(takesPart));
    this.#caller.hidden = !isOther;
    this.#pickUp.hidden = call?.state !== "ringing";
    write(find(this.#caller, "p", HTMLElement), call === null ? "" : say(call.state === "ringing" ? "lineRings" : "lineWith", { who: call.who }));
    const isTalking = call?.state === "talking";
    if (isTalking !== this.#wasTalking) {
      this.#wasTalking = isTalking;
      this.onTalk(isTalking);
    }
    if (this.rings !== this.#wasRinging) {
      this.#wasRinging = this.rings;
      this.onRing();
    }
  }

  /** @returns {Word} */
  #condition() {
    const { state, why, call } = this.#line;
    if (!this.#isOn) return "soundOff";
    if (call?.state === "talking") {
      const isTalk = this.#calls.some((one) => one.state === "talk");
      const isSilent = isTalk && performance.now() - call.heardAt > SILENCE_MS;
      return isSilent ? "soundSilent" : call.isMuted ? "soundMuted" : "soundTalking";
    }
    if (call?.state === "ringing") return "soundRinging";
    if (!this.#isActive) return "soundElsewhere";
    return why ?? (state === "ready" ? "soundReady" : "soundConnecting");
  }
}
