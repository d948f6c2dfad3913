/**
 * The inbox: joins, checks and counts what comes from the server, as in session/inbox.py.
 *
 * Knows: which numbered frames have come, and how much waits to be dispatched.
 * Must not know: carriers, time.
 */

import { badIf } from "../errors.js";
import { CLOSE, fromUtf8, joined, number, PART, TEXT } from "../frames.js";
import { INBOX, OVERHEAD } from "../limits.js";
import { receive } from "./events.js";
import { peerClosed, phase, shut, takeClose } from "./life.js";
import { options } from "./target.js";

export let got = 0; // frames, without a gap
export let cost = 0; // of all messages received
export let queued = 0; // of those not dispatched yet
let pieces = []; // of the message that is coming
let coming = 0; // bytes of it

/** @param words is the same text as the payload, where the browser has decoded it */
export const accept = (kind, payload, words) => {
  badIf(peerClosed); // a frame came after CLOSE
  if (kind === CLOSE) {
    takeClose(number(payload, 0, 2), fromUtf8(payload.subarray(2)));
    got++;
    cost += INBOX; // so much that the acknowledgement is due
    return;
  }
  badIf(!coming && queued >= INBOX); // a message began without room
  const all = phase ? [] : [...pieces, payload];
  // Before it counts as received: if the carrier garbled it, another brings it again.
  let data = kind !== PART && joined(all);
  if (kind === TEXT) data = all[1] ? fromUtf8(data) : words ?? fromUtf8(data);
  got++;
  coming += payload.length;
  if (coming > options.maxMessage) shut(1009, "message is too long");
  pieces = all;
  if (kind === PART) return;
  const weight = coming + OVERHEAD;
  pieces = [];
  cost += weight;
  coming = 0;
  if (phase) return;
  queued += weight;
  receive(data, weight);
};

/** Say that a message was dispatched, or dropped. */
export const dispatched = (weight) => {
  queued -= weight;
};

/** Bytes that the server may still send. */
export const space = () => Math.max(INBOX - queued, 0);
