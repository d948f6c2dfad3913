/**
 * The transport `poll`: requests whose responses end as soon as something has come; as in transports/http/polls.py.
 *
 * Knows: which poll is the next, and what a lost response means.
 * Must not know: how frames go up.
 */

import { now } from "../clock.js";
import { decodeAll } from "../frames.js";
import { MAX_PART, VISIT_INTERVAL } from "../limits.js";
import { task } from "../tasks.js";
import { batches } from "./batches.js";
import { CLOSED, phase } from "./life.js";
import { feed, join } from "./links.js";
import { oldest } from "./outbox.js";
import { ask } from "./requests.js";
import { choose, detach, rewind, write } from "./session.js";
import { takeSlot } from "./slots.js";
import { hasCome, soon } from "./timer.js";
import { visitsUntil } from "./visits.js";

const SOON = 0.25; // seconds between two visits where something was said

export const carry = async (link) => {
  let hasFailed = true; // the first has to succeed
  let isOther; // it was asked for in the other form just now
  let poll = 0;
  const mustVisit = () => link.isVisiting = !link.isHeld || now() < visitsUntil;
  await takeSlot(link);
  while (phase !== CLOSED) {
    if (mustVisit() && poll) {
      // A visit: the first poll of a carrier is answered at once, so it keeps no connection.
      const began = now();
      const before = oldest;
      while (mustVisit() &&
        // What has just been said may well be answered.
        !hasCome(began + (oldest > before ? SOON : VISIT_INTERVAL))) {
        await new Promise((resolve) => (link.visit = resolve));
        if (link.isDone) return;
      }
      poll = 0;
      detach(link);
      join(link, true);
      choose(link);
    }
    // Little, so that no path minds it; and behind batches it would only wait for those.
    const frames = poll++ && (hasFailed || isOther || link.flights?.size) ? [] : write(link, MAX_PART);
    try {
      link.heldSince = poll > 1 ? now() : NaN;
      const came = decodeAll(await ask(link, "poll", { poll, frames }));
      link.isJoining = true;
      feed(link, came);
      await new Promise(task); // what the page says to that goes up with the next poll
      soon(); // for what does not go with it
      link.isJoining = hasFailed = isOther = 0;
      link.isProven ||= link.isVisiting; // a PONG would come on the carrier of the visit before
      link.flights || batches(link);
    } catch (error) {
      const isBlocked = error.isOther && !isOther;
      // One response may be lost alone, and the frames may be what fails; the next poll says what has come.
      if (!isBlocked && (hasFailed || !error.isNetwork && !frames[0])) throw error;
      if (frames[0]) rewind(link); // they may not have come either
      // In the other form the same poll once more: the server keeps what it has answered.
      if (isBlocked) isOther = poll--;
      else hasFailed = true;
    }
  }
};
