/**
 * Visits: polls that are answered at once, where no connection may be kept open; as in transports/http/polls.py.
 *
 * Knows: until when.
 * Must not know: how a poll is made.
 */

import { now } from "../clock.js";
import { VISITS } from "../limits.js";
import { rests } from "../origins.js";
import { links } from "./links.js";
import { LAST_PROMOTION_INTERVAL } from "./race.js";
import { known, options, origin } from "./target.js";

/** When the session begins, which its server may have put off. */
export const began = Math.max(now(), rests[origin] ?? 0);
export let visitsUntil = known.visits ? began + VISITS : 0; // as the path lets requests through one at a time

/** Nothing goes up while a response is open: keep none open for a while. */
export const visit = () => {
  if (!options.transports.includes("poll")) return;
  visitsUntil = now() + Math.min(now() - began + VISITS, LAST_PROMOTION_INTERVAL);
  for (const link of links) if (link.heldSince) for (const one of link.requests) one.abort();
};

/** Another network may let more than one request through. */
export const stayAgain = () => {
  visitsUntil = 0;
};
