/**
 * The live calls and the agent's own state, as far as the frames taken in tell: one consistent view. What it hands out is
 * never changed afterwards, only replaced.
 *
 * @import { Agent, AgentChange, Call, CallChange, CallObject, EventFrame, Lease, LeaseChange, Presence, Snapshot, SnapshotFrame } from "./types.js"
 */

export class View {
  /** @type {Map<string, Call>} by dtCallId, in the order in which they came */
  #calls = new Map();
  /** @type {Agent | null} */
  #agent = null;
  #follows;

  /** @param {"*" | string[] | undefined} follows whom, where it is not an agent's own softphone */
  constructor(follows) {
    this.#follows = follows;
  }

  /** @returns {Snapshot} */
  get shown() {
    return { calls: [...this.#calls.values()], agent: this.#agent };
  }

  /** @param {Pick<SnapshotFrame, "calls" | "agent">} all */
  replace({ calls, agent }) {
    this.#calls = new Map(calls.map((call) => [call.dtCallId, call]));
    this.#agent = agent;
  }

  /**
   * @param {EventFrame} frame
   * @returns {Pick<CallChange, "call" | "previous" | "gone"> | null} null when it is not about what a call shows
   */
  hearCall({ data, call: id, attempt, cv, agent, audience }) {
    // `call.order_failed` and its like tell of a call without being one.
    if (id === null || !("dtCallId" in data)) return null;
    const call = { .../** @type {CallObject} */ (data), attempt: attempt ?? 1, cv: cv ?? 0, agent };
    const previous = this.#calls.get(id) ?? null;
    const gone = call.state === "end" ? "ended" : this.#concerns(audience, agent) ? null : "left";
    if (gone !== null || call.state === null) this.#calls.delete(id);
    else this.#calls.set(id, call);
    return { call, previous, gone };
  }

  /**
   * @param {EventFrame} frame
   * @returns {Pick<AgentChange, "presence" | "own">}
   */
  hearAgent({ data }) {
    const presence = /** @type {Presence} */ (data);
    const own = presence.agent === this.#agent?.login;
    // A snapshot may be ahead of the events that follow it.
    const newer = presence.version >= (this.#agent?.presence?.version ?? 0);
    if (this.#agent && own && newer) this.#agent = { ...this.#agent, presence };
    return { presence, own };
  }

  /**
   * @param {EventFrame} frame
   * @returns {Pick<LeaseChange, "lease">}
   */
  hearLease({ data }) {
    const lease = /** @type {Lease} */ (data);
    const newer = lease.fence >= (this.#agent?.lease?.fence ?? 0);
    if (this.#agent?.login === lease.agent && newer) this.#agent = { ...this.#agent, lease };
    return { lease };
  }

  /**
   * @param {EventFrame["audience"]} audience
   * @param {string | null} agent
   */
  #concerns(audience, agent) {
    if (audience === "all" || this.#follows === "*") return true;
    return agent !== null && (this.#agent?.login === agent || Boolean(this.#follows?.includes(agent)));
  }
}
