/**
 * The driver: keeps a session carried, as the race decides; the twin of client/driver.py.
 *
 * Knows: all parts of a session, and when they are asked.
 * Must not know: how they do what they are asked for.
 */

import { now } from "../clock.js";
import { OVER } from "../codes.js";
import { remember, recall } from "../memory.js";
import { FAILED, WAITING } from "../runners.js";
import { takeIn, watch } from "./ends.js";
import { over } from "./events.js";
import * as inbox from "./inbox.js";
import { CLOSED, CLOSING, fail, LIVE, LOST, phase, settle } from "./life.js";
import * as links from "./links.js";
import * as opening from "./opening.js";
import { kept, highest, isEmpty } from "./outbox.js";
import * as page from "./page.js";
import * as pace from "./pace.js";
import * as race from "./race.js";
import { isPending, selected } from "./session.js";
import * as silence from "./silence.js";
import { options, place } from "./target.js";
import { terms } from "./terms.js";
import * as timer from "./timer.js";
import { began, visitsUntil } from "./visits.js";

const LAST_WORDS = 2; // seconds that the last acknowledgement may take
const SLEPT = 5; // seconds by which a timer was late when the machine or the page has slept

let lastStep = Date.now() / 1000;
let alone = Infinity; // since when no carrier is open
let phaseSeen, endAt; // until when that phase may last
let said = 1, spokeAt = -Infinity; // the frames either way, and when there was one last
let noted; // what the memory was told last

/** What is done each time that something has happened. */
export const step = () => {
  timer.awake();
  if (timer.isStopped) return;
  const time = now();
  const date = Date.now() / 1000;
  if (date - lastStep > terms.heartbeat + SLEPT) page.wake();
  lastStep = date;
  timer.wakeAt(time + terms.heartbeat); // by which a sleep is told
  for (const link of links.links) {
    if (link.isOpen) watch(link, time);
    takeIn(link, time);
  }
  if (race.used && links.used.isLeaving) {
    if (links.leaving) links.leaving.end(OVER);
    else {
      links.letGo(links.used);
      race.leave(time);
    }
  }
  const frames = inbox.got + highest() + 1;
  if (said !== frames) spokeAt = time;
  // An echo has a second to come.
  if (said !== frames || (!isEmpty() && time < spokeAt + 1)) {
    pace.spoke(time);
    if (phase) pace.checkSoon();
  }
  said = frames;
  if (!page.isPaused && phase !== LOST) negotiate(time);
  for (const link of links.links) {
    link.pump();
    link.visit?.();
  }
  lookForEnd(time);
};

const negotiate = (time) => {
  if (!timer.hasCome(began)) return;
  const isExhausted = race.isExhausted();
  const left = links.used ? race.LAST_DELAY : began + options.openTimeout - time; // that a round may wait
  // Only the last acknowledgement is left to say.
  if (isExhausted && phase === CLOSED && !links.leaving) return settle();
  if (isExhausted && left > 0) opening.tryAgain(time, left);
  race.decide(time);
  if (links.used) noteWhatWorks(time);
  else if (left > 0) timer.wakeAt(time + left);
  else opening.runOut();
};

/** Keep what works in the memory, where that is news. */
const noteWhatWorks = (time) => {
  if (!race.works()) return;
  if (terms.promote) {
    // A WebSocket was refused only because it would have opened the session: now it may carry it.
    terms.promote = false;
    for (const one of race.better()) if (one.way === "websocket" && one.phase === FAILED) one.phase = WAITING;
    race.hurry(time);
    timer.soon();
  }
  const { way, openedIn: seconds } = links.used;
  // Over a while it has shown that the heartbeat helps.
  const isHeartbeatSure = !silence.limit || time - links.used.began > 2 * silence.limit;
  const heartbeat = isHeartbeatSure ? silence.beat : undefined;
  const isVisiting = visitsUntil > time;
  const news = `${[way, race.isSettled(), heartbeat, isVisiting]}`;
  if (noted === (noted = news)) return;
  const before = recall(place);
  const since = before.transport === way && !race.isSettled() ? before.since : Date.now() / 1000;
  remember(place, { transport: way, seconds, heartbeat, since, visits: isVisiting });
};

const lookForEnd = (time) => {
  // Without a carrier for a window the server lets the session go too.
  alone = !links.used || page.isPaused || links.areOpen() ? Infinity : Math.min(alone, time);
  if (timer.hasCome(alone + terms.window)) fail();
  if (phase === LIVE) return;
  if (phaseSeen !== phase) endAt = time + (phase === CLOSED ? LAST_WORDS : options.closeTimeout);
  const link = selected;
  phaseSeen = phase;
  if (timer.hasCome(endAt)) fail();
  if (phase === CLOSING) return;
  over(phase === CLOSED);
  const isBusy = phase === CLOSED && link && (kept[0] || isPending(link) || link.flights?.size);
  if (!isBusy) finish();
};

/** Nothing is left to do. */
export const finish = () => {
  timer.stop();
  page.leavePage();
  for (const link of links.links) link.end(OVER);
};

timer.soon();
