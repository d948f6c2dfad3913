/**
 * Runners: the transports in a race, and what becomes of the attempts at each; as in negotiation/runner.py.
 *
 * Knows: the phases of an attempt, and what a runner has shown.
 * Must not know: which is tried or used.
 */

export const ORDER = ["websocket", "stream", "sse", "poll"];
export const TRIPS = 3; // round trips, of which the median counts
export const LASTING = 10; // seconds that a proven carrier has to last

// What becomes of an attempt; those above WAITING are running, those above PROVEN not known to work.
export const FAILED = 0, WAITING = 1, PROVEN = 2, TRYING = 3, OPENED = 4;

export const move = (runner, phase, moment) => Object.assign(runner, { phase, moment });
export const isMeasured = ({ trips }) => trips?.[TRIPS - 1] >= 0;
export const hasLasted = (runner, now) => runner.phase === PROVEN && now - runner.moment >= LASTING;
