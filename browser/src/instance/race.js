/**
 * The race: which transports to try and when, and which of those that opened to use.
 *
 * The same rules as negotiation/race.py, where they are explained. Times are in seconds. A runner is a
 * transport in it.
 *
 * Knows: runners, and what has become of them.
 * Must not know: networks, sessions; links.js does what it decides.
 */

import { NO_RESPONSE, NOT_NEEDED, NOT_OFFERED, OVER, SLOWER } from "../codes.js";
import { FAILED, hasLasted, isMeasured, move, OPENED, PROVEN, TRYING, WAITING } from "../runners.js";
import { between } from "../clock.js";
import { start, stop, use } from "./links.js";
import { cameBack, checkSoon, compare, isKnown, MARGIN, measure, paceOf, spoke } from "./pace.js";
import { known, options } from "./target.js";
import { wakeAt } from "./timer.js";

const PATIENCE = 0.25; // seconds that an attempt has to itself before the next starts beside it
const SSE_PATIENCE = 0.1; // where a stream has not opened, an event stream seldom does
const PROMOTION_INTERVAL = 30; // seconds until what is better than the one in use is tried again
export const LAST_PROMOTION_INTERVAL = 600;
const PROMOTION_TIMEOUT = 5;
const FIRST_DELAY = 0.25; // seconds, at most, before everything is tried a second time
export const LAST_DELAY = 5;
const MAX_STRIKES = 2; // carriers in a row that did not last
const MAX_KNOWN_PATIENCE = 3;
const LEAVING_PATIENCE = 3; // seconds, while the carrier before still carries
const LEAVING_INTERVAL = 0.2; // seconds, at least, between two that are followed for leaving
const LONGER = 1.5; // times as long as the one that worked took before, it has to itself

/** The runners. */
export let order = options.transports.map((way) => ({ way, phase: WAITING, strikes: 0 }));
export let used;
export let leaving; // the runner whose carrier is selected, and ends soon or isSuspect
export let isSuspect; // it may be dead, since the network has changed
export let rounds = 0;
export let decidedAt; // when it was asked to decide
export let isLooking; // whether something quicker is looked for
let first = order.find((one) => one.way === known.transport); // the runner that worked last time
let queue;
let nextStart = 0;
let promoteAt; // when better ones are tried again, if they are
let interval = PROMOTION_INTERVAL;
let followedAt = -1; // when one that is leaving was followed last
let lookAt = 0; // nothing quicker is looked for before

/** Look for nothing quicker before a time. */
export const lookLater = (time) => {
  lookAt = time;
};

/** Try again soon what is better than the one in use: it failed in an earlier round. */
export const promoteSoon = () => {
  interval = 1;
};

/** Let one go before all others, which keep their order. */
const queueFrom = (runner = order[0]) => {
  queue = [...new Set([runner, ...order])];
};

export const opened = (runner, now) => {
  if (runner.phase === TRYING) move(runner, OPENED, runner.askedAt = now);
};

/** Say that a round trip begun here came back: the first, or a later one. */
export const proven = (runner, now) => {
  cameBack(runner, now);
  if (runner.phase === OPENED) move(runner, PROVEN, now);
};

export const ended = (runner, now, served, blameless) => {
  const { phase } = runner;
  const lasted = blameless || hasLasted(runner, now);
  runner.phase = FAILED;
  if (runner !== used) {
    if (phase === TRYING) hurry(now);
    return;
  }
  used = first = null;
  promoteAt = 0;
  if (lasted) interval = PROMOTION_INTERVAL;
  runner.strikes = lasted ? 0 : runner.strikes + 1;
  served ||= lasted;
  queueFrom(runner);
  if (!served || runner.strikes >= MAX_STRIKES) queue.push(queue.shift());
  waitAgain();
  if (isExhausted()) {
    queue.sort((one, two) => one.strikes - two.strikes);
    waitAgain(Infinity);
  }
  nextStart = now;
  if (served) rounds = 0;
  else pause(now);
};

export const hurry = (now) => {
  nextStart = Math.min(nextStart, now);
};

/** Let those that failed wait for another try. */
const waitAgain = (strikes = MAX_STRIKES) => {
  for (const one of order) if (one.phase === FAILED && one.strikes < strikes) one.phase = WAITING;
};

/** Say that the carrier in use ends soon: the next is tried while it still carries. */
export const leave = (now) => {
  const runner = used;
  if (hasLasted(runner, now)) runner.strikes = 0;
  setAside(false);
  rounds = 0;
  nextStart = followedAt = Math.max(now, followedAt + LEAVING_INTERVAL);
  queueFrom(runner);
};

/** Let the carrier in use carry on beside the race. */
const setAside = (mayBeDead) => {
  leaving = used;
  leaving.phase = WAITING;
  used = first = null;
  isSuspect = mayBeDead;
};

/** Say that the carrier which was leaving, or suspect, has ended. */
export const left = (now) => {
  if (!leaving) return;
  leaving = null;
  hurry(Math.max(now, followedAt));
  waitAgain();
};

