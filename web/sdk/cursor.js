/**
 * The law of continuity: proves from the frames alone that no event was missed.
 *
 * The *position* is how far everything has been taken in, and what is resumed from. The *chain* is what the next event must
 * name as `prev`. They differ, because the server also moves the position over entries that are not for this socket.
 *
 * @import { Frame, Position } from "./types.js"
 */

export class Cursor {
  /** @type {string | null} */
  #epoch = null;
  /** @type {number | null} null: nothing is held, only a snapshot can follow */
  #position = null;
  /** @type {number | null} */
  #chain = null;

  /** @param {Position | null} position */
  constructor(position) {
    this.moveTo(position);
  }

  /** What hello says to go on from here; null asks for a snapshot. @returns {Position | null} */
  get position() {
    return this.#epoch === null || this.#position === null ? null : { epoch: this.#epoch, seq: this.#position };
  }

  /** A new socket begins: its chain starts at the position. @param {Position | null} position */
  moveTo(position) {
    this.#epoch = position?.epoch ?? null;
    this.#position = this.#chain = position?.seq ?? null;
  }

  /**
   * Whether a frame follows on what was taken in.
   *
   * @param {Frame} frame
   */
  fits(frame) {
    if (frame.op === "welcome") return frame.resume === "reset" || frame.epoch === this.#epoch;
    if (frame.op !== "ev") return true;
    return frame.epoch === this.#epoch && frame.prev === this.#chain && frame.seq > frame.prev;
  }

  /**
   * Moves over a frame that fits and was taken in.
   *
   * @param {Frame} frame
   */
  advance(frame) {
    if (frame.op === "welcome" && frame.resume === "reset") {
      this.#epoch = frame.epoch;
      this.#position = this.#chain = null;
    } else if (frame.op === "snapshot" || frame.op === "ev") {
      this.#position = this.#chain = frame.seq;
    } else if ((frame.op === "mark" || frame.op === "ping") && this.#position !== null) {
      this.#position = Math.max(this.#position, frame.seq);
    }
  }
}
