/**
 * The upload: one request whose body has no end, in the place of batches; a browser has it over HTTP/2.
 *
 * Many proxies hold a body back until it is complete, so it is used once a PING that went up in it
 * has come back, and given up when a later one does not. The rules are those of transports/http/upload.py.
 *
 * Knows: the trial of an upload, and its life.
 * Must not know: how frames come down.
 */

import { now, random } from "../clock.js";
import { joined } from "../frames.js";
import { encodeHello } from "../handshake.js";
import { LASTING } from "../runners.js";
import { due } from "./links.js";
import { ask, greet } from "./requests.js";
import { ping as sendPing, rewind } from "./session.js";
import { judgeUploads, maxBatch, terms } from "./terms.js";
import { hasCome, soon } from "./timer.js";

const PROOF_TIMEOUT = 1; // seconds, at least, in which its first PING has to come back
const HEARD_TIMEOUT = 3; // seconds in which a later one has to
const PING_INTERVAL = 1;

export const upload = (link, roundTrip) => {
  const { pump } = link; // of batches
  const controller = new AbortController();
  let asked, usedSince, written, writer;

  /** Expect the echo of a PING that is written now. */
  const ping = () => {
    asked = now();
    sendPing(link, link.awaited = random(), false);
  };

  /** Back to batches, which bring up again what was not acknowledged. */
  const end = () => {
    link.pump = pump;
    // Of what was never used the comparison is false.
    judgeUploads(now() - usedSince >= LASTING);
    if (!link.batched) rewind(link);
    link.batched = true;
    soon();
  };

  const body = new ReadableStream({ start: (one) => (writer = one) });
  ping();
  writer.enqueue(joined([encodeHello(greet(link, "up")), link.control.pop()]));
  ask(link, "up", { body, controller }).then(end, end);

  link.pump = () => {
    const isHeard = !link.awaited;
    if (!usedSince && isHeard && !link.flights.size) { // what was on its way has come back
      usedSince = now();
      rewind(link);
      written = link.cursor;
      link.batched = false;
    }
    const within = Math.max(usedSince ? HEARD_TIMEOUT : PROOF_TIMEOUT, 4 * roundTrip);
    const until = asked + (isHeard ? PING_INTERVAL : within);
    if (hasCome(until)) {
      if (!isHeard) return controller.abort();
      // The word that breaks a silence is one too: some proxies take no more of a body that paused.
      if (usedSince && (link.cursor !== written || now() - asked >= terms.silence)) {
        written = link.cursor;
        ping();
      }
    }
    if (!usedSince) return isHeard || pump();
    for (let frames; (frames = due(link, maxBatch))[0]; ) {
      writer.enqueue(joined(frames));
    }
  };
};
