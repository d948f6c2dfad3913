/**
 * The report: what became of each transport, and why nothing opened.
 *
 * Knows: attempts that have ended.
 * Must not know: what follows from that.
 */

import { now } from "../clock.js";
import { FOREIGN_ORIGIN, SLOWER } from "../codes.js";
import { say } from "../messages.js";
import { warned } from "../origins.js";
import { order } from "./race.js";
import { wasAnswered } from "./requests.js";
import { selected } from "./session.js";
import { http, options, origin } from "./target.js";

let trail = {}; // the newest attempt in vain of each transport
let failure = null;

/** Take note of how an attempt, or a carrier, has ended. */
export const note = ({ way, began, isOpen, cause }) => {
  trail[way] = {
    verdict: cause === SLOWER ? "slow" : isOpen ? "cut" : cause.status ? "refused" : "failed",
    why: cause.message ?? say(cause), seconds: +(now() - began).toFixed(3),
    status: cause.status, mark: cause.mark, after: cause.after, network: Boolean(cause.isNetwork),
  };
};

/** Forget it: the transport is in use. */
export const forget = (way) => {
  delete trail[way];
};

/** How the newest attempts have ended. */
export const ends = () => Object.values(trail);

/** Say why nothing opened, or that nothing more is to come of byway. */
export const explain = (why) => {
  failure = why;
};

/** Say why byway is not used; a page whose origin seems not to be allowed is warned, once. */
export const blame = (code) => {
  const mine = globalThis.origin;
  if (wasAnswered || !mine || mine === origin) return say(code);
  const why = say(FOREIGN_ORIGIN, [mine, origin]);
  warned[origin] ||= [console.warn(why)];
  return why;
};

/** The transport in use. */
export const transport = () => selected?.way ?? null;

export const report = () => ({
  url: http.replace("http", "ws"), // without a password, as people log it
  failure,
  transports: options.transports.map((one) => ({
    transport: one,
    ...(one === transport() ? { verdict: "in use" } : trail[one] ??
      { verdict: order.some(({ way }) => way === one) ? "not tried" : "not offered" }),
  })),
});
