/**
 * Bounds that more than one module knows, as in limits.py and docs/reference/limits.md.
 *
 * Knows: numbers.
 * Must not know: what keeps to them.
 */

export const KIB = 1024;
export const MAX_PART = 16 * KIB; // bytes of a fragment of a message
export const OVERHEAD = 64; // bytes that a message costs beside its payload
export const INBOX = 1024 * KIB; // bytes received and not yet dispatched, at which the server waits
export const MAX_CONTROL = 16; // PINGs and PONGs that wait on one carrier
export const GONE = 410; // the status that ends a session
export const ELSEWHERE_TIME = 2; // seconds over which other processes have to have responded
export const ELSEWHERE_COUNT = 3; // how often, at least
export const LATE = 2; // heartbeats of silence after which a carrier counts as dead
export const VISITS = 15; // seconds, at least, for which no response is kept open then, and the session's age
export const VISIT_INTERVAL = 2; // seconds between two visits of a tab that has no connection to keep
