/**
 * The transport `poll`: requests whose responses end as soon as something has come; as in transports/http/polls.py.
 *
 * Knows: which poll is the next, and what a lost response means.
 * Must not know: how frames go up.
 */

import { now } from "../clock.js";
import { decodeAll } from "../frames.js";
import { MAX_PART, VISIT_INTERVAL } from "../limits.js";
import { batches } from "./batches.js";
import { CLOSED, phase } from "./life.js";
import { feed, join } from "./links.js";
import { oldest } from "./outbox.js";
import { ask } from "./requests.js";
import { choose, detach, rewind, write } from "./session.js";
import { takeSlot } from "./slots.js";
import { hasCome } from "./timer.js";
import { visitsUntil } from "./visits.js";

const SOON = 0.25; // seconds between two visits where something was said

export const carry = async (link) => {
  let hasFailed = true; // the first has to succeed
  let isOther = false; // it was asked for in the other form just now
  let poll = 0;
  const mustVisit = () => link.isVisiting = !link.isHeld || now() < visitsUntil;
  await takeSlot(link);
  while (phase !== CLOSED) {
    if (mustVisit() && poll) {
      // A visit: the first poll of a carrier is answered at once, so it keeps no connection.
      const began = now();
      const before = oldest;
      while (mustVisit() && !link.isDone &&
        // What has just been said may well be answered.
        !hasCome(began + (oldest > before ? SOON : VISIT_INTERVAL))) {
        await new Promise((resolve) => (link.visit = resolve));
      }
      if (link.isDone) return;
      poll = 0;
      detach(link);
      join(link, true);
      choose(link);
    }
    const frames = poll++ ? [] : write(link, MAX_PART); // little, so that no path minds it
    try {
      link.heldSince = poll > 1 ? now() : NaN;
      feed(link, decodeAll(await ask(link, "poll", { poll, frames })));
      hasFailed = isOther = false;
      link.isProven ||= link.isVisiting; // a PONG would come on the carrier of the visit before
      link.flights || batches(link);
    } catch (error) {
      const isBlocked = error.isOther && !isOther;
      // One response may be lost alone; the next poll says what has come.
      if (!isBlocked && (hasFailed || !error.isNetwork)) throw error;
      if (poll < 2) rewind(link); // its frames may not have come either
      if (isBlocked) {
        // The same poll once more: the server keeps what it has answered.
        isOther = true;
        poll--;
      } else hasFailed = true;
    }
  }
};
