/**
 * What each code means, in a sentence: in the readable builds only. The small one says the code alone.
 *
 * Knows: codes, and people.
 * Must not know: when they are used.
 */

import * as codes from "./codes.js";

/** By code; `%` stands for the detail. */
export const sentences = {
  [codes.BAD_FRAMES]: "The server, or something on the path, sent bytes that are not byway's frames.",
  [codes.OTHER_SERVER]: "Two servers share this address, and the second does not know the session: route each session to one server, or let them share a backplane.",
  [codes.NO_RESPONSE]: "No response came in time.",
  [codes.CUT]: "The connection was cut, or the response ended too early.",
  [codes.BAD_RESPONSE]: "The server, or something on the path, responded with %.",
  [codes.REQUEST_FAILED]: "The request failed: %.",
  [codes.NO_WEBSOCKET]: "This program has no WebSocket.",
  [codes.NOT_OPENED]: "The WebSocket did not open (%): something on the path may block WebSockets, or the application may have refused.",
  [codes.WEBSOCKET_CLOSED]: "The WebSocket was closed (%).",
  [codes.NO_BYWAY_THERE]: "The WebSocket opened without the subprotocol of byway: the server does not run byway, or something on the path removed it.",
  [codes.NO_CONNECTION]: "There is no free connection to the server: other tabs use all that the browser allows.",
  [codes.NOT_ACKNOWLEDGED]: "The server responded, but did not receive what was sent.",
  [codes.BLOCKED_TYPE]: "Something on the path blocks responses of this content type.",
  [codes.NOT_OFFERED]: "The server does not offer this transport.",
  [codes.SLOWER]: "The transport works, but is much slower than another one.",
  [codes.NOT_NEEDED]: "Another transport was ready first.",
  [codes.OVER]: "The session does not need this connection any more.",
  [codes.HIDDEN]: "The browser put the page aside.",
  [codes.REFUSED]: "The application refused the session with status %.",
  [codes.NO_SERVER]: "No server accepts connections at this address: check the name and the port, and that the server runs.",
  [codes.NOTHING_PASSES]: "No transport got through: look at how each of them ended.",
  [codes.COME_BACK_LATER]: "The server asks to be tried again later than openTimeout allows.",
  [codes.FOREIGN_ORIGIN]: "The page's origin may not read responses of the server's (%): allow the first there, with origins=.",
  [codes.NO_BYWAY]: "The server does not run byway, so a plain WebSocket is used.",
  [codes.NO_SUBPROTOCOL]: "The server chose none of the subprotocols that were offered.",
  [codes.CLOSED_EARLY]: "close() was called before the socket was open.",
  [codes.WRONG_URL]: "The URL is not one of the schemes ws, wss, http or https without a fragment.",
  [codes.WRONG_SUBPROTOCOLS]: "These subprotocols cannot be offered, as one is no token or comes twice, or they are too many: %.",
  [codes.WRONG_OPTION]: "The option % does not exist, or does not have a value that it can have.",
  [codes.WRONG_CODE]: "The close code % is neither 1000 nor between 3000 and 4999.",
  [codes.LONG_REASON]: "The reason is longer than 123 bytes.",
  [codes.NOT_OPEN_YET]: "The socket is still connecting: wait for the event open before you send.",
  [codes.NO_ARGUMENT]: "An argument is missing.",
};
