/**
 * The channel: what a program sends and closes; and what a BywaySocket is inside.
 *
 * Knows: messages, the standard's rules for send() and close().
 * Must not know: how a session is carried.
 */

import { CLOSED_EARLY, LONG_REASON, NOT_OPEN_YET, WRONG_CODE } from "../codes.js";
import { refuse } from "../errors.js";
import { BINARY, CLOSE, fromUtf8, TEXT, utf8 } from "../frames.js";
import { say } from "../messages.js";
import "./driver.js";
import { fail } from "./ends.js";
import { binaryType, choose, closing, plain, protocol, readyState } from "./events.js";
import { fail as lose, LIVE, phase, shut } from "./life.js";
import { flushed, post } from "./outbox.js";
import { report, transport as inUse } from "./report.js";
import { url } from "./target.js";
import { soon } from "./timer.js";

const MAX_REASON = 123; // bytes (RFC 6455, section 5.5)

let given = 0; // bytes given to send()
const waiting = []; // messages behind a Blob that is being read, and it

const send = (data) => {
  const kind = ({}).toString.call(data); // it may be of another window's class
  let bytes = data, words;
  if (/ ArrayBuffer]/.test(kind) || ArrayBuffer.isView(data)) {
    bytes = new Uint8Array(data.buffer ?? data, data.byteOffset, data.byteLength).slice();
  } else if (!/ (Blob|File)]/.test(kind)) {
    bytes = utf8(`${data}`);
    words = fromUtf8(bytes); // without lone surrogates
  }
  if (!readyState) refuse(NOT_OPEN_YET, "", "InvalidStateError");
  // Once it is closed, WebKit counts the frames that it does not send as well.
  if (plain && readyState === 1) return plain.send(data);
  given += bytes.size ?? bytes.byteLength;
  if (readyState === 1) enqueue([typeof words === "string" ? TEXT : BINARY, bytes, words]);
};

const close = (...given) => {
  let [code, reason = ""] = given;
  if (code !== undefined && !/^(1000|[34]...)$/.test(code = Math.round(code))) {
    refuse(WRONG_CODE, code, "InvalidAccessError");
  }
  const bytes = utf8(`${reason}`);
  reason = fromUtf8(bytes); // without lone surrogates
  if (bytes.length > MAX_REASON) refuse(LONG_REASON);
  plain?.close(...given);
  if (readyState > 1) return;
  if (readyState) enqueue([CLOSE, code ?? 1000, reason]);
  else fail(say(CLOSED_EARLY));
  closing(!(code || reason));
};

const enqueue = (message) => {
  if (waiting.push(message) === 1) flush();
};

/** Hand on what waits, in order; a Blob has to be read first. */
const flush = async () => {
  for (let [kind, bytes, words] of waiting) {
    try {
      if (bytes.arrayBuffer) bytes = new Uint8Array(await bytes.arrayBuffer());
      if (phase !== LIVE) break;
      if (kind === CLOSE) shut(bytes, words);
      else post(kind, bytes, words);
    } catch {
      lose(); // a Blob that cannot be read
    }
  }
  waiting.length = 0;
  soon();
};

/** The methods of a BywaySocket, and what looks at its attributes, which stand in the order of the class's. */
export default {
  close, send, choose,
  report: (transport) => ({ ...report(), transport, plain: Boolean(plain) }),
  look: () => [
    plain && readyState % 3 ? "websocket" : inUse(),
    url, readyState, given - flushed + (plain?.bufferedAmount ?? 0),
    plain?.extensions ?? "", protocol, binaryType,
  ],
};
