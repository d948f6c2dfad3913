/**
 * The transport `websocket`, as in transports/websocket.py.
 *
 * Knows: a browser's WebSocket, and what proxies do to one.
 * Must not know: other transports.
 */

import { NO_BYWAY_THERE, NO_WEBSOCKET, NOT_OPENED, WEBSOCKET_CLOSED } from "../codes.js";
import { lost } from "../errors.js";
import { decodeAll, joined, SUBPROTOCOL, TEXT, utf8 } from "../frames.js";
import { encodeToken } from "../handshake.js";
import { KIB } from "../limits.js";
import { NativeWebSocket } from "../origins.js";
import { due, feed } from "./links.js";
import { flush } from "./outbox.js";
import { greet } from "./requests.js";
import { ping } from "./session.js";
import { url } from "./target.js";
import { soon } from "./timer.js";

const WRITE = 32 * KIB; // bytes of frames in one WebSocket message

/** It is async so that an error of `new WebSocket` counts too. */
export const carry = async (link) => {
  if (!NativeWebSocket) throw lost(NO_WEBSOCKET);
  const greeting = greet(link);
  const socket = new NativeWebSocket(
    url, [SUBPROTOCOL, encodeToken(greeting)].concat(greeting.subprotocols ?? []));
  socket.binaryType = "arraybuffer";
  // A page is not told why a handshake failed.
  socket.onclose = ({ code, reason }) =>
    link.end(link.isOpen ? lost(WEBSOCKET_CLOSED, {}, `${code} ${reason}`) : lost(NOT_OPENED, {}, code));
  socket.onmessage = ({ data }) => {
    try {
      feed(link, typeof data === "string" ? [[TEXT, utf8(data), data]] : decodeAll(data));
    } catch (error) {
      link.end(error);
    }
  };
  socket.onopen = () => {
    // Some browsers open without it. What took it out may be a proxy, so `knock` asks again.
    if (socket.protocol !== SUBPROTOCOL) return link.end(NO_BYWAY_THERE);
    // Some proxies hold the server's first words until the client's, or its next, which a PING asks for.
    ping(link, "", false);
    link.toldReceived = -1; // an ACK goes with it
    link.pump = () => {
      for (let frames; (frames = due(link, WRITE))[0]; ) {
        // An empty text goes as a frame: there are servers that drop a message without bytes.
        socket.send(!frames[1] && frames[0].words || joined(frames));
        flush(frames);
      }
    };
    soon();
  };
  link.stop = () => {
    socket.onopen = null;
    socket.close();
  };
};
