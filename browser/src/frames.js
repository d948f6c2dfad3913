/**
 * Frames: the units of the wire (docs/protocol.md), as in frames.py.
 *
 * Knows: how a frame is encoded, and how bytes are cut into frames.
 * Must not know: what a frame means, and what carries it.
 */

import { badIf } from "./errors.js";
import { KIB } from "./limits.js";

export const TEXT = 1, BINARY = 2, PART = 3, CLOSE = 4, HELLO = 16, OPEN = 17, NEXT = 18, ACK = 19,
  SELECT = 20, PING = 21, PONG = 22, LEAVE = 23, BEAT = 25;
export const LAST_NUMBERED = 15; // types up to this one count up, and are kept until acknowledged
export const SUBPROTOCOL = "byway.1";
export const MAX_FRAME = 64 * KIB;

export const utf8 = (text) => new TextEncoder().encode(text);
export const fromUtf8 = (bytes) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);

/** Join arrays of bytes; never one of them itself, as what was read is the network's buffer. */
export const joined = (pieces) => {
  const whole = new Uint8Array(pieces.reduce((sum, one) => sum + one.length, 0));
  let at = 0;
  for (const one of pieces) {
    whole.set(one, at);
    at += one.length;
  }
  return whole;
};

/** Encode a number, big-endian; what does not fit is cut off, which is what `joined` does. */
export const big = (number, width = 4) => width ? [...big(number / 256, width - 1), number] : [];

/** Decode a number, big-endian. Those that occur are far below 2^53. */
export const number = (bytes, from, to) => bytes.subarray(from, to).reduce((sum, one) => sum * 256 + one, 0);

/** Encode one frame. */
export const encode = (kind, ...payload) => joined([[kind], big(joined(payload).length), ...payload]);

/** Return the frames `[kind, payload]` that bytes begin with, and tell the rest. */
export const split = (bytes, onRest) => {
  const frames = [];
  while (bytes.length > 4) {
    const [kind] = bytes;
    const end = 5 + number(bytes, 1, 5);
    // A frame is too long, or its type unknown.
    badIf(end > 5 + MAX_FRAME || !kind || (kind > CLOSE && kind <= LAST_NUMBERED));
    if (end > bytes.length) break;
    frames.push([kind, bytes.subarray(5, end)]);
    bytes = bytes.subarray(end);
  }
  onRest(bytes);
  return frames;
};

/** Decode a buffer that is a whole number of frames. */
export const decodeAll = (buffer) => split(new Uint8Array(buffer), (rest) => badIf(rest.length));

/** Decode base64. */
export const fromBase64 = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));

/** Return what turns the bytes of one carrier into frames, however they are cut. */
export const frameDecoder = () => {
  let rest = [];
  return (bytes) => split(joined([rest, bytes]), (one) => (rest = one));
};
