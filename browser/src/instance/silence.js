/**
 * Silence: whether a path cuts connections on which nothing is said, as in negotiation/silence.py.
 *
 * Knows: how long silences lasted that ended with a connection.
 * Must not know: what a connection is.
 */

import { known } from "./target.js";

export let limit; // the silence after which the path cut, in seconds, if it did
export let beat = known.heartbeat; // the heartbeat that the path needs, in seconds, where that is known
let before; // the silence before the cut before

/** Take note of a carrier lost after so many seconds of silence; say whether that taught a heartbeat. */
export const learn = (silence, heartbeat) => {
  if (silence >= 1.2 * heartbeat) silence = heartbeat; // the path had let go before
  const shortest = Math.min(silence, before);
  const needed = Math.max(1, shortest / 2);
  // Of what is unknown every comparison is false.
  const isNew = silence >= 1 && shortest >= 0.8 * Math.max(silence, before) && !(needed >= beat);
  before = silence;
  if (isNew) {
    beat = needed;
    limit = shortest;
    before = undefined;
  }
  return isNew;
};
