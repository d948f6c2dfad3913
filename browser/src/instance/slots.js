/**
 * Slots: which tabs may keep a connection busy, on HTTP/1.1.
 *
 * Knows: Web Locks, the other tabs.
 * Must not know: what the connection is for.
 */

import { between } from "../clock.js";
import { page, tabs } from "../origins.js";
import { isMultiplexed } from "./requests.js";
import { origin } from "./target.js";
import { soon } from "./timer.js";

const SLOTS = 4; // of the six connections to a host that a browser shares among all its tabs

/** What the locks of this host are called, but for a number. */
export const slots = () => `byway ${origin} `;

/**
 * Ask for leave to keep a connection busy, on HTTP/1.1: a Web Lock, one of four a host for all tabs.
 *
 * Then the link says whether it `isHeld`; if not, it is as soon as one is free. Who has none visits
 * the server now and then. A visible page asks the hidden ones for theirs.
 */
export const takeSlot = async (link) => {
  const locks = globalThis.navigator?.locks;
  const waiting = new AbortController();

  const request = (index, options) =>
    new Promise((resolve) => {
      locks.request(slots() + index, options, (lock) => {
        resolve();
        if (!lock || link.isDone) return;
        link.isHeld = true;
        soon();
        return new Promise((free) => (link.stop = free));
      }).catch(() => resolve(link.isHeld = true)); // an opaque origin has no locks
    });

  link.isHeld = !locks || isMultiplexed();
  for (let index = SLOTS; index-- && !link.isHeld; ) await request(index, { ifAvailable: true });
  if (!link.isHeld) {
    link.requests.add(waiting);
    request(Math.floor(between(0, SLOTS)), { signal: waiting.signal })
      .then(() => link.requests.delete(waiting));
    if (!page?.hidden) tabs?.postMessage(slots());
  }
};
