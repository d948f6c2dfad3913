/**
 * The outbox: numbers, keeps and replays what goes to the server, as in session/outbox.py.
 *
 * Knows: which frames are not acknowledged, and how much the server has room for.
 * Must not know: carriers, time, what a message means.
 */

import { badIf } from "../errors.js";
import { encode, PART } from "../frames.js";
import { MAX_PART, OVERHEAD } from "../limits.js";

export let oldest = 1; // number of the oldest frame kept
export let kept = []; // frames sent and not acknowledged
export let flushed = 0; // bytes of the application's that were written, or acknowledged
let maxPart = MAX_PART;
let sentCost = 0;
let limit = 0; // the cost up to which a message may begin

/** Number a message. `bytes` is its payload; a text that needs no parts is kept as it is too. */
export const post = (kind, bytes, words) => {
  let rest = bytes;
  for (; rest.length > maxPart; rest = rest.subarray(maxPart)) {
    // There are no words then: what has parts is not kept as a text.
    words = keep(encode(PART, rest.subarray(0, maxPart)));
  }
  keep(encode(kind, rest), bytes.length, words);
  sentCost += bytes.length + OVERHEAD;
};

const keep = (frame, weight, words) => {
  kept.push(Object.assign(frame, { weight, words, before: sentCost }));
};

export const acknowledge = (received, room) => {
  const count = received + 1 - oldest;
  badIf(count > kept.length); // more was acknowledged than was sent
  if (count < 0) return;
  flush(kept.splice(0, count));
  oldest += count;
  limit = Math.max(limit, (kept[0]?.before ?? sentCost) + room);
};

/** Say that frames left the page, which counts once. */
export const flush = (frames) => {
  for (const one of frames) {
    flushed += one.weight ?? 0;
    one.weight = 0;
  }
};

/** Keep CLOSE, which needs no room; nothing comes after it. */
export const keepLast = (frame) => {
  sentCost = -1;
  keep(frame);
};

/** Say how long a part may be. */
export const limitParts = (size) => {
  maxPart = Math.min(MAX_PART, size);
};

/** The number of the newest frame. */
export const highest = () => oldest + kept.length - 1;

/** Whether everything is acknowledged. */
export const isEmpty = () => !kept[0];

/** The frame of a number, where there is one, and room for it. */
export const sendable = (number) => {
  const frame = kept[number - oldest];
  return frame?.before < limit && frame;
};
