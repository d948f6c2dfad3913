/**
 * What becomes of a session: it lives, closes, has closed, or is lost.
 *
 * Knows: the phases, the closing handshake, what CLOSE says.
 * Must not know: carriers, time, the page.
 */

import { big, CLOSE, encode, utf8 } from "../frames.js";
import { acknowledge, highest, isEmpty, keepLast } from "./outbox.js";

// CLOSING: CLOSE was sent; CLOSED: both ways.
export const LIVE = 0, CLOSING = 1, CLOSED = 2, LOST = 3;

export let phase = LIVE;
export let peerClosed;
export let ending = {}; // what CLOSE says, the peer's or, until it has come, this side's: {code, reason}

/** Close, where that has not begun. */
export const shut = (code, reason) => {
  if (phase) return;
  phase = CLOSING;
  ending = { code, reason };
  keepLast(encode(CLOSE, big(code, 2), utf8(reason)));
};

/** The session is lost: a page hears 1006, without a reason. */
export const fail = () => {
  if (!isOver()) phase = LOST;
};

/** Take it that a peer which let go while this side was closing has received everything. */
export const settle = () => {
  phase = CLOSED;
  acknowledge(highest(), 0);
};

/** Whether nothing is left to do. */
export const isOver = () => {
  return phase === LOST || (phase === CLOSED && isEmpty());
};

/** Take the peer's CLOSE. */
export const takeClose = (code, reason) => {
  shut(code, reason); // echoed (RFC 6455, section 5.5.1)
  ending = { code, reason }; // what was received counts (section 7.1.5)
  phase = CLOSED;
  peerClosed = true;
};
