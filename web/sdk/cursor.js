/**
 * The law of continuity: proves from the frames alone that no event was missed. Pure.
 *
 * @import { Frame } from "./wire.js"
 */

/**
 * Where a page is in the journal. The *position* is the newest point that it has taken in, and what it resumes from. The *chain* is the
 * value that the next event must name as `prev`. They differ, because the server also moves the position over entries that are not for
 * this socket (`mark`, `ping`).
 *
 * @typedef {object} Cursor
 * @property {string | null} epoch
 * @property {number | null} position null: nothing held yet, only a snapshot can follow
 * @property {number | null} chain
 */

/** @type {Readonly<Cursor>} */
export const NOWHERE = Object.freeze({ epoch: null, position: null, chain: null });

/**
 * What to say in `hello` to go on from here; `undefined` asks for a snapshot.
 *
 * @param {Cursor} cursor
 * @returns {{ epoch: string, seq: number } | undefined}
 */
export function resumeFrom({ epoch, position }) {
  return epoch === null || position === null ? undefined : { epoch, seq: position };
}

/**
 * The cursor of a new socket: its chain starts at the position that `hello` names.
 *
 * @param {Cursor} cursor
 * @returns {Cursor}
 */
export function rewind(cursor) {
  return { ...cursor, chain: cursor.position };
}

/**
 * Takes one frame in. `null` is a gap: forget everything and ask for a snapshot.
 *
 * @param {Cursor} cursor
 * @param {Frame} frame
 * @returns {Cursor | null}
 */
export function advance(cursor, frame) {
  switch (frame.op) {
    case "welcome":
      if (frame.resume === "reset") return { epoch: frame.epoch, position: null, chain: null };
      // A first connect has no epoch yet. A resume must go on in the epoch that it named.
      return cursor.epoch === null || cursor.epoch === frame.epoch ? { ...cursor, epoch: frame.epoch } : null;
    case "snapshot":
      return { ...cursor, position: frame.seq, chain: frame.seq };
    case "ev":
      if (frame.epoch !== cursor.epoch || frame.prev !== cursor.chain || frame.seq <= frame.prev) return null;
      return { ...cursor, position: furthest(cursor, frame.seq), chain: frame.seq };
    case "mark":
    case "ping":
      // Before the snapshot there is no position to move.
      return cursor.position === null ? cursor : { ...cursor, position: furthest(cursor, frame.seq) };
    case "res":
      return cursor;
  }
}

/**
 * @param {Cursor} cursor
 * @param {number} seq
 */
function furthest({ position }, seq) {
  return Math.max(position ?? 0, seq);
}
