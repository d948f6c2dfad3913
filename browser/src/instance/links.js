/**
 * Links: the carriers of a session and the attempts at one. The race says which to begin, use and end.
 *
 * Knows: the race's orders, how each transport is begun.
 * Must not know: when the race decides.
 */

import { now, random } from "../clock.js";
import { OTHER_SERVER, OVER } from "../codes.js";
import { lost } from "../errors.js";
import { OPEN } from "../frames.js";
import { carry as carryEndless } from "./stream.js";
import { moved, open } from "./events.js";
import { got } from "./inbox.js";
import { isOver } from "./life.js";
import { acknowledge, limitParts, oldest } from "./outbox.js";
import { carry as carryPolls } from "./polls.js";
import { isSuspect, offered, promoteSoon, rounds } from "./race.js";
import { forget, note } from "./report.js";
import { heard } from "./requests.js";
import { attach, choose, detach, ping, selected, take, write } from "./session.js";
import { hasCome, soon } from "./timer.js";
import { agree, instance, isSame, readOpen, terms } from "./terms.js";
import { carry as carryWebSocket } from "./websocket.js";

export const links = new Set();
export let leaving; // a link that ends soon, and carries until another is used
export let used; // the link that was chosen last; without any, the session has not opened
let lastId = 0; // of a carrier

export const areOpen = () => [...links].some((one) => one.isOpen);

/** Begin an attempt. */
export const start = (runner) => {
  const link = runner.link = {
    runner, way: runner.way, began: now(), saidAt: now(), heardAt: now(),
    requests: new Set(), progress: got + oldest,
    pump() {}, // nothing can go up before the carrier has opened

    /** @param cause is an error, or a code */
    end(cause) {
      if (link.isDone) return;
      link.isDone = true;
      link.cause = cause;
      link.stop?.();
      for (const one of link.requests) one.abort();
      detach(link);
      soon();
    },
  };
  links.add(link);
  join(link, link.way !== "websocket");
  const carry = { websocket: carryWebSocket, poll: carryPolls }[link.way] ?? carryEndless;
  carry(link).catch(link.end);
};

/** Let a link be a new carrier. */
export const join = (link, batched) => {
  link.id = ++lastId;
  attach(link, batched);
};

export const use = ({ link, way }) => {
  forget(way);
  if (isSuspect) leaving?.end(OVER); // what it has not brought comes again
  if (!used) {
    open(terms.subprotocol);
    if (rounds) promoteSoon(); // what failed in an earlier round may work by now
  }
  used = link;
  // Where one that leaves is followed by another of its transport, nothing changes for the page.
  if (selected?.way !== way) moved(way);
  choose(link);
};

export const stop = ({ link }, why, isLate) => {
  link.end(why);
  if (isLate || !used) note(link);
  links.delete(link);
};

/** Ask for a round trip. */
export const askForTrip = ({ link }) => {
  ping(link, random());
};

/** Say which link carries on while another is looked for, if any does. */
export const letGo = (link) => {
  leaving = link;
};

/** Take what has come on a link. */
export const feed = (link, frames) => {
  if (link.isDone || !frames[0]) return;
  if (!link.isOpen || frames[0][0] === OPEN) takeOpen(link, frames[0]);
  link.heardAt = now();
  take(link, frames);
  soon();
};

const takeOpen = (link, frame) => {
  const told = readOpen(frame);
  heard(true);
  if (!instance) offered(told.transports);
  if (!isSame(told)) throw lost(OTHER_SERVER);
  acknowledge(told.received, told.room);
  limitParts(told.part);
  agree(told);
  link.isOpen = true;
};

/** Return the frames to write on a carrier now, an acknowledgement if nothing else is due. */
export const due = (link, size) => {
  let frames = write(link, size);
  if (!frames[0] && !isOver()) {
    const at = link.saidAt + (got > link.toldReceived ? terms.heartbeat : terms.silence);
    if (hasCome(at)) frames = write(link, size, true);
  }
  if (frames[0]) link.saidAt = now();
  return frames;
};
