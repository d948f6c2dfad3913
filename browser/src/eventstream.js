/**
 * Event streams, as in transports/eventstream.py (WHATWG HTML, section 9.2).
 *
 * Knows: how events are cut out of text, and how frames and messages stand in them.
 * Must not know: requests, sessions.
 */

import { badIf } from "./errors.js";
import { decodeAll, fromBase64, MAX_FRAME, TEXT, utf8 } from "./frames.js";

/** Return what turns the bytes of an event stream into frames (WHATWG HTML, section 9.2). */
export const eventDecoder = () => {
  const decoder = new TextDecoder("utf-8", { fatal: true }); // drops a byte order mark at the start
  let rest = "";
  return (bytes) => {
    // Of a carriage return at the end it is not known whether it is half of a line's end.
    const events = (rest + decoder.decode(bytes, { stream: true }))
      .replace(/\r\n|\r(?!$)/g, "\n").split("\n\n");
    rest = events.pop();
    badIf(rest.length > 8 * MAX_FRAME); // an event is too long
    return events.flatMap((event) => {
      let type = "message", data = "";
      for (const [, name, value] of event.matchAll(/([^:\n]*):? ?([^\n]*)/g)) {
        if (name === "data") data += `\n${value}`;
        if (name === "event") type = value || "message";
      }
      // A line's end is nothing to base64.
      return type === "frames" ? decodeAll(fromBase64(data)) :
        data && type === "message" ? [[TEXT, utf8(data.slice(1))]] : [];
    });
  };
};
