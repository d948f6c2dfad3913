/**
 * The transports `stream` and `sse`: a response without an end, as in transports/stream.py and sse.py.
 *
 * Knows: how bytes that come become frames.
 * Must not know: how frames go up.
 */

import { now } from "../clock.js";
import { CUT, NO_CONNECTION } from "../codes.js";
import { lost } from "../errors.js";
import { eventDecoder } from "../eventstream.js";
import { frameDecoder } from "../frames.js";
import { MAX_PART } from "../limits.js";
import { batches } from "./batches.js";
import { feed } from "./links.js";
import { ask } from "./requests.js";
import { write } from "./session.js";
import { takeSlot } from "./slots.js";
import { visitsUntil } from "./visits.js";

export const carry = async (link) => {
  await takeSlot(link);
  // Other tabs have them for now, or the path lets one request through at a time.
  if (!link.isHeld || now() < visitsUntil) throw lost(NO_CONNECTION, { isNetwork: true });
  link.heldSince = now();
  const { body } = await ask(link, link.way, { isEndless: true, frames: write(link, MAX_PART) });
  const decode = link.way === "sse" ? eventDecoder() : frameDecoder();
  batches(link);
  await body.pipeTo(new WritableStream({ write: (bytes) => feed(link, decode(bytes)) }));
  // A clean end proves nothing: proxies turn a dead origin into one, or end a response by mistake.
  link.end(lost(CUT, { isNetwork: true }));
};
