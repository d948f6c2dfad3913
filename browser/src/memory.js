/**
 * The memory: what worked at origins, kept in localStorage where there is one; as in negotiation/memory.py.
 *
 * Knows: what is kept, for how long.
 * Must not know: how it comes to work.
 */

import { between } from "./clock.js";

export const STORED = "byway";
const MAX_AGE = 86400; // seconds for which what worked is used
const RETRY_AGE = 600; // seconds after which what is better is tried at once again
const MAX_PLACES = 20;
const elsewhere = {}; // for programs that have no localStorage

/** Return what is in the memory: what worked at origins, kept in localStorage where there is one. */
const places = () => {
  try {
    return JSON.parse((globalThis.localStorage ?? elsewhere)[STORED]) ?? {};
  } catch {
    return {}; // nothing, or it is forbidden, or somebody wrote something else there
  }
};

/**
 * Return what worked at an origin: `{transport, seconds, heartbeat, since}` and whether it isDue.
 *
 * The origin is false where nothing is to be kept.
 */
export const recall = (origin) => {
  const found = origin && places()[origin];
  const age = Date.now() / 1000 - found?.since;
  if (!(age >= 0 && age <= MAX_AGE && found.seconds >= 0)) return {};
  return { ...found, isDue: age >= RETRY_AGE * between(0.8, 1.2) };
};

/** Remember what works at an origin, or, without that, forget it. */
export const remember = (origin, found) => {
  if (!origin) return;
  const others = Object.entries(places()).filter(([place]) => place !== origin);
  if (found) others.push([origin, found]);
  try {
    (globalThis.localStorage ?? elsewhere)[STORED] =
      JSON.stringify(Object.fromEntries(others.slice(-MAX_PLACES)));
  } catch {
    // A page may be without, or its storage full.
  }
};
