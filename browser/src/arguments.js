/**
 * Arguments: the URL and the subprotocols of a socket, checked as the standard has it.
 *
 * Knows: WHATWG WebSockets, section 3.1; the protocol's bounds.
 * Must not know: options.
 */

import { WRONG_SUBPROTOCOLS, WRONG_URL } from "./codes.js";
import { refuse } from "./errors.js";
import { KIB } from "./limits.js";
import { page } from "./origins.js";

const MAX_OFFERS = 32, MAX_OFFER = 2 * KIB; // subprotocols, and bytes of all (docs/protocol.md)

/** The URL of a WebSocket (WHATWG WebSockets, section 3.1): of which scheme, without a fragment. */
export const socketUrl = (given) => {
  try {
    const url = new URL(given, page?.baseURI ?? globalThis.location);
    url.protocol = url.protocol.replace("http", "ws");
    if (/^wss?:[^#]*$/.test(url)) return url;
  } catch {
    // It is none at all.
  }
  refuse(WRONG_URL); // it may hold a password
};

/** Check what an application offers. */
export const checkedOffers = (given) => {
  const isList = typeof given !== "string" && given?.[Symbol.iterator];
  const offers = Array.from(isList ? given : [given], (one) => `${one}`);
  try {
    // They are tokens (RFC 9110, section 5.6.2), like the names of headers, which come once.
    const names = [...new Headers(offers.map((one) => [one, ""])).keys()];
    const areAll = names.length === offers.length;
    if (areAll && names.length <= MAX_OFFERS && names.join("").length <= MAX_OFFER) return offers;
  } catch {
    // One is no token.
  }
  refuse(WRONG_SUBPROTOCOLS, offers);
};

