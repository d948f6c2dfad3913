/**
 * Opening in vain: whether to try everything again, to try a plain WebSocket, or to give up.
 *
 * Knows: how all attempts have ended.
 * Must not know: how a session is carried.
 */

import { renewKey, wasAnswered, wasMarked } from "./requests.js";
import { COME_BACK_LATER, NO_BYWAY, NO_RESPONSE, NO_SERVER, NOTHING_PASSES } from "../codes.js";
import { GONE } from "../limits.js";
import { remember } from "../memory.js";
import { say } from "../messages.js";
import { NativeWebSocket } from "../origins.js";
import { finish } from "./driver.js";
import { fail } from "./ends.js";
import { goOn } from "./events.js";
import { links, used } from "./links.js";
import { nextRound, order, rounds } from "./race.js";
import { blame, ends, explain, note } from "./report.js";
import { http, options, place, subprotocols, url } from "./target.js";
import { isStopped, soon } from "./timer.js";

let isThere; // whether anybody is at the address; null while that is asked
let hasOtherKey;

/** Nothing opens: forget what worked. */
const giveUp = (why) => {
  remember(place);
  fail(why);
};

/** Everything was tried in vain: do so once more, or find out whether there is any use in it. */
export const tryAgain = (time, left) => {
  const found = ends();
  let wait = Math.min(...found.map(({ after = Infinity }) => after));
  if (!used && found.some(({ status }) => status === GONE)) {
    // The session that the key has opened, unheard, has ended: another is tried, once.
    if (hasOtherKey) wait = Infinity;
    hasOtherKey = true;
    renewKey();
  }
  if (used || wait < left || (found.some(({ network }) => network) && (isThere ?? !(wasAnswered || rounds)))) {
    nextRound(time, wait < left ? wait : used && wait < Infinity ? left : 0);
  } else if (wait < Infinity) giveUp(say(COME_BACK_LATER));
  else if (isThere === undefined) knock();
  else if (isThere !== null) giveUp(isThere ? blame(NOTHING_PASSES) : say(NO_SERVER));
};

/** The time to open in is over. */
export const runOut = () => {
  for (const link of links) {
    link.end(NO_RESPONSE);
    note(link);
  }
  // Only a request that failed, not one that nobody answers, may have met a foreign origin's fate.
  giveUp((ends().some(({ network }) => network) ? blame : say)(NOTHING_PASSES));
};

/**
 * Nobody answers as byway does: try a plain WebSocket, as a server without byway leaves a browser's
 * unanswered unless all offers are its own, and ask whether anybody is there at all.
 */
const knock = async () => {
  isThere = null;
  if (!wasMarked && options.plain && order.some((one) => one.way === "websocket")) {
    await new Promise((resolve) => {
      const socket = new NativeWebSocket(url, subprotocols);
      socket.onclose = resolve;
      socket.onopen = () => {
        if (isStopped) return socket.close();
        explain(blame(NO_BYWAY));
        finish();
        goOn(socket);
      };
    }).catch(() => {}); // there are none here
  }
  isThere = wasAnswered || await fetch(http, {
    headers: { accept: "application/byway" }, mode: "no-cors", cache: "no-store",
    signal: AbortSignal.timeout(5e3), // also of a body without an end
  }).catch(() => false);
  soon();
};
