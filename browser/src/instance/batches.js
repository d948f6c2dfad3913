/**
 * Batches: frames that go up in requests of their own. The rules are those of transports/http/batches.py.
 *
 * Knows: how many requests go at a time, how large, and what a response says of those before it.
 * Must not know: how frames come down.
 */

import { between, now } from "../clock.js";
import { BLOCKED_TYPE, NOT_ACKNOWLEDGED } from "../codes.js";
import { decodeAll } from "../frames.js";
import { LATE, MAX_PART } from "../limits.js";
import { fail } from "./life.js";
import { due } from "./links.js";
import { oldest } from "./outbox.js";
import { ask, isMultiplexed } from "./requests.js";
import { isGone, rewind, take } from "./session.js";
import { limitBatches, maxBatch, mayUpload, terms } from "./terms.js";
import { hasCome, soon } from "./timer.js";
import { upload } from "./upload.js";
import { visit } from "./visits.js";

const FIRST_RETRY = 0.1; // seconds that the first retry of a batch waits at most
const MAX_IN_FLIGHT = 8; // batches on their way at a time
const FEW_IN_FLIGHT = 2; // where they share six connections with other tabs
const LONG = 0.02; // seconds of a round trip from which on several batches go at a time
const FIRST_PAUSE = 0.002;
const TOO_LARGE = 413;
const BUSY = 4; // batches after which an upload is worth a try
const LEAST_WAIT = 1.5; // seconds that a batch waits, at least, beside a response that is open
const MOST_WAIT = 4; // what it took there before may have been waiting too

/** Bring a link's frames up in requests of their own. The rules are those of transports/http/batches.py. */
export const batches = (link) => {
  const flights = link.flights = new Set(); // the batches on their way, by number
  let size = maxBatch;
  let roundTrip = now() - link.began;
  let notBefore = now() + FIRST_PAUSE;
  let count = 0, busy = 0, written = 0, failures = 0, wentBackTo = 0;
  let lastStart, failingSince;
  let failure; // an error, or a code where a response acknowledged too little; until all are back

  link.pump = async () => {
    const most = roundTrip < LONG ? 1 : isMultiplexed() ? MAX_IN_FLIGHT : FEW_IN_FLIGHT;
    // Some paths let a request through only when the response to the one before has ended.
    if (link.heldSince < lastStart &&
      hasCome(lastStart + Math.min(LEAST_WAIT + 4 * roundTrip, MOST_WAIT))) visit();
    // Evenly over the round trip: what is said in between shares a batch.
    const from = flights.size > 1 ? lastStart + roundTrip / most : notBefore;
    if (failure || link.isJoining || flights.size >= most || !hasCome(from)) return;
    const frames = due(link, size);
    if (!frames[0]) return;
    soon(); // for the next
    const flight = ++count;
    const end = link.cursor;
    const started = lastStart = now();
    flights.add(flight);
    // Round trips that are measured make batches too, with nothing of the application's in them.
    if (end > written && ++busy === BUSY && link.way !== "poll" && mayUpload && isMultiplexed()) {
      upload(link, roundTrip);
    }
    written = Math.max(written, end);
    try {
      const response = await ask(link, "ack", { frames, within: LATE * terms.heartbeat });
      take({}, decodeAll(response));
      roundTrip += (roundTrip ? 0.25 : 1) * (now() - started - roundTrip);
      if (oldest >= end || oldest > wentBackTo) failures = 0;
    } catch (error) {
      if (isGone(error, now())) link.end(error);
      failure ??= error.isOther ? BLOCKED_TYPE : error;
    }
    link.heldSince = NaN; // requests pass beside it
    const [first] = flights;
    flights.delete(flight);
    // Everything before it was answered, and the server has not got all of it.
    if (first === flight && oldest < (flights.size ? end : link.cursor)) {
      failure ??= NOT_ACKNOWLEDGED;
    }
    if (failure && !flights.size && !link.isDone) {
      // Go back to what was not acknowledged: at once where responses came, and it is less than last time.
      const { heartbeat } = terms, isTooLarge = failure.status === TOO_LARGE;
      rewind(link);
      if (isTooLarge && size === 1) fail(); // there is no way up
      else if (failure.message || oldest === wentBackTo) {
        if (isTooLarge || failures % 2) size = size > 2 * MAX_PART ? size / 2 : 1;
        if (isTooLarge) limitBatches(size); // the path will not change its mind
        else {
          if (!failures) failingSince = now();
          if (now() - failingSince >= LATE * heartbeat) link.end(failure);
          notBefore = now() + Math.max(
            between(0, Math.min(FIRST_RETRY * 2 ** failures++, heartbeat)), Math.min(failure.after || 0, heartbeat));
        }
        roundTrip = 0; // one at a time until one is answered
      }
      wentBackTo = oldest;
      failure = undefined;
    }
    soon();
  };
};
