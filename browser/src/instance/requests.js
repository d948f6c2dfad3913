/**
 * Requests: HELLO and frames in, a response out, if it is the one that was asked for.
 *
 * Knows: fetch, HTTP's headers, which form of response passes (as transports/form.py).
 * Must not know: what a response is for.
 */

import { BAD_RESPONSE, NO_RESPONSE, OVER, REQUEST_FAILED } from "../codes.js";
import { random } from "../clock.js";
import { lost } from "../errors.js";
import { fromBase64, joined } from "../frames.js";
import { encodeHello } from "../handshake.js";
import { passesAfter } from "../retry.js";
import { announce } from "./session.js";
import { http, options, origin, own, subprotocols } from "./target.js";
import { instance } from "./terms.js";

export let wasAnswered, wasMarked; // by anybody whom the page may read, and by byway
let key = random();
let isShared = !globalThis.location; // no browser, no six connections
let isText = false; // the form of responses that have an end: base64

/** Say that somebody has responded whom the page may read, and whether it is byway. */
export const heard = (mark) => {
  wasAnswered = true;
  wasMarked ||= mark;
};

/** Take another key: the session of this one has ended, unheard. */
export const renewKey = () => {
  key = random();
};

/** Whether requests share one connection. Else a browser has six for all tabs of a host. */
export const isMultiplexed = () => isShared ||= ["navigation", "resource"].some((type) => // pages have many others
  performance.getEntriesByType(type).some((entry) =>
    entry.name.startsWith(`${origin}/`) && /^h[23]/.test(entry.nextHopProtocol)));

/** What HELLO says, of any request or handshake. */
export const greet = (link, answer, poll) => ({
  session: key, carrier: link.id, ...announce(link), answer, instance, poll,
  form: isText ? "text" : undefined,
  subprotocols: instance || !subprotocols[0] ? undefined : subprotocols,
});

/**
 * Send HELLO and frames; return the response: as soon as its head has come where it isEndless, else
 * a buffer.
 *
 * @param wanted is the kind of response: a transport, "ack" or "up"
 */
export const ask = async (link, wanted, {
  poll, frames = [], within = 1e6, keepalive, isEndless, controller = new AbortController(),
  body = joined([encodeHello(greet(link, wanted, poll)), ...frames]),
}) => {
  if (!keepalive) {
    if (link.isDone) throw lost(OVER);
    link.requests.add(controller); // the page's last one is nothing's to abort
  }
  const timer = setTimeout(() => controller.abort(), within * 1000);
  const asked = isText;
  try {
    const response = await fetch(http, {
      method: "POST", body, keepalive, duplex: "half",
      headers: {
        ...own, "content-type": "application/byway", byway: wanted === "up" ? wanted : 1,
        accept: wanted === "sse" ? "text/event-stream" : asked ? "text/plain" : "application/octet-stream",
      },
      cache: "no-store", redirect: "error", referrerPolicy: "no-referrer",
      credentials: options.credentials, signal: controller.signal,
    });
    const { status, headers } = response;
    const mark = headers.get("byway") ?? undefined;
    heard(mark);
    if (status !== 200 || mark !== wanted) {
      const why = mark === "error" ? (await response.text()).slice(0, 200) : "";
      throw lost(BAD_RESPONSE, {
        status, mark, gone: headers.get("byway-gone"), after: passesAfter(status, mark, headers),
      }, `${status} ${why}`);
    }
    if (isEndless) return response;
    const data = /^text/.test(headers.get("content-type")) ? fromBase64(await response.text()) :
      await response.arrayBuffer();
    link.passes = asked;
    return data;
  } catch (error) {
    const { status, mark } = error;
    const isAborted = controller.signal.aborted;
    // Gateways block responses by their type. See transports/form.py.
    const isBlocked = asked === isText && (status ? !mark && /^([23]|40[36]|415)/.test(status) :
      !isEndless && !isAborted && link.passes !== asked);
    if (isBlocked) isText = isEndless || !asked;
    throw Object.assign(status ? error :
      lost(isAborted ? NO_RESPONSE : REQUEST_FAILED, { isNetwork: true }, error.message), { isOther: isBlocked });
  } finally {
    clearTimeout(timer);
    if (!isEndless) link.requests.delete(controller);
  }
};
