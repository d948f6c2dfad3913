/**
 * Pace: how long round trips take, and whether one transport is much slower than another; as in negotiation/pace.py.
 *
 * Knows: the trips of runners, and when the application said something.
 * Must not know: networks, sessions.
 */

import { SLOWER } from "../codes.js";
import { isMeasured, PROVEN, TRIPS } from "../runners.js";
import { askForTrip } from "./links.js";
import { decidedAt, drop, isLooking, lookLater, order, used, worse } from "./race.js";
import { wakeAt } from "./timer.js";

export const MARGIN = 0.15; // seconds by which, and three times, those of a slower one are longer
const QUIET = 0.1; // seconds without a word before the carrier in use is asked
const CHECK_INTERVAL = 5; // seconds between two checks of it
const STALL = 0.5; // seconds, at least, by which a PONG is late

let least = Infinity; // the shortest round trip
let quietSince; // when the application said something last
let checkedAt; // when the carrier in use was asked for a round trip last

/** Say that the application has said something. */
export const spoke = (now) => {
  quietSince = now;
};

/** Let the carrier in use be asked as soon as it is quiet. */
export const checkSoon = () => {
  checkedAt = -CHECK_INTERVAL;
};

/** Take it that a round trip, if one was begun here, has come back. */
export const cameBack = (runner, now) => {
  const took = now - runner.askedAt;
  if (!(took >= 0)) return;
  runner.trips = [...runner.trips, took].slice(-TRIPS);
  least = Math.min(least, took);
  runner.askedAt = Infinity;
};

/** Seconds that a round trip takes, or has been awaited. */
export const paceOf = ({ trips, askedAt }) => {
  return Math.max([...trips].sort((one, two) => one - two)[trips.length >> 1] ?? 0, decidedAt - askedAt);
};

/** Seconds after which a PONG may not come by itself. */
const late = () => {
  return Math.max(STALL, 4 * least);
};

/** Whether the one in use can be compared: it is measured, or its PONG is late. */
export const isKnown = () => {
  return isMeasured(used) || decidedAt >= used.askedAt + late();
};

/** Return what is to take the place of the one in use; let go what is no better. */
export const compare = () => {
  const behind = worse();
  for (const one of order) {
    if (one === used || one.phase !== PROVEN || !isMeasured(one) || !isKnown()) continue;
    const isBetter = !behind.includes(one);
    const [slow, quick] = isBetter ? [one, used] : [used, one];
    const trip = paceOf(quick);
    // What was slower before has to come closer, so that two do not take turns.
    const isSlower =
      paceOf(slow) > Math.max(trip * 3, trip + MARGIN) * (isBetter ? one.isSlow ?? 1 : 1);
    if (isSlower) Object.assign(slow, { isSlow: 2 / 3, trips: [], moment: decidedAt });
    if (isBetter !== isSlower) {
      if (isBetter) lookLater(0);
      return one;
    }
    for (const it of isBetter ? [one] : behind) drop(it, SLOWER, isBetter);
  }
};

/** Ask the one in use, and what may take its place, for round trips. */
export const measure = (ahead) => {
  const now = decidedAt;
  let at = used.askedAt + late();
  if (at === Infinity) {
    const soon = quietSince + QUIET;
    if (!isMeasured(used)) {
      if (ahead.some((one) => one.phase === PROVEN)) at = now;
      else if (isLooking || paceOf(used) > MARGIN) at = soon;
    }
    if (quietSince > checkedAt) at = Math.min(at, Math.max(soon, checkedAt + CHECK_INTERVAL));
  }
  for (const one of order) {
    if (one.phase !== PROVEN || one.askedAt < Infinity || (one === used ? at > now : isMeasured(one))) continue;
    if (one === used) checkedAt = now;
    one.askedAt = now;
    askForTrip(one);
  }
  if (at > now) wakeAt(at);
};
