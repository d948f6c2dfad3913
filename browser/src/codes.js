/**
 * The codes of all that goes wrong, as docs/reference/browser-errors.md lists them. They never change
 * their meaning; `sentences.js` says each in words.
 *
 * Knows: numbers.
 * Must not know: what they are used for.
 */

// Why a transport was not used, or is not used any more: `why` in `report().transports`
export const BAD_FRAMES = 10, OTHER_SERVER = 11, NO_RESPONSE = 12, CUT = 13, BAD_RESPONSE = 14,
  REQUEST_FAILED = 15, NO_WEBSOCKET = 16, NOT_OPENED = 17, WEBSOCKET_CLOSED = 18, NO_BYWAY_THERE = 19,
  NO_CONNECTION = 20, NOT_ACKNOWLEDGED = 21, BLOCKED_TYPE = 22, NOT_OFFERED = 23, SLOWER = 24,
  NOT_NEEDED = 25, OVER = 26, HIDDEN = 27;

// Why the socket did not open: `failure` in `report()`
export const REFUSED = 30, NO_SERVER = 31, NOTHING_PASSES = 32, COME_BACK_LATER = 33, FOREIGN_ORIGIN = 34,
  NO_BYWAY = 35, NO_SUBPROTOCOL = 36, CLOSED_EARLY = 37;

// What the program did wrong: the message of an exception
export const WRONG_URL = 50, WRONG_SUBPROTOCOLS = 51, WRONG_OPTION = 52, WRONG_CODE = 53, LONG_REASON = 54,
  NOT_OPEN_YET = 55, NO_ARGUMENT = 56;
