/**
 * Ends of carriers: what the race, the report and the session are told of them.
 *
 * Knows: links that are open, silent, proven or done.
 * Must not know: how a link carries.
 */

import { NO_RESPONSE, NOT_NEEDED, REFUSED } from "../codes.js";
import { LATE, VISIT_INTERVAL } from "../limits.js";
import { say } from "../messages.js";
import { rests } from "../origins.js";
import { TRYING } from "../runners.js";
import { got } from "./inbox.js";
import { fail as lose, isOver, LIVE, phase, settle } from "./life.js";
import { areOpen, askForTrip, leaving, letGo, links, stop, used } from "./links.js";
import { oldest } from "./outbox.js";
import { isPaused } from "./page.js";
import * as race from "./race.js";
import { explain, note } from "./report.js";
import { askForBeat, isGone } from "./session.js";
import { beat, learn } from "./silence.js";
import { origin } from "./target.js";
import { terms } from "./terms.js";
import { soon, wakeAt } from "./timer.js";

const GRACE = 3; // seconds in which a carrier has to respond after a sleep
const VISIT_PATIENCE = 15; // seconds that a visit may take, behind those of other tabs

/** Nothing opened: the session is lost before it began. */
export const fail = (why) => {
  explain(why);
  lose();
  soon();
};

/** End a carrier that is silent, or on which nothing is acknowledged. */
export const watch = (link, time) => {
  if (link.oldest !== oldest || oldest >= link.cursor || link.batched) {
    Object.assign(link, { oldest, movedAt: time });
  }
  const until = Math.min(
    link.movedAt + LATE * terms.heartbeat,
    link.askedAt >= link.heardAt ? link.askedAt + GRACE :
      link.heardAt + Math.max(LATE * terms.heartbeat, link.isVisiting ? VISIT_PATIENCE : 0),
  );
  if (time >= until) link.end(NO_RESPONSE);
  else wakeAt(until);
};

/** Tell the race what has become of a link. */
export const takeIn = (link, time) => {
  const { runner } = link;
  if (link !== leaving) {
    if (link.isOpen && runner.phase === TRYING) {
      link.openedIn = time - link.began;
      race.opened(runner, time);
      askForTrip(runner);
    }
    if (link.isProven) race.proven(runner, time);
    if (link.isVisiting) runner.askedAt = time - VISIT_INTERVAL; // which is what a visit takes
    if (link.isDone) takeEnd(link, time);
  } else if (link.isDone) {
    letGo(); // it was announced, or of another network, so it is no failure
    race.left(time);
  } else if (race.isSuspect && race.leaving && link.isProven) {
    letGo();
    if (runner.link !== link) stop(runner, NOT_NEEDED);
    runner.link = link;
    race.cleared(time);
  }
  if (link.isDone) links.delete(link);
};

const takeEnd = (link, time) => {
  if (isOver()) return;
  const { cause, isOpen, runner } = link;
  const isAnnounced = link.isLeaving && used;
  if (!isAnnounced) note(link);
  const isRefused = cause.mark === "refused";
  if (isRefused && !used) return fail(say(REFUSED, cause.status));
  if (used && !areOpen() && (isRefused || isGone(cause, time))) {
    rests[origin] = time + Math.min(cause.after ?? 0, race.LAST_PROMOTION_INTERVAL);
    if (phase === LIVE) lose();
    else settle();
    return;
  }
  const wasServed = isOpen && (time - link.began >= terms.heartbeat || got + oldest > link.progress);
  const isBlameless = isPaused || isAnnounced ||
    (isOpen && !cause.status && !(link.askedAt >= link.heardAt) &&
      learn(time - link.heardAt, Math.min(terms.heartbeat, beat ?? Infinity)));
  askForBeat(beat);
  race.ended(runner, time, wasServed, isBlameless);
};
