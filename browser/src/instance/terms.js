/**
 * The terms: what OPEN said last, and what the path has taught beside it.
 *
 * Knows: OPEN (docs/protocol.md).
 * Must not know: requests, the race.
 */

import { badIf } from "../errors.js";
import { fromUtf8, OPEN } from "../frames.js";
import { KIB } from "../limits.js";

/** The server's times, in seconds, and what it offers. */
export let terms = { heartbeat: 10, silence: 25, window: 30 };
export let instance; // of the session's process
export let maxBatch = 64 * KIB;
/** Whether this fetch can send a body while it is written, and none has failed yet. */
export let mayUpload = "duplex" in Request.prototype;

/** Read OPEN. */
export const readOpen = ([kind, payload]) => {
  badIf(kind !== OPEN); // the first frame is not OPEN
  const told = JSON.parse(fromUtf8(payload));
  badIf(told.v !== 1); // another version of the protocol
  const { part, batch, heartbeat, silence, window, received, room } = told;
  // At least 0.1 s, and parts of 64 bytes: with less this would do nothing else.
  badIf(![part / 640, batch, heartbeat, silence, window, received + 1, room + 1]
    .every((one) => Number.isFinite(one) && one >= 0.1));
  return told;
};

/** Whether this OPEN comes from the session's process; the first says which that is. */
export const isSame = (told) => told.instance === (instance ??= told.instance);

/** Keep to what an OPEN says from now on. */
export const agree = (told) => {
  terms = told;
  limitBatches(told.batch);
};

/** Send no batch that is longer: the path, or the server, does not take it. */
export const limitBatches = (size) => {
  maxBatch = Math.min(maxBatch, size);
};

/** Say whether an upload that has ended was worth it. */
export const judgeUploads = (isWorthIt) => {
  mayUpload &&= isWorthIt;
};
