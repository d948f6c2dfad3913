/**
 * What a socket was made for: its address, subprotocols and options.
 *
 * `byway:given` is what a BywaySocket gives to its instance of these modules.
 *
 * Knows: URLs, the key of the memory.
 * Must not know: what is done with them.
 */

import { address, chosen, protocols, socket } from "byway:given";
import { checkedOffers, socketUrl } from "../arguments.js";
import { recall } from "../memory.js";
import { checked } from "../options.js";
import { ORDER } from "../runners.js";

export { socket }; // dispatches the events
export const { href: url, origin: pageOrigin } = socketUrl(address); // `wss://…`
export const subprotocols = checkedOffers(protocols);
export const options = checked(chosen);

// fetch refuses a URL that names a user, so that goes into a header. A WebSocket's URL keeps it:
// browsers send it when the server asks for it (401).
const { origin, pathname, search, username, password } = new URL(url.replace(/^ws/, "http"));
export { origin };
export const http = origin + pathname + search;

/** Headers of every request. */
export const own = {
  // btoa takes bytes, which is what `unescape` makes of percent-encoded UTF-8 (RFC 7617, section 2.1).
  ...(username || password) && {
    authorization: `Basic ${btoa(`${username}:${password}`.replace(/%\w\w/g, unescape))}`,
  },
  ...Object.fromEntries(new Headers(options.headers)), // with names in lower case, so that each is there once
};

// What was not allowed says nothing of the path, so each choice has a memory of its own.
const { transports } = options;

/** Under which the memory keeps what works, if it does. */
export const place = options.memory && (`${transports}` === `${ORDER}` ? origin : `${origin} ${transports}`);
export const known = recall(place);
