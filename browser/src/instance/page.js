/**
 * The page: what happens to it, to other tabs and to the machine, and what that means for the session.
 *
 * Knows: a browser's events.
 * Must not know: what the race decides.
 */

import { now, random } from "../clock.js";
import { HIDDEN, OVER } from "../codes.js";
import { page, tabs } from "../origins.js";
import { isOver, shut } from "./life.js";
import { leaving, letGo, links, used } from "./links.js";
import { doubt, used as usedRunner } from "./race.js";
import { ask } from "./requests.js";
import { ping, rewind, write } from "./session.js";
import { slots, takeSlot } from "./slots.js";
import { KIB } from "../limits.js";
import { soon } from "./timer.js";
import { stayAgain } from "./visits.js";

export let isPaused;
const life = new AbortController(); // its end is the session's

/** Hear nothing any more. */
export const leavePage = () => life.abort();

/** The page or the machine has slept, or has come into another network: ask every carrier. */
export const wake = (isProof = false) => {
  for (const link of links) {
    if (!link.isOpen) continue;
    link.askedAt = now();
    ping(link, random(), isProof);
  }
  soon();
};

/** The page has come into another network: ask the carrier in use, and open others beside it. */
const moved = () => {
  if (usedRunner) {
    leaving?.end(OVER);
    links.delete(leaving);
    letGo(used);
  }
  stayAgain();
  doubt(now());
  wake(true);
};

/** The page is being hidden away, and may come back. */
const hide = () => {
  isPaused = true;
  for (const link of links) link.end(HIDDEN);
};

const show = () => {
  isPaused = false;
  soon();
};

/** The page goes away for good: say so in one last request. */
export const leave = (code = 1001, reason = "") => {
  shut(code, reason);
  // Firefox has ended all carriers by now, a WebSocket before its last word is out.
  if (!used || isOver()) return;
  if (!used.isDone) used.pump(); // a WebSocket that has ended complains in the console
  rewind(used);
  const frames = write(used, 60 * KIB); // of which a browser sends 64 KiB at most
  ask(used, "ack", { frames, keepalive: true }).catch(() => {});
};

/** Listen until the session is over: its controller has the `signal` that is asked for. */
const on = (target, type, act) => target?.addEventListener?.(type, act, life);

on(tabs, "message", ({ data }) => {
  for (const link of links) {
    // Somebody wants a slot: a hidden page gives its own back, and stands in line again.
    if (data !== slots() || !link.isHeld || !link.stop || !page?.hidden) continue;
    if (link.way === "poll") {
      link.stop();
      takeSlot(link);
    } else {
      // A response without an end keeps its connection for as long as it lasts. That is no fault
      // of the network's.
      link.isLeaving = true;
      link.end(OVER);
    }
  }
  soon();
});
on(globalThis, "online", moved);
on(page, "resume", () => wake()); // of a frozen page
on(page, "visibilitychange", () => {
  if (page.hidden) return;
  for (const link of links) {
    if (link.isHeld === false) tabs?.postMessage(slots()); // unlike a WebSocket, which needs none
  }
  wake();
});
on(globalThis, "pagehide", ({ persisted }) => persisted ? hide() : leave());
on(globalThis, "pageshow", show);
