/**
 * What the agent is waiting for. Only a call that he asked for, or that the gateway has just given him, is picked up without a click: a
 * stranger who rings the line does not open the microphone.
 *
 * @import { Call, Presence } from "../sdk/types.js"
 */

/** His line rings within this time, or it does not ring for that. */
const EXPECT_MS = 30_000;
/** States of a call in which the agent's own telephone takes part, or is about to. */
const OWN_PART = new Set(["ringing", "talk", "hold"]);
/** States in which he has yet to decide, or is done. */
const NOT_YET = new Set(["preview", "incoming", "idle"]);

/** Whether the agent's own telephone is a part of it. @param {Call} call */
export function takesPart({ state }) {
  return OWN_PART.has(state ?? "");
}

export class Expectation {
  #askedUntil = 0;
  /** Until when the line may ring for a call. @type {Map<string, number>} */
  #until = new Map();

  /** He has asked for a call. */
  ask() {
    this.#askedUntil = performance.now() + EXPECT_MS;
  }

  /** @param {readonly Call[]} calls his own @param {Presence | null} presence */
  see(calls, presence) {
    const reserved = presence?.state === "reserved" ? presence.call : null;
    const undecided = calls.some(({ dtCallId, state }) => dtCallId === reserved && NOT_YET.has(state ?? ""));
    const due = calls.filter(takesPart).map(({ dtCallId }) => dtCallId);
    if (reserved !== null && !undecided) due.push(reserved);
    for (const id of this.#until.keys()) if (!due.includes(id)) this.#until.delete(id);
    for (const id of due) if (!this.#until.has(id)) this.#until.set(id, performance.now() + EXPECT_MS);
  }

  get isDue() {
    const now = performance.now();
    return now < this.#askedUntil || [...this.#until.values()].some((until) => now < until);
  }

  /** What he asked for has come. */
  spend() {
    this.#askedUntil = 0;
  }
}
