/**
 * The client's half of a session, as in session/core.py: gives frames to its parts and writes theirs.
 *
 * A carrier is any object that was given to `attach`. Every message is delivered once and in order,
 * whatever becomes of the carriers.
 *
 * Knows: frames, carriers as far as they carry; outbox, inbox and life are its parts.
 * Must not know: networks, clocks, the page.
 */

import { badIf } from "../errors.js";
import { ACK, BEAT, big, encode, fromUtf8, LAST_NUMBERED, LEAVE, NEXT, number, PING, PONG, SELECT, utf8 } from "../frames.js";
import { ELSEWHERE_COUNT, ELSEWHERE_TIME, GONE, INBOX, MAX_CONTROL } from "../limits.js";
import { accept, cost, got, space } from "./inbox.js";
import { LOST, phase } from "./life.js";
import { acknowledge, oldest, sendable } from "./outbox.js";
import { known } from "./target.js";

export let selected;
let carriers = {}; // by their ids
let selects = 0;
let beat = known.heartbeat; // seconds of silence asked for, where it is not the usual
let strangers = []; // when other processes answered, since this session's own did

/** Ask for a heartbeat of so many seconds. */
export const askForBeat = (seconds) => {
  beat = seconds;
};

export const attach = (carrier, batched) => {
  carrier.batched = batched;
  carrier.control = [];
  carrier.expected = 0;
  carrier.isProven = carrier.isLeaving = false;
  rewind(carrier);
  carriers[carrier.id] = carrier;
};

export const detach = (carrier) => {
  delete carriers[carrier.id];
  if (selected === carrier) selected = null;
};

/** Write again on this carrier all that is not acknowledged. */
export const rewind = (carrier) => {
  carrier.cursor = oldest;
  carrier.toldNext = carrier.toldSelect = 0;
  carrier.toldBeat = undefined;
};

export const choose = (carrier) => {
  if (!carriers[carrier.id]) return;
  selects++;
  selected = carrier;
};

/** Ask for a PONG on this carrier: it `isProven` once that came, and what is `awaited` is forgotten. */
export const ping = (carrier, nonce, isProof = true) => {
  if (isProof) Object.assign(carrier, { isProven: false, nonce });
  say(carrier, PING, big(carrier.id), utf8(nonce));
};

const say = (carrier, ...frame) => {
  carrier.control = [...carrier.control, encode(...frame)].slice(-MAX_CONTROL);
};

/** Whether a response says that the session is lost. The rule of transports/elsewhere.py. */
export const isGone = ({ status, gone }, time) => {
  return status === GONE && (gone !== "elsewhere" ||
    (strangers.push(time) >= ELSEWHERE_COUNT && time - strangers[0] >= ELSEWHERE_TIME));
};

export const take = (carrier, frames) => {
  strangers = [];
  if (phase === LOST) return;
  for (const [kind, payload, words] of frames) {
    if (kind <= LAST_NUMBERED) {
      badIf(!carrier.expected); // a numbered frame came before NEXT
      const ahead = carrier.expected++ - got;
      badIf(ahead > 1); // frames are missing
      if (ahead === 1) accept(kind, payload, words);
    } else if (kind === ACK) {
      badIf(payload.length !== 12);
      acknowledge(number(payload, 0, 8), number(payload, 8));
    } else if (kind === NEXT) {
      badIf(payload.length !== 8);
      carrier.expected = number(payload);
    } else if (kind === LEAVE) carrier.isLeaving = true;
    else if (kind === PING || kind === PONG) {
      badIf(payload.length < 4);
      const named = carriers[number(payload, 0, 4)];
      if (named && kind === PING) say(named, PONG, payload);
      else if (named) {
        const echo = fromUtf8(payload.subarray(4));
        named.isProven ||= echo === named.nonce;
        if (echo === named.awaited) named.awaited = "";
      }
    }
  }
};

/** Return what goes out now on a carrier of what has come, and can. */
export const announce = (carrier) => {
  carrier.toldReceived = got;
  carrier.toldCost = cost;
  carrier.toldLimit = cost + space();
  return { received: got, room: space() };
};

/** The next frame to write on a carrier, where there is one, and room for it. */
const writable = (carrier) => {
  carrier.cursor = Math.max(carrier.cursor, oldest);
  return (selected ?? carrier) === carrier && sendable(carrier.cursor);
};

/** Whether this carrier has something that must be written now. */
export const isPending = (carrier) => {
  return (
    carrier.control[0] || (selected && carrier.toldSelect < selects) ||
    carrier.toldBeat !== beat || writable(carrier) ||
    // An acknowledgement is due where much has come or been dispatched, and where the server has
    // used up what it was told and could go on.
    ((selected ?? carrier) === carrier && (
      cost - carrier.toldCost >= INBOX / 4 ||
      cost + space() - carrier.toldLimit >= INBOX / 4 ||
      (cost - carrier.toldLimit >= 0 && space())
    ))
  );
};

/** Return the frames to write on this carrier now, and an ACK in any case? */
export const write = (carrier, size, anyhow) => {
  if (!anyhow && !isPending(carrier)) return [];
  const frames = carrier.control;
  const add = (...frame) => frames.push(encode(...frame));
  if (carrier.toldBeat !== beat) add(BEAT, big(beat * 1000));
  if (anyhow || got > carrier.toldReceived || cost + space() > carrier.toldLimit) {
    announce(carrier);
    add(ACK, big(got, 8), big(space()));
  }
  if (selected && carrier.toldSelect < selects) {
    add(SELECT, big(selects), big(selected.id));
  }
  carrier.control = [];
  carrier.toldBeat = beat;
  carrier.toldSelect = selects;
  if (carrier.batched) carrier.toldNext = 0; // each write travels on its own
  for (let frame; size > 0 && (frame = writable(carrier)); size -= frame.length) {
    if (carrier.toldNext !== carrier.cursor) add(NEXT, big(carrier.cursor, 8));
    frames.push(frame);
    carrier.toldNext = ++carrier.cursor;
  }
  return frames;
};