/** Say that the network has changed: the carrier in use is suspect until it is `cleared`. */
export const doubt = (now) => {
  if (used) setAside(true);
  first = isLooking = null;
  promoteAt = lookAt = rounds = 0;
  interval = PROMOTION_INTERVAL;
  for (const one of order) {
    drop(one, OVER);
    one.strikes = 0;
    one.wasTried = false;
  }
  waitAgain();
  queueFrom();
  nextStart = now + patienceWith(leaving ?? order[0]);
};

/** Say that the suspect carrier has answered. */
export const cleared = (now) => {
  used = leaving;
  leaving = null;
  used.wasTried = true;
  used.askedAt = Infinity;
  move(used, PROVEN, now);
};

/** Say what the server offers. An offer without the carrier in use is not believed. */
export const offered = (names) => {
  const rest = order.filter((one) => names.includes(one.way));
  const carrying = used ?? leaving;
  if (!rest[0] || (carrying && !rest.includes(carrying))) return;
  for (const one of order) if (!rest.includes(one)) drop(one, NOT_OFFERED);
  order = rest;
};

export const drop = (runner, why, isLate) => {
  if (runner.phase > WAITING) stop(runner, why, isLate);
  runner.phase = FAILED;
};

/** Whether its time is bounded: it is no more than open, or is compared with the proven one in use. */
const isTimed = (runner) => {
  return runner.phase > (works() && runner !== used ? WAITING : PROVEN);
};

export const decide = (now) => {
  decidedAt = now;
  for (const one of order) {
    if (isTimed(one) && now - one.moment >= longest()) {
      const isBusy = one.phase === PROVEN && isMeasured(one); // so the one in use was not asked
      stop(one, one.phase > PROVEN ? NO_RESPONSE : isBusy ? NOT_NEEDED : SLOWER, !isBusy);
      ended(one, now);
    }
  }
  const best = works() ? compare() :
    order.find((one) => one.phase === PROVEN) ?? (used || leaving ? null :
      order.filter((one) => one.phase === OPENED).sort((one, two) => one.moment - two.moment)[0]);
  if (best && best !== used) {
    used = best;
    leaving = null;
    isLooking = false;
    spoke(now);
    checkSoon();
    use(best);
  }
  if (works()) {
    const ahead = better(), behind = worse();
    if (first === used && !known.isDue) {
      for (const one of ahead) if (one.phase === WAITING) one.phase = FAILED;
    }
    first = null;
    if (isLooking) isLooking = behind.some((one) => one.phase !== FAILED);
    else {
      for (const one of behind) drop(one, NOT_NEEDED);
      // Where the one in use is slow, the last of the order is tried first.
      if (behind[0] && now >= lookAt && isKnown() && paceOf(used) > MARGIN) {
        isLooking = true;
        lookAt = later();
        retry(behind.reverse());
      }
    }
    promoteAt = ahead[0] && ahead.every((one) => one.phase === FAILED) && (promoteAt || later());
    if (promoteAt && now >= promoteAt) {
      promoteAt = 0;
      retry(ahead);
    }
    if (promoteAt) wakeAt(promoteAt);
    measure(ahead);
  } else {
    isLooking = false;
    if (!leaving) promoteAt = 0;
  }
  const runner = next();
  if (runner && now >= nextStart) {
    move(runner, TRYING, now);
    runner.wasTried = true;
    runner.trips = [];
    nextStart = now + patienceWith(runner);
    start(runner);
  }
  if (next()) wakeAt(nextStart);
  for (const one of order) {
    if (isTimed(one)) wakeAt(one.moment + longest());
  }
};

const later = () => {
  return decidedAt + interval * between(0.8, 1.2);
};

/** Try some beside the proven one in use. */
const retry = (some) => {
  interval = Math.min(interval * 2, LAST_PROMOTION_INTERVAL);
  used.trips = [];
  for (const one of some) one.phase = WAITING;
  queue = some;
  nextStart = decidedAt;
};

export const isExhausted = () => {
  return order.every((one) => one.phase === FAILED);
};

export const nextRound = (now, after = 0) => {
  waitAgain(Infinity);
  queueFrom();
  pause(now + after);
};

const pause = (now) => {
  nextStart = now + between(0, Math.min(FIRST_DELAY * 2 ** rounds++, LAST_DELAY));
};

export const works = () => {
  return used?.phase === PROVEN;
};

/** Whether the carrier in use is proven, and all that is better was tried in vain. */
export const isSettled = () => {
  return works() && better().every((one) => one.phase === FAILED && one.wasTried);
};

/** Those before the one in use. */
export const better = () => {
  return order.slice(0, order.indexOf(used));
};

/** Those after it. */
export const worse = () => {
  return order.slice(order.indexOf(used) + 1);
};

const patienceWith = (runner) => {
  return Math.max(
    options.patience[runner.way] ?? (runner.way === "sse" ? SSE_PATIENCE : PATIENCE),
    isLooking || (leaving && !isSuspect) ? LEAVING_PATIENCE :
      runner === first ? Math.min(LONGER * known.seconds, MAX_KNOWN_PATIENCE) : 0,
  );
};

/** Seconds that an attempt may take now, or one may be measured. */
const longest = () => {
  return works() ? Math.min(options.openTimeout, PROMOTION_TIMEOUT) : options.openTimeout;
};

/** The next to be tried. */
const next = () => {
  return queue.find((one) => one.phase === WAITING);
};

queueFrom(first);
