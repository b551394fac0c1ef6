/**
 * The microphone: which one is used, and that it can be. The choice is this browser's own.
 *
 * @import { Word } from "./strings.js"
 */

const CHOICE_KEY = "cti microphone";

/** Why a microphone cannot be used, by the browser's word for it. @type {Record<string, Word>} */
const TROUBLES = {
  NotAllowedError: "micDenied",
  SecurityError: "micDenied",
  NotFoundError: "micMissing",
  OverconstrainedError: "micMissing",
  NotReadableError: "micBusy",
  AbortError: "micBusy",
};

/** @param {unknown} error @returns {Word} */
export function micTrouble(error) {
  return TROUBLES[/** @type {Error} */ (error).name] ?? "micInsecure";
}

/** @param {MediaStream | null} stream */
export function stopTracks(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

export class Microphone {
  /** The chosen one; empty for the one that the browser prefers. */
  chosen = kept(CHOICE_KEY) ?? "";

  /** Opens it; the first time the browser asks the person. @returns {Promise<MediaStream>} */
  open() {
    // Where a page came by plain HTTP from another computer, there are no devices at all.
    if (navigator.mediaDevices === undefined) return Promise.reject(new Error("no devices"));
    const device = this.chosen === "" ? {} : { deviceId: { ideal: this.chosen } };
    return navigator.mediaDevices.getUserMedia({ audio: { ...device, echoCancellation: true, noiseSuppression: true, autoGainControl: true } });
  }

  /** Those that there are; their names are empty until one was opened. */
  async list() {
    const devices = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
    return devices.filter(({ kind }) => kind === "audioinput");
  }

  /** @param {string} id */
  choose(id) {
    this.chosen = id;
    keep(CHOICE_KEY, id);
  }
}

/** What this browser remembers. @param {string} key @returns {string | null} */
export function kept(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** @param {string} key @param {string} value */
export function keep(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Where nothing can be kept, each load asks again.
  }
}
