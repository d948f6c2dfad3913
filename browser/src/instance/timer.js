/**
 * The one timer of a socket: everything is looked at when something has happened, or a time has come.
 *
 * Knows: the clock, the function that looks at everything.
 * Must not know: what it looks at.
 */

import { now } from "../clock.js";
import { step } from "./driver.js";

export let isStopped;
let timer, timerAt = Infinity, isDue;

/** Look at everything before this task is over. */
export const soon = () => {
  if (isDue) return;
  isDue = true;
  queueMicrotask(step);
};

/** Look at everything at a time, if nothing happens before. */
export const wakeAt = (at) => {
  if (at >= timerAt || isStopped) return;
  clearTimeout(timer);
  timerAt = at;
  timer = setTimeout(step, Math.max(0, Math.min(at - now(), 1e6)) * 1000 + 1); // Node warns of less than 0
};

/** Whether a time has come; if not, everything is looked at then. */
export const hasCome = (at) => now() >= at || wakeAt(at);

/** Say that everything is being looked at now. */
export const awake = () => {
  isDue = false;
  clearTimeout(timer);
  timerAt = Infinity;
};

/** Look at nothing any more. */
export const stop = () => {
  isStopped = true;
  clearTimeout(timer);
};
