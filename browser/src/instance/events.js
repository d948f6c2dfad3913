/**
 * The events: what a socket tells its page, each in a task of its own, and the states that follow.
 *
 * Knows: the states of a WebSocket, DOM events.
 * Must not know: how a session is carried.
 */

import { NO_SUBPROTOCOL } from "../codes.js";
import { say } from "../messages.js";
import { task } from "../tasks.js";
import { fail } from "./ends.js";
import { dispatched, queued, space } from "./inbox.js";
import { ending } from "./life.js";
import { leave } from "./page.js";
import { pageOrigin, socket, subprotocols } from "./target.js";
import { soon } from "./timer.js";

export let readyState = 0, protocol = "", binaryType = "blob";
export let plain; // a WebSocket, where the server has no byway
let isBare; // close() was given neither code nor reason
const early = []; // what came together with OPEN, before the race has chosen
let later = (run) => early.push(run);

const dispatch = (event) => socket.dispatchEvent(event);

/** Say what binary messages are to be. */
export const choose = (type) => (binaryType = type);

/** Say that the page has called close(), and whether with neither code nor reason. */
export const closing = (withNothing) => {
  readyState = 2;
  isBare = withNothing;
};

/** The session is open, or the plain WebSocket. */
export const open = (name = "") => {
  task(() => {
    if (readyState) return;
    // Who asks for subprotocols has to be given one (WHATWG WebSockets, section 2.2).
    if (plain || !subprotocols[0] || subprotocols.includes(name)) {
      protocol = name;
      readyState = 1;
      dispatch(new Event("open"));
    } else {
      leave(1002, "no subprotocol"); // before the page hears of it
      fail(say(NO_SUBPROTOCOL));
    }
  });
  later = task;
  early.splice(0).forEach(task);
};

/** Another transport is in use. */
export const moved = (detail) => {
  task(() => {
    if (readyState === 1) dispatch(new CustomEvent("transport", { detail }));
  });
};

/** A message has come, of that cost. */
export const receive = (data, cost) => {
  later(() => {
    dispatched(cost);
    if (space() < cost * 2 || queued < cost) soon();
    if (typeof data !== "string") data = binaryType === "blob" ? new Blob([data]) : data.buffer ?? data;
    if (readyState === 1) dispatch(new MessageEvent("message", { data, origin: pageOrigin }));
  });
};

/** The session is over. */
export const over = (wasClean) => {
  const { code, reason } = ending;
  // On the wire a close without a code is 1000, and so is its echo.
  const isEcho = isBare && code === 1000 && !reason;
  ended(wasClean ? { wasClean, code: isEcho ? 1005 : code, reason } : {});
};

const ended = ({ wasClean = false, code = 1006, reason = "" }) => {
  const details = { wasClean, code, reason };
  task(() => {
    if (readyState === 3) return;
    readyState = 3;
    if (!wasClean) dispatch(new Event("error"));
    dispatch(globalThis.CloseEvent ? new CloseEvent("close", details) : Object.assign(new Event("close"), details));
  });
};

/** Go on as a plain WebSocket: the server has no byway. */
export const goOn = (webSocket) => {
  plain = webSocket;
  plain.binaryType = "arraybuffer";
  plain.onopen = () => open(plain.protocol);
  plain.onmessage = ({ data }) => receive(data, 0);
  plain.onclose = ended;
  if (plain.readyState) plain.onopen();
};
