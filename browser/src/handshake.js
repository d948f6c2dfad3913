/**
 * The client's half of a handshake, as in handshake.py: HELLO, and the same as a subprotocol.
 *
 * Knows: what a client says of itself when a carrier begins.
 * Must not know: when that is, and what carries it.
 */

import { encode, HELLO, SUBPROTOCOL, utf8 } from "./frames.js";

/** Encode HELLO, the first frame of every request. */
export const encodeHello = (greeting) => encode(HELLO, utf8(JSON.stringify({ v: 1, ...greeting })));

/** Encode the same as the subprotocol that a WebSocket handshake offers. */
export const encodeToken = ({ session: key, received, room, carrier, instance }) =>
  [SUBPROTOCOL, key, received, room, carrier].concat(instance ?? []).join(".");
