/**
 * BywaySocket: the WebSocket interface, over whatever gets through.
 *
 * A page uses it as it would use `WebSocket`. Behind it a session is carried over a WebSocket,
 * chunked HTTP streaming, server-sent events or long-polling, whichever works, and moves between
 * them without losing, doubling or reordering a message. The wire is docs/protocol.md.
 *
 * From the bottom up: frames, event streams, the session, the race and silence know neither
 * network, clock nor page; then come the carriers, what the page does (sleeping, leaving, other
 * tabs), the driver that keeps a session carried, and the socket itself.
 *
 * It is written to be small as byway.min.js (`make browser`): `session`, `race`, `quiet` and `driver`
 * always mean the ones of the socket at hand, errors are said in few words, and the names of
 * properties that nobody else knows stand in tools/names.json, to be shortened.
 */

// Frames ------------------------------------------------------------------------------------------

const TEXT = 1, BINARY = 2, PART = 3, CLOSE = 4, HELLO = 16, OPEN = 17, NEXT = 18, ACK = 19,
  SELECT = 20, PING = 21, PONG = 22, LEAVE = 23, BEAT = 25;
const LAST_NUMBERED = 15; // types up to this one count up, and are kept until acknowledged
const SUBPROTOCOL = "byway.1";
const KIB = 1024;
const MAX_FRAME = 64 * KIB;
const MAX_PART = 16 * KIB;
const OVERHEAD = 64; // bytes that a message costs beside its payload

/** An error that ends a carrier, or an attempt at one: `{status, mark, isNetwork}` say more. */
const lost = (why, details) => Object.assign(new Error(why), details);

/** End a carrier that brings what it may not. */
const badIf = (isBad) => {
  if (isBad) throw lost("bad frames");
};

const utf8 = (text) => new TextEncoder().encode(text);
const fromUtf8 = (bytes) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);

/** Join arrays of bytes; never one of them itself, as what was read is the network's buffer. */
function joined(pieces) {
  const whole = new Uint8Array(pieces.reduce((sum, one) => sum + one.length, 0));
  let at = 0;
  for (const one of pieces) {
    whole.set(one, at);
    at += one.length;
  }
  return whole;
}

/** Encode a number, big-endian; what does not fit is cut off, which is what `joined` does. */
const big = (number, width = 4) => width ? [...big(number / 256, width - 1), number] : [];

/** Decode a number, big-endian. Those that occur are far below 2^53. */
const number = (bytes, from, to) => bytes.subarray(from, to).reduce((sum, one) => sum * 256 + one, 0);

/** Encode one frame. */
const encode = (kind, ...payload) => joined([[kind], big(joined(payload).length), ...payload]);

/** Encode HELLO, the first frame of every request. */
const encodeHello = (greeting) => encode(HELLO, utf8(JSON.stringify({ v: 1, ...greeting })));

/** Encode the same as the subprotocol that a WebSocket handshake offers. */
const encodeToken = ({ session: key, received, room, carrier, instance }) =>
  [SUBPROTOCOL, key, received, room, carrier].concat(instance ?? []).join(".");

/** Return the frames `[kind, payload]` that bytes begin with, and tell the rest. */
function split(bytes, onRest) {
  const frames = [];
  while (bytes.length > 4) {
    const [kind] = bytes;
    const end = 5 + number(bytes, 1, 5);
    // A frame is too long, or its type unknown.
    badIf(end > 5 + MAX_FRAME || !kind || (kind > CLOSE && kind <= LAST_NUMBERED));
    if (end > bytes.length) break;
    frames.push([kind, bytes.subarray(5, end)]);
    bytes = bytes.subarray(end);
  }
  onRest(bytes);
  return frames;
}

/** Decode a buffer that is a whole number of frames. */
const decodeAll = (buffer) => split(new Uint8Array(buffer), (rest) => badIf(rest.length));

/** Decode base64. */
const fromBase64 = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));

/** Return what turns the bytes of one carrier into frames, however they are cut. */
function frameDecoder() {
  let rest = [];
  return (bytes) => split(joined([rest, bytes]), (one) => (rest = one));
}

/** Return what turns the bytes of an event stream into frames (WHATWG HTML, section 9.2). */
function eventDecoder() {
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
}

// The session -------------------------------------------------------------------------------------

const INBOX = 1024 * KIB; // bytes received and not yet dispatched, at which the server waits
const MAX_CONTROL = 16; // PINGs and PONGs that wait on one carrier
const GONE = 410;
const ELSEWHERE_TIME = 2; // seconds over which other processes have to have answered
const ELSEWHERE_COUNT = 3; // how often, at least

// What becomes of a session. CLOSING: CLOSE was sent; CLOSED: both ways.
const LIVE = 0, CLOSING = 1, CLOSED = 2, LOST = 3;

/**
 * The client's half of a session: numbers, keeps, replays, joins and acknowledges messages.
 *
 * A carrier is any object that was given to `attach`. Every message is delivered once and in order,
 * whatever becomes of the carriers.
 */
class Session {
  phase = LIVE;
  carriers = {}; // by their ids
  selected;
  got = 0; // frames, without a gap
  oldest = 1; // number of the oldest frame kept
  kept = []; // frames sent and not acknowledged
  maxPart = MAX_PART;
  peerClosed;
  ending = {}; // what CLOSE says, the peer's or, until it has come, this side's: {code, reason}
  flushed = 0; // bytes of the application's that were written, or acknowledged
  cost = 0; // of all messages received
  queued = 0; // of those not dispatched yet
  sentCost = 0;
  limit = 0; // the cost up to which a message may begin
  selects = 0;
  beat; // seconds of silence asked for, where it is not the usual
  strangers = []; // when other processes answered, since this session's own did
  pieces = []; // of the message that is coming
  coming = 0; // bytes of it

  /** @param deliver is called with each message, a string or a Uint8Array, and its cost. */
  constructor(deliver, maxMessage) {
    this.deliver = deliver;
    this.maxMessage = maxMessage;
  }

  /** Number a message. `bytes` is its payload; a text that needs no parts is kept as it is too. */
  post(kind, bytes, words) {
    let rest = bytes;
    for (; rest.length > this.maxPart; rest = rest.subarray(this.maxPart)) {
      // There are no words then: what has parts is not kept as a text.
      words = this.keep(encode(PART, rest.subarray(0, this.maxPart)));
    }
    this.keep(encode(kind, rest), bytes.length, words);
    this.sentCost += bytes.length + OVERHEAD;
  }

  keep(frame, weight, words) {
    this.kept.push(Object.assign(frame, { weight, words, before: this.sentCost }));
  }

  /** Close, where that has not begun. */
  shut(code, reason) {
    if (this.phase) return;
    this.phase = CLOSING;
    this.ending = { code, reason };
    this.sentCost = -1; // CLOSE needs no room, and nothing comes after it
    this.keep(encode(CLOSE, big(code, 2), utf8(reason)));
  }

  /** The session is lost: a page hears 1006, without a reason. */
  fail() {
    if (!this.isOver) this.phase = LOST;
  }

  /** Take it that a peer which let go while this side was closing has received everything. */
  settle() {
    this.phase = CLOSED;
    this.acknowledge(this.oldest + this.kept.length - 1, 0);
  }

  /** Whether nothing is left to do. */
  get isOver() {
    return this.phase === LOST || (this.phase === CLOSED && !this.kept[0]);
  }

  attach(carrier, batched) {
    carrier.batched = batched;
    carrier.control = [];
    carrier.expected = 0;
    carrier.isProven = carrier.isLeaving = false;
    this.rewind(carrier);
    this.carriers[carrier.id] = carrier;
  }

  detach(carrier) {
    delete this.carriers[carrier.id];
    if (this.selected === carrier) this.selected = null;
  }

  /** Write again on this carrier all that is not acknowledged. */
  rewind(carrier) {
    carrier.cursor = this.oldest;
    carrier.toldNext = carrier.toldSelect = 0;
    carrier.toldBeat = undefined;
  }

  choose(carrier) {
    if (!this.carriers[carrier.id]) return;
    this.selects++;
    this.selected = carrier;
  }

  /** Ask for a PONG on this carrier: it `isProven` once that came, and what is `awaited` is forgotten. */
  ping(carrier, nonce, isProof = true) {
    if (isProof) Object.assign(carrier, { isProven: false, nonce });
    this.say(carrier, PING, big(carrier.id), utf8(nonce));
  }

  say(carrier, ...frame) {
    carrier.control = [...carrier.control, encode(...frame)].slice(-MAX_CONTROL);
  }

  acknowledge(received, room) {
    const count = received + 1 - this.oldest;
    badIf(count > this.kept.length); // more was acknowledged than was sent
    if (count < 0) return;
    this.flush(this.kept.splice(0, count));
    this.oldest += count;
    this.limit = Math.max(this.limit, (this.kept[0]?.before ?? this.sentCost) + room);
  }

  /** Say that frames left the page, which counts once. */
  flush(frames) {
    for (const one of frames) {
      this.flushed += one.weight ?? 0;
      one.weight = 0;
    }
  }

  /** Whether a response says that the session is lost. The rule of transports/elsewhere.py. */
  isGone({ status, gone }, time) {
    return status === GONE && (gone !== "elsewhere" ||
      (this.strangers.push(time) >= ELSEWHERE_COUNT && time - this.strangers[0] >= ELSEWHERE_TIME));
  }

  take(carrier, frames) {
    this.strangers = [];
    if (this.phase === LOST) return;
    for (const [kind, payload, words] of frames) {
      if (kind <= LAST_NUMBERED) {
        badIf(!carrier.expected); // a numbered frame came before NEXT
        const ahead = carrier.expected++ - this.got;
        badIf(ahead > 1); // frames are missing
        if (ahead === 1) this.accept(kind, payload, words);
      } else if (kind === ACK) {
        badIf(payload.length !== 12);
        this.acknowledge(number(payload, 0, 8), number(payload, 8));
      } else if (kind === NEXT) {
        badIf(payload.length !== 8);
        carrier.expected = number(payload);
      } else if (kind === LEAVE) carrier.isLeaving = true;
      else if (kind === PING || kind === PONG) {
        badIf(payload.length < 4);
        const named = this.carriers[number(payload, 0, 4)];
        if (named && kind === PING) this.say(named, PONG, payload);
        else if (named) {
          const echo = fromUtf8(payload.subarray(4));
          named.isProven ||= echo === named.nonce;
          if (echo === named.awaited) named.awaited = "";
        }
      }
    }
  }

  /** @param words is the same text as the payload, where the browser has decoded it */
  accept(kind, payload, words) {
    badIf(this.peerClosed); // a frame came after CLOSE
    if (kind === CLOSE) {
      const code = number(payload, 0, 2), reason = fromUtf8(payload.subarray(2));
      this.shut(code, reason); // echoed (RFC 6455, section 5.5.1)
      this.ending = { code, reason }; // what was received counts (section 7.1.5)
      this.got++;
      this.phase = CLOSED;
      this.peerClosed = true;
      this.cost += INBOX; // so much that the acknowledgement is due
      return;
    }
    badIf(!this.coming && this.queued >= INBOX); // a message began without room
    const pieces = this.phase ? [] : [...this.pieces, payload];
    // Before it counts as received: if the carrier garbled it, another brings it again.
    let data = kind !== PART && joined(pieces);
    if (kind === TEXT) data = pieces[1] ? fromUtf8(data) : words ?? fromUtf8(data);
    this.got++;
    this.coming += payload.length;
    if (this.coming > this.maxMessage) this.shut(1009, "message is too long");
    this.pieces = pieces;
    if (kind === PART) return;
    const cost = this.coming + OVERHEAD;
    this.pieces = [];
    this.cost += cost;
    this.coming = 0;
    if (this.phase) return;
    this.queued += cost;
    this.deliver(data, cost);
  }

  get space() {
    return Math.max(INBOX - this.queued, 0);
  }

  /** Return what goes out now on a carrier of what has come, and can. */
  announce(carrier) {
    carrier.toldReceived = this.got;
    carrier.toldCost = this.cost;
    carrier.toldLimit = this.cost + this.space;
    return { received: this.got, room: this.space };
  }

  /** The next frame to write on a carrier, where there is one, and room for it. */
  writable(carrier) {
    carrier.cursor = Math.max(carrier.cursor, this.oldest);
    const frame = this.kept[carrier.cursor - this.oldest];
    return (this.selected ?? carrier) === carrier && frame?.before < this.limit && frame;
  }

  /** Whether this carrier has something that must be written now. */
  isPending(carrier) {
    return (
      carrier.control[0] || (this.selected && carrier.toldSelect < this.selects) ||
      carrier.toldBeat !== this.beat || this.writable(carrier) ||
      // An acknowledgement is due where much has come or been dispatched, and where the server has
      // used up what it was told and could go on.
      ((this.selected ?? carrier) === carrier && (
        this.cost - carrier.toldCost >= INBOX / 4 ||
        this.cost + this.space - carrier.toldLimit >= INBOX / 4 ||
        (this.cost - carrier.toldLimit >= 0 && this.space)
      ))
    );
  }

  /** Return the frames to write on this carrier now, and an ACK in any case? */
  write(carrier, size, anyhow) {
    if (!anyhow && !this.isPending(carrier)) return [];
    const frames = carrier.control;
    const add = (...frame) => frames.push(encode(...frame));
    if (carrier.toldBeat !== this.beat) add(BEAT, big(this.beat * 1000));
    if (anyhow || this.got > carrier.toldReceived || this.cost + this.space > carrier.toldLimit) {
      this.announce(carrier);
      add(ACK, big(this.got, 8), big(this.space));
    }
    if (this.selected && carrier.toldSelect < this.selects) {
      add(SELECT, big(this.selects), big(this.selected.id));
    }
    carrier.control = [];
    carrier.toldBeat = this.beat;
    carrier.toldSelect = this.selects;
    if (carrier.batched) carrier.toldNext = 0; // each write travels on its own
    for (let frame; size > 0 && (frame = this.writable(carrier)); size -= frame.length) {
      if (carrier.toldNext !== carrier.cursor) add(NEXT, big(carrier.cursor, 8));
      frames.push(frame);
      carrier.toldNext = ++carrier.cursor;
    }
    return frames;
  }
}

// Negotiation -------------------------------------------------------------------------------------

const ORDER = ["websocket", "stream", "sse", "poll"];
const PATIENCE = 0.25; // seconds that an attempt has to itself before the next starts beside it
const SSE_PATIENCE = 0.1; // where a stream has not opened, an event stream seldom does
const PROMOTION_INTERVAL = 30; // seconds until what is better than the one in use is tried again
const LAST_PROMOTION_INTERVAL = 600;
const PROMOTION_TIMEOUT = 5;
const FIRST_DELAY = 0.25; // seconds, at most, before everything is tried a second time
const LAST_DELAY = 5;
const LASTING = 10; // seconds that a proven carrier has to last
const MAX_STRIKES = 2; // carriers in a row that did not
const MAX_KNOWN_PATIENCE = 3;
const LEAVING_PATIENCE = 3; // seconds, while the carrier before still carries
const LEAVING_INTERVAL = 0.2; // seconds, at least, between two that are followed for leaving
const SLOWER = 1.5;
// How long round trips take; see negotiation/pace.py
const TRIPS = 3; // of which the median counts
const MARGIN = 0.15; // seconds by which, and three times, those of a slower one are longer
const QUIET = 0.1; // seconds without a word before the carrier in use is asked
const CHECK_INTERVAL = 5; // seconds between two checks of it
const STALL = 0.5; // seconds, at least, by which a PONG is late
const between = (low, high) => low + Math.random() * (high - low);

// What becomes of an attempt; those above WAITING are running, those above PROVEN not known to work.
const FAILED = 0, WAITING = 1, PROVEN = 2, TRYING = 3, OPENED = 4;

/**
 * The race: which transports to try and when, and which of those that opened to use.
 *
 * The same rules as negotiation/race.py, where they are explained. Times are in seconds. A runner
 * is a transport in it.
 */
class Race {
  used;
  leaving; // the runner whose carrier is selected, and ends soon or isSuspect
  isSuspect; // it may be dead, since the network has changed
  nextStart = 0;
  promoteAt; // when better ones are tried again, if they are
  interval = PROMOTION_INTERVAL;
  rounds = 0;
  followedAt = -1; // when one that is leaving was followed last
  now; // when it was asked to decide
  least = Infinity; // the shortest round trip
  quietSince; // when the application said something last
  checkedAt; // when the carrier in use was asked for a round trip last
  lookAt = 0; // nothing quicker is looked for before
  isLooking;
  queue;

  /**
   * @param known is what the memory says: `{transport, seconds, isDue}`, or nothing
   * @param start @param use @param ask are called with a runner
   * @param stop with a runner, why, and whether it was late
   * @param wakeAt with a time at which to `decide` again
   */
  constructor(options, known, start, use, stop, ask, wakeAt, jitter = between) {
    this.options = options;
    this.known = known;
    this.start = start;
    this.use = use;
    this.stop = stop;
    this.ask = ask;
    this.wakeAt = wakeAt;
    this.jitter = jitter;
    this.order = options.transports.map((way) => ({ way, phase: WAITING, strikes: 0 }));
    this.first = this.order.find((one) => one.way === known.transport);
    this.queueFrom(this.first);
  }

  /** Let one go before all others, which keep their order. */
  queueFrom(first = this.order[0]) {
    this.queue = [...new Set([first, ...this.order])];
  }

  opened(runner, now) {
    if (runner.phase === TRYING) move(runner, OPENED, runner.askedAt = now);
  }

  /** Say that a round trip begun here came back: the first, or a later one. */
  proven(runner, now) {
    const took = now - runner.askedAt;
    if (took >= 0) {
      runner.trips = [...runner.trips, took].slice(-TRIPS);
      this.least = Math.min(this.least, took);
      runner.askedAt = Infinity;
    }
    if (runner.phase === OPENED) move(runner, PROVEN, now);
  }

  ended(runner, now, served, blameless) {
    const { phase } = runner;
    const lasted = blameless || hasLasted(runner, now);
    runner.phase = FAILED;
    if (runner !== this.used) {
      if (phase === TRYING) this.hurry(now);
      return;
    }
    this.used = this.first = null;
    this.promoteAt = 0;
    if (lasted) this.interval = PROMOTION_INTERVAL;
    runner.strikes = lasted ? 0 : runner.strikes + 1;
    served ||= lasted;
    this.queueFrom(runner);
    if (!served || runner.strikes >= MAX_STRIKES) this.queue.push(this.queue.shift());
    this.waitAgain();
    if (this.isExhausted) {
      this.queue.sort((one, two) => one.strikes - two.strikes);
      this.waitAgain(Infinity);
    }
    this.nextStart = now;
    if (served) this.rounds = 0;
    else this.pause(now);
  }

  hurry(now) {
    this.nextStart = Math.min(this.nextStart, now);
  }

  /** Let those that failed wait for another try. */
  waitAgain(strikes = MAX_STRIKES) {
    for (const one of this.order) if (one.phase === FAILED && one.strikes < strikes) one.phase = WAITING;
  }

  /** Say that the carrier in use ends soon: the next is tried while it still carries. */
  leave(now) {
    const { used } = this;
    if (hasLasted(used, now)) used.strikes = 0;
    this.setAside(false);
    this.rounds = 0;
    this.nextStart = this.followedAt = Math.max(now, this.followedAt + LEAVING_INTERVAL);
    this.queueFrom(used);
  }

  /** Let the carrier in use carry on beside the race. */
  setAside(isSuspect) {
    this.leaving = this.used;
    this.leaving.phase = WAITING;
    this.used = this.first = null;
    this.isSuspect = isSuspect;
  }

  /** Say that the carrier which was leaving, or suspect, has ended. */
  left(now) {
    if (!this.leaving) return;
    this.leaving = null;
    this.hurry(Math.max(now, this.followedAt));
    this.waitAgain();
  }

  /** Say that the network has changed: the carrier in use is suspect until it is `cleared`. */
  doubt(now) {
    if (this.used) this.setAside(true);
    this.first = this.isLooking = null;
    this.promoteAt = this.lookAt = this.rounds = 0;
    this.interval = PROMOTION_INTERVAL;
    for (const one of this.order) {
      this.drop(one, "over");
      one.strikes = 0;
      one.wasTried = false;
    }
    this.waitAgain();
    this.queueFrom();
    this.nextStart = now + this.patienceWith(this.leaving ?? this.order[0]);
  }

  /** Say that the suspect carrier has answered. */
  cleared(now) {
    this.used = this.leaving;
    this.leaving = null;
    this.used.wasTried = true;
    this.used.askedAt = Infinity;
    move(this.used, PROVEN, now);
  }

  /** Say what the server offers. An offer without the carrier in use is not believed. */
  offered(names) {
    const left = this.order.filter((one) => names.includes(one.way));
    const used = this.used ?? this.leaving;
    if (!left[0] || (used && !left.includes(used))) return;
    for (const one of this.order) if (!left.includes(one)) this.drop(one, "not offered");
    this.order = left;
  }

  drop(runner, why, isLate) {
    if (runner.phase > WAITING) this.stop(runner, why, isLate);
    runner.phase = FAILED;
  }

  /** Seconds that a round trip takes, or has been awaited. */
  paceOf({ trips, askedAt }) {
    return Math.max([...trips].sort((one, two) => one - two)[trips.length >> 1] ?? 0, this.now - askedAt);
  }

  /** Seconds after which a PONG may not come by itself. */
  get late() {
    return Math.max(STALL, 4 * this.least);
  }

  /** Whether the one in use can be compared: it is measured, or its PONG is late. */
  get isKnown() {
    return isMeasured(this.used) || this.now >= this.used.askedAt + this.late;
  }

  /** Return what is to take the place of the one in use; let go what is no better. */
  compare() {
    const { used, worse } = this;
    for (const one of this.order) {
      if (one === used || one.phase !== PROVEN || !isMeasured(one) || !this.isKnown) continue;
      const isBetter = !worse.includes(one);
      const [slow, quick] = isBetter ? [one, used] : [used, one];
      const trip = this.paceOf(quick);
      // What was slower before has to come closer, so that two do not take turns.
      const isSlower =
        this.paceOf(slow) > Math.max(trip * 3, trip + MARGIN) * (isBetter ? one.isSlow ?? 1 : 1);
      if (isSlower) Object.assign(slow, { isSlow: 2 / 3, trips: [], moment: this.now });
      if (isBetter !== isSlower) {
        if (isBetter) this.lookAt = 0;
        return one;
      }
      for (const it of isBetter ? [one] : worse) this.drop(it, "slower", isBetter);
    }
  }

  /** Whether its time is bounded: it is no more than open, or is compared with the proven one in use. */
  isTimed(runner) {
    return runner.phase > (this.works && runner !== this.used ? WAITING : PROVEN);
  }

  decide(now) {
    this.now = now;
    for (const one of this.order) {
      if (this.isTimed(one) && now - one.moment >= this.longest) {
        const isBusy = one.phase === PROVEN && isMeasured(one); // so the one in use was not asked
        this.stop(one, one.phase > PROVEN ? "no answer" : isBusy ? "not needed" : "slower", !isBusy);
        this.ended(one, now);
      }
    }
    const best = this.works ? this.compare() :
      this.order.find((one) => one.phase === PROVEN) ?? (this.used || this.leaving ? null :
        this.order.filter((one) => one.phase === OPENED).sort((one, two) => one.moment - two.moment)[0]);
    if (best && best !== this.used) {
      this.used = best;
      this.leaving = null;
      this.isLooking = false;
      this.quietSince = now;
      this.checkedAt = -CHECK_INTERVAL;
      this.use(best);
    }
    if (this.works) {
      const { used, better, worse } = this;
      if (this.first === this.used && !this.known.isDue) {
        for (const one of better) if (one.phase === WAITING) one.phase = FAILED;
      }
      this.first = null;
      if (this.isLooking) this.isLooking = worse.some((one) => one.phase !== FAILED);
      else {
        for (const one of worse) this.drop(one, "not needed");
        // Where the one in use is slow, the last of the order is tried first.
        if (worse[0] && now >= this.lookAt && this.isKnown && this.paceOf(used) > MARGIN) {
          this.isLooking = true;
          this.lookAt = this.later;
          this.retry(worse.reverse());
        }
      }
      this.promoteAt = better[0] && better.every((one) => one.phase === FAILED) && (this.promoteAt || this.later);
      if (this.promoteAt && now >= this.promoteAt) {
        this.promoteAt = 0;
        this.retry(better);
      }
      if (this.promoteAt) this.wakeAt(this.promoteAt);
      this.measure(used, better);
    } else {
      this.isLooking = false;
      if (!this.leaving) this.promoteAt = 0;
    }
    const { next } = this;
    if (next && now >= this.nextStart) {
      move(next, TRYING, now);
      next.wasTried = true;
      next.trips = [];
      this.nextStart = now + this.patienceWith(next);
      this.start(next);
    }
    if (this.next) this.wakeAt(this.nextStart);
    for (const one of this.order) {
      if (this.isTimed(one)) this.wakeAt(one.moment + this.longest);
    }
  }

  get later() {
    return this.now + this.interval * this.jitter(0.8, 1.2);
  }

  /** Try some beside the proven one in use. */
  retry(some) {
    this.interval = Math.min(this.interval * 2, LAST_PROMOTION_INTERVAL);
    this.used.trips = [];
    for (const one of some) one.phase = WAITING;
    this.queue = some;
    this.nextStart = this.now;
  }

  /** Ask the one in use, and what may take its place, for round trips. */
  measure(used, better) {
    const { now } = this;
    let at = used.askedAt + this.late;
    if (at === Infinity) {
      const soon = this.quietSince + QUIET;
      if (!isMeasured(used)) {
        if (better.some((one) => one.phase === PROVEN)) at = now;
        else if (this.isLooking || this.paceOf(used) > MARGIN) at = soon;
      }
      if (this.quietSince > this.checkedAt) at = Math.min(at, Math.max(soon, this.checkedAt + CHECK_INTERVAL));
    }
    for (const one of this.order) {
      if (one.phase !== PROVEN || one.askedAt < Infinity || (one === used ? at > now : isMeasured(one))) continue;
      if (one === used) this.checkedAt = now;
      one.askedAt = now;
      this.ask(one);
    }
    if (at > now) this.wakeAt(at);
  }

  get isExhausted() {
    return this.order.every((one) => one.phase === FAILED);
  }

  nextRound(now, after = 0) {
    this.waitAgain(Infinity);
    this.queueFrom();
    this.pause(now + after);
  }

  pause(now) {
    this.nextStart = now + this.jitter(0, Math.min(FIRST_DELAY * 2 ** this.rounds++, LAST_DELAY));
  }

  get works() {
    return this.used?.phase === PROVEN;
  }

  /** Whether the carrier in use is proven, and all that is better was tried in vain. */
  get isSettled() {
    return this.works && this.better.every((one) => one.phase === FAILED && one.wasTried);
  }

  /** Those before the one in use. */
  get better() {
    return this.order.slice(0, this.order.indexOf(this.used));
  }

  /** Those after it. */
  get worse() {
    return this.order.slice(this.order.indexOf(this.used) + 1);
  }

  patienceWith(runner) {
    return Math.max(
      this.options.patience[runner.way] ?? (runner.way === "sse" ? SSE_PATIENCE : PATIENCE),
      this.isLooking || (this.leaving && !this.isSuspect) ? LEAVING_PATIENCE :
        runner === this.first ? Math.min(SLOWER * this.known.seconds, MAX_KNOWN_PATIENCE) : 0,
    );
  }

  /** Seconds that an attempt may take now, or one may be measured. */
  get longest() {
    return this.works ? Math.min(this.options.openTimeout, PROMOTION_TIMEOUT) : this.options.openTimeout;
  }

  /** The next to be tried. */
  get next() {
    return this.queue.find((one) => one.phase === WAITING);
  }
}

const move = (runner, phase, moment) => Object.assign(runner, { phase, moment });
const isMeasured = ({ trips }) => trips?.[TRIPS - 1] >= 0;
const hasLasted = (runner, now) => runner.phase === PROVEN && now - runner.moment >= LASTING;

/** Silence: whether a path cuts connections on which nothing is said. See negotiation/silence.py. */
class Silence {
  limit; // the silence after which the path cut, in seconds, if it did
  before; // the silence before the cut before

  /** @param beat is the heartbeat that the path needs, in seconds, where that is known */
  constructor(beat) {
    this.beat = beat;
  }

  /** Take note of a carrier lost after so many seconds of silence; say whether that taught a heartbeat. */
  learn(silence, heartbeat) {
    if (silence >= 1.2 * heartbeat) silence = heartbeat; // the path had let go before
    const limit = Math.min(silence, this.before);
    const beat = Math.max(1, limit / 2);
    // Of what is unknown every comparison is false.
    const isNew = silence >= 1 && limit >= 0.8 * Math.max(silence, this.before) && !(beat >= this.beat);
    this.before = silence;
    if (isNew) {
      this.beat = beat;
      this.limit = limit;
      this.before = undefined;
    }
    return isNew;
  }
}

const STORED = "byway";
const MAX_AGE = 86400; // seconds for which what worked is used
const RETRY_AGE = 600; // seconds after which what is better is tried at once again
const MAX_PLACES = 20;
const elsewhere = {}; // for programs that have no localStorage

/** Return what is in the memory: what worked at origins, kept in localStorage where there is one. */
function places() {
  try {
    return JSON.parse((globalThis.localStorage ?? elsewhere)[STORED]) ?? {};
  } catch {
    return {}; // nothing, or it is forbidden, or somebody wrote something else there
  }
}

/**
 * Return what worked at an origin: `{transport, seconds, heartbeat, since}` and whether it isDue.
 *
 * The origin is false where nothing is to be kept.
 */
function recall(origin) {
  const found = origin && places()[origin];
  const age = Date.now() / 1000 - found?.since;
  if (!(age >= 0 && age <= MAX_AGE && found.seconds >= 0)) return {};
  return { ...found, isDue: age >= RETRY_AGE * between(0.8, 1.2) };
}

/** Remember what works at an origin, or, without that, forget it. */
function remember(origin, found) {
  if (!origin) return;
  const others = Object.entries(places()).filter(([place]) => place !== origin);
  if (found) others.push([origin, found]);
  try {
    (globalThis.localStorage ?? elsewhere)[STORED] =
      JSON.stringify(Object.fromEntries(others.slice(-MAX_PLACES)));
  } catch {
    // A page may be without, or its storage full.
  }
}

// The carriers ------------------------------------------------------------------------------------

const LATE = 2; // heartbeats of silence after which a carrier counts as dead
const WRITE = 32 * KIB; // bytes of frames in one WebSocket message
const FIRST_RETRY = 0.1; // seconds that the first retry of a batch waits at most
const MAX_IN_FLIGHT = 8; // batches on their way at a time
const FEW_IN_FLIGHT = 2; // where they share six connections with other tabs
const LONG = 0.02; // seconds of a round trip from which on several batches go at a time
const FIRST_PAUSE = 0.002;
const BUSY = 4; // batches after which an upload is worth a try
const PROOF_TIMEOUT = 1; // seconds, at least, in which its first PING has to come back
const HEARD_TIMEOUT = 3; // seconds in which a later one has to
const PING_INTERVAL = 1;
const TOO_LARGE = 413;
const LEAST_WAIT = 1.5; // seconds that a batch waits, at least, beside a response that is open
const MOST_WAIT = 4; // what it took there before may have been waiting too
const VISITS = 15; // seconds, at least, for which none is kept open then, and the session's age
const VISIT_INTERVAL = 2; // seconds between two visits of a tab that has no connection to keep
const SOON = 0.25; // seconds between two visits where something was said

const NativeWebSocket = globalThis.WebSocket;
const now = () => performance.now() / 1000;

/** Return a text that nobody guesses: 192 random bits, in no more than 64 characters. */
const random = () =>
  crypto.getRandomValues(new Uint32Array(6)).reduce((text, one) => text + one.toString(36), "");

/**
 * Return the seconds after which a response may be another one; undefined where it stays what it is.
 *
 * The rules are those of negotiation/retry.py.
 */
const passesAfter = (status, mark, headers, asked = headers.get("retry-after")) =>
  /,(429|503),|r,410|^,(50[24]|511|200.*html)/.test([mark, status, headers.get("content-type")]) ?
    Math.max(0, asked >= 0 ? asked : (Date.parse(asked) - Date.now()) / 1000) || 0 : undefined;

/** It is async so that an error of `new WebSocket` counts too. */
async function carryWebSocket(driver, link) {
  if (!NativeWebSocket) throw lost("no WebSocket here");
  const { session } = driver;
  const greeting = driver.greet(link);
  const socket = new NativeWebSocket(
    driver.url, [SUBPROTOCOL, encodeToken(greeting)].concat(greeting.subprotocols ?? []));
  socket.binaryType = "arraybuffer";
  // A page is not told why a handshake failed.
  socket.onclose = ({ code, reason }) =>
    link.end(`closed ${code} ${link.isOpen ? reason : "unopened: the application may have refused"}`);
  socket.onmessage = ({ data }) => {
    try {
      driver.feed(link, typeof data === "string" ? [[TEXT, utf8(data), data]] : decodeAll(data));
    } catch (error) {
      link.end(error);
    }
  };
  socket.onopen = () => {
    // Some browsers open without it. What took it out may be a proxy, so `knock` asks again.
    if (socket.protocol !== SUBPROTOCOL) return link.end("no byway");
    // Some proxies hold the server's first words until the client's, or its next, which a PING asks for.
    session.ping(link, "", false);
    link.toldReceived = -1; // an ACK goes with it
    link.pump = () => {
      for (let frames; (frames = driver.due(link, WRITE))[0]; ) {
        // An empty text goes as a frame: there are servers that drop a message without bytes.
        socket.send(!frames[1] && frames[0].words || joined(frames));
        session.flush(frames);
      }
    };
    driver.soon();
  };
  link.stop = () => {
    socket.onopen = null;
    socket.close();
  };
}

/** Open an answer without an end, which brings frames as they come. */
async function carryEndless(driver, link) {
  await takeSlot(driver, link);
  // Other tabs have them for now, or the path lets one request through at a time.
  if (!link.isHeld || now() < driver.visitsUntil) throw lost("no free connection", { isNetwork: true });
  link.heldSince = now();
  const { body } = await driver.ask(link, link.way, {
    isEndless: true, frames: driver.session.write(link, MAX_PART),
  });
  const feed = link.way === "sse" ? eventDecoder() : frameDecoder();
  batches(driver, link);
  await body.pipeTo(new WritableStream({ write: (bytes) => driver.feed(link, feed(bytes)) }));
  // A clean end proves nothing: proxies turn a dead origin into one, or end an answer by mistake.
  link.end(lost("cut", { isNetwork: true }));
}

async function carryPoll(driver, link) {
  const { session } = driver;
  let hasFailed = true; // the first has to succeed
  let isOther = false; // it was asked for in the other form just now
  let poll = 0;
  const mustVisit = () => link.isVisiting = !link.isHeld || now() < driver.visitsUntil;
  await takeSlot(driver, link);
  while (session.phase !== CLOSED) {
    if (mustVisit() && poll) {
      // A visit: the first poll of a carrier is answered at once, so it keeps no connection.
      const began = now();
      const { oldest } = session;
      while (mustVisit() && !link.isDone &&
        // What has just been said may well be answered.
        !driver.hasCome(began + (session.oldest > oldest ? SOON : VISIT_INTERVAL))) {
        await new Promise((resolve) => (link.visit = resolve));
      }
      if (link.isDone) return;
      poll = 0;
      session.detach(link);
      link.id = ++driver.lastId;
      session.attach(link, true);
      session.choose(link);
    }
    const frames = poll++ ? [] : session.write(link, MAX_PART); // little, so that no path minds it
    try {
      link.heldSince = poll > 1 ? now() : NaN;
      driver.feed(link, decodeAll(await driver.ask(link, "poll", { poll, frames })));
      hasFailed = isOther = false;
      link.isProven ||= link.isVisiting; // a PONG would come on the carrier of the visit before
    } catch (error) {
      if (error.isOther && !isOther) {
        // The same poll once more: the server keeps what it has answered.
        isOther = true;
        if (!--poll) session.rewind(link); // its frames may not have come either
        continue;
      }
      // One answer may be lost alone; the next poll says what has come.
      if (hasFailed || !error.isNetwork) throw error;
      hasFailed = true;
    }
    if (!link.flights) batches(driver, link);
  }
}

/** Bring a link's frames up in requests of their own. The rules are those of transports/batches.py. */
function batches(driver, link) {
  const { session } = driver;
  const flights = link.flights = new Set(); // the batches on their way, by number
  let size = driver.maxBatch;
  let roundTrip = now() - link.began;
  let notBefore = now() + FIRST_PAUSE;
  let count = 0, busy = 0, written = 0, failures = 0, wentBackTo = 0;
  let lastStart, failingSince;
  let failure; // an error, or a text where an answer acknowledged too little; until all are back

  link.pump = async () => {
    const most = roundTrip < LONG ? 1 : driver.isMultiplexed() ? MAX_IN_FLIGHT : FEW_IN_FLIGHT;
    // Some paths let a request through only when the response to the one before has ended.
    if (link.heldSince < lastStart &&
      driver.hasCome(lastStart + Math.min(LEAST_WAIT + 4 * roundTrip, MOST_WAIT))) driver.visit();
    // Evenly over the round trip: what is said in between shares a batch.
    const from = flights.size > 1 ? lastStart + roundTrip / most : notBefore;
    if (failure || flights.size >= most || !driver.hasCome(from)) return;
    const frames = driver.due(link, size);
    if (!frames[0]) return;
    driver.soon(); // for the next
    const flight = ++count;
    const end = link.cursor;
    const started = lastStart = now();
    flights.add(flight);
    // Round trips that are measured make batches too, with nothing of the application's in them.
    if (end > written && ++busy === BUSY && link.way !== "poll" && driver.mayUpload && driver.isMultiplexed()) {
      upload(driver, link, roundTrip);
    }
    written = Math.max(written, end);
    try {
      const answer = await driver.ask(link, "ack", { frames, within: LATE * driver.terms.heartbeat });
      session.take({}, decodeAll(answer));
      roundTrip += (roundTrip ? 0.25 : 1) * (now() - started - roundTrip);
      if (session.oldest >= end || session.oldest > wentBackTo) failures = 0;
    } catch (error) {
      if (session.isGone(error, now())) link.end(error);
      failure ??= error.isOther ? "blocked" : error;
    }
    link.heldSince = NaN; // requests pass beside it
    const [first] = flights;
    flights.delete(flight);
    // Everything before it was answered, and the server has not got all of it.
    if (first === flight && session.oldest < (flights.size ? end : link.cursor)) {
      failure ??= "not acknowledged";
    }
    if (failure && !flights.size && !link.isDone) {
      // Go back to what was not acknowledged: at once where answers came, and it is less than last time.
      const isTooLarge = failure.status === TOO_LARGE;
      const { heartbeat } = driver.terms;
      session.rewind(link);
      if (isTooLarge && size === 1) session.fail(); // there is no way up
      else if (failure.message || session.oldest === wentBackTo) {
        if (isTooLarge || failures % 2) size = size > 2 * MAX_PART ? size / 2 : 1;
        if (isTooLarge) driver.maxBatch = size; // the path will not change its mind
        else {
          if (!failures) failingSince = now();
          if (now() - failingSince >= LATE * heartbeat) link.end(failure);
          notBefore = now() + Math.max(
            between(0, Math.min(FIRST_RETRY * 2 ** failures++, heartbeat)), Math.min(failure.after || 0, heartbeat));
        }
        roundTrip = 0; // one at a time until one is answered
      }
      wentBackTo = session.oldest;
      failure = undefined;
    }
    driver.soon();
  };
}

/**
 * One request whose body has no end, in the place of batches: a browser has it over HTTP/2.
 *
 * Many proxies hold a body back until it is complete, so it is used once a PING that went up in it
 * has come back, and given up when a later one does not. The rules are those of
 * transports/upload.py.
 */
function upload(driver, link, roundTrip) {
  const { session } = driver;
  const { pump } = link; // of batches
  const controller = new AbortController();
  let written = 0;
  let asked, usedSince, writer;

  /** Expect the echo of a PING that is written now. */
  const ping = () => {
    asked = now();
    session.ping(link, link.awaited = random(), false);
  };

  /** Back to batches, which bring up again what was not acknowledged. */
  const end = () => {
    link.pump = pump;
    // Of what was never used the comparison is false.
    driver.mayUpload &&= now() - usedSince >= LASTING;
    if (!link.batched) session.rewind(link);
    link.batched = true;
    driver.soon();
  };

  const body = new ReadableStream({ start: (one) => (writer = one) });
  ping();
  writer.enqueue(joined([encodeHello(driver.greet(link, "up")), link.control.pop()]));
  driver.ask(link, "up", { body, controller }).then(end, end);

  link.pump = () => {
    const isHeard = !link.awaited;
    if (!usedSince && isHeard && !link.flights.size) { // what was on its way has come back
      usedSince = now();
      session.rewind(link);
      link.batched = false;
    }
    const within = Math.max(usedSince ? HEARD_TIMEOUT : PROOF_TIMEOUT, 4 * roundTrip);
    const until = asked + (isHeard ? PING_INTERVAL : within);
    if (driver.hasCome(until)) {
      if (!isHeard) return controller.abort();
      // The word that breaks a silence is one too: some proxies take no more of a body that paused.
      if (usedSince && (link.cursor !== written || now() - asked >= driver.terms.silence)) {
        written = link.cursor;
        ping();
      }
    }
    if (!usedSince) return isHeard || pump();
    for (let frames; (frames = driver.due(link, driver.maxBatch))[0]; ) {
      writer.enqueue(joined(frames));
    }
  };
}

// What the page has to do with it -----------------------------------------------------------------

const SLOTS = 4; // of the six connections to a host that a browser shares among all its tabs
const VISIT_PATIENCE = 15; // seconds that a visit may take, behind those of other tabs
const page = globalThis.document;

/** Tabs tell each other who wants a slot; the same word wakes pages whose timers are slow. */
const tabs = globalThis.location && globalThis.BroadcastChannel && new BroadcastChannel(STORED);

/**
 * Ask for leave to keep a connection busy, on HTTP/1.1: a Web Lock, one of four a host for all tabs.
 *
 * Then the link says whether it `isHeld`; if not, it is as soon as one is free. Who has none visits
 * the server now and then. A visible page asks the hidden ones for theirs.
 */
async function takeSlot(driver, link) {
  const locks = globalThis.navigator?.locks;
  const waiting = new AbortController();

  const request = (index, options) =>
    new Promise((resolve) => {
      locks.request(driver.slots + index, options, (lock) => {
        resolve();
        if (!lock || link.isDone) return;
        link.isHeld = true;
        driver.soon();
        return new Promise((free) => (link.stop = free));
      }).catch(() => resolve(link.isHeld = true)); // an opaque origin has no locks
    });

  link.isHeld = !locks || driver.isMultiplexed();
  for (let index = SLOTS; index-- && !link.isHeld; ) await request(index, { ifAvailable: true });
  if (!link.isHeld) {
    link.requests.add(waiting);
    request(Math.floor(between(0, SLOTS)), { signal: waiting.signal })
      .then(() => link.requests.delete(waiting));
    if (!page?.hidden) tabs?.postMessage(driver.slots);
  }
}

/** Listen to what happens to the page and to other tabs, until a signal. */
function hear(driver, signal) {
  const listen = (target, type, act) => target?.addEventListener?.(type, act, { signal });
  listen(tabs, "message", ({ data }) => {
    for (const link of driver.links) {
      // Somebody wants a slot: a hidden page gives its own back, and stands in line again.
      if (data !== driver.slots || !link.isHeld || !link.stop || !page?.hidden) continue;
      if (link.way === "poll") {
        link.stop();
        takeSlot(driver, link);
      } else {
        // An answer without an end keeps its connection for as long as it lasts. That is no fault
        // of the network's.
        link.isLeaving = true;
        link.end("over");
      }
    }
    driver.soon();
  });
  listen(globalThis, "online", driver.moved);
  listen(page, "resume", () => driver.wake()); // of a frozen page
  listen(page, "visibilitychange", () => {
    if (page.hidden) return;
    for (const link of driver.links) {
      if (link.isHeld === false) tabs?.postMessage(driver.slots); // unlike a WebSocket, which needs none
    }
    driver.wake();
  });
  listen(globalThis, "pagehide", ({ persisted }) => persisted ? driver.hide() : driver.leave());
  listen(globalThis, "pageshow", driver.show);
}

// The driver --------------------------------------------------------------------------------------

const LAST_WORDS = 2; // seconds that the last acknowledgement may take
const SLEPT = 5; // seconds by which a timer was late when the machine or the page has slept
const GRACE = 3; // seconds in which a carrier has to answer after that

const warned = {}; // of which origins this page was
const rests = {}; // when an origin may be asked for another session, where it has said so

/**
 * Keep a session carried, as the race decides, and tell the socket what comes of it.
 *
 * @param on `{open(subprotocol), message(data, cost), transport(name), plain(socket), over(isClean)}`
 */
function drive(url, subprotocols, options, on) {
  // fetch refuses a URL that names a user, so that goes into a header. A WebSocket's URL keeps it:
  // browsers send it when the server asks for it (401).
  const { origin, pathname, search, username, password } = new URL(url.replace(/^ws/, "http"));
  const http = origin + pathname + search;
  // What was not allowed says nothing of the path, so each choice has a memory of its own.
  const { transports } = options;
  const place = options.memory && (`${transports}` === `${ORDER}` ? origin : `${origin} ${transports}`);
  const known = recall(place);
  const session = new Session(on.message, options.maxMessage);
  const race = new Race(options, known, start, use, stop, ask, wakeAt);
  const quiet = new Silence(known.heartbeat);
  let key = random();
  const own = { // headers of every request
    // btoa takes bytes, which is what `unescape` makes of percent-encoded UTF-8 (RFC 7617, section 2.1).
    ...(username || password) && {
      authorization: `Basic ${btoa(`${username}:${password}`.replace(/%\w\w/g, unescape))}`,
    },
    ...Object.fromEntries(new Headers(options.headers)), // with names in lower case, so that each is there once
  };
  const links = new Set(); // all carriers and attempts
  const trail = {}; // the newest attempt in vain of each transport
  const began = Math.max(now(), rests[origin] ?? 0);
  const life = new AbortController(); // its end is the driver's
  let instance;
  let leaving; // a link that ends soon, and carries until another is used
  let used; // the link that was chosen last; without any, the session has not opened
  let timer, timerAt = Infinity, isStepDue;
  let lastStep = Date.now() / 1000;
  let isFinished, isPaused;
  let wasAnswered, wasMarked; // by anybody whom the page may read, and by byway
  let isThere; // whether anybody is at the address; null while that is asked
  let isMultiplexed = !globalThis.location; // no browser, no six connections
  let isText = false; // the form of answers that have an end: base64
  let failure = null;
  let hasOtherKey;
  let alone = Infinity; // since when no carrier is open
  let phaseSeen, endAt; // until when that phase may last
  let said = 1, spokeAt = -Infinity; // the frames either way, and when there was one last
  let kept; // what the memory was told last

  const driver = {
    // What OPEN said last: the server's times, in seconds, and what it offers.
    terms: { heartbeat: 10, silence: 25, window: 30 },
    session, links, url, wakeAt,
    slots: `${STORED} ${origin} `, // what the locks of this host are called, but for a number
    maxBatch: 64 * KIB,
    visitsUntil: known.visits ? began + VISITS : 0, // as the path lets requests through one at a time
    // Whether this fetch can send a body while it is written, and none has failed yet.
    mayUpload: "duplex" in Request.prototype,

    // What carriers ask for

    lastId: 0, // of a carrier

    /** Whether requests share one connection. Else a browser has six for all tabs of a host. */
    isMultiplexed: () => isMultiplexed ||= ["navigation", "resource"].some((type) => // pages have many others
      performance.getEntriesByType(type).some((entry) =>
        entry.name.startsWith(`${origin}/`) && /^h[23]/.test(entry.nextHopProtocol))),

    /** What HELLO says, of any request or handshake. */
    greet: (link, answer, poll) => ({
      session: key, carrier: link.id, ...session.announce(link), answer, instance, poll,
      form: isText ? "text" : undefined,
      subprotocols: instance || !subprotocols[0] ? undefined : subprotocols,
    }),

    /**
     * Send HELLO and frames; return the answer, if it is the one asked for: the response as soon
     * as its head has come where it isEndless, else a buffer.
     */
    async ask(link, answer, {
      poll, frames = [], within = 1e6, keepalive, isEndless, controller = new AbortController(),
      body = joined([encodeHello(driver.greet(link, answer, poll)), ...frames]),
    }) {
      if (!keepalive) {
        if (link.isDone) throw lost("over");
        link.requests.add(controller); // the page's last one is nothing's to abort
      }
      const timer = setTimeout(() => controller.abort(), within * 1000);
      const asked = isText;
      try {
        const response = await fetch(http, {
          method: "POST", body, keepalive, duplex: "half",
          headers: {
            ...own, "content-type": "application/byway", byway: answer === "up" ? answer : 1,
            accept: answer === "sse" ? "text/event-stream" : asked ? "text/plain" : "application/octet-stream",
          },
          cache: "no-store", redirect: "error", referrerPolicy: "no-referrer",
          credentials: options.credentials, signal: controller.signal,
        });
        const { status, headers } = response;
        const mark = headers.get("byway") ?? undefined;
        wasAnswered = true;
        wasMarked ||= mark;
        if (status !== 200 || mark !== answer) {
          const why = mark === "error" ? (await response.text()).slice(0, 200) : "";
          throw lost(`answered ${status} ${why}`.trim(), {
            status, mark, gone: headers.get("byway-gone"), after: passesAfter(status, mark, headers),
          });
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
          lost(isAborted ? "no answer" : error.message, { isNetwork: true }), { isOther: isBlocked });
      } finally {
        clearTimeout(timer);
        if (!isEndless) link.requests.delete(controller);
      }
    },

    feed(link, frames) {
      if (link.isDone || !frames[0]) return;
      if (!link.isOpen || frames[0][0] === OPEN) takeOpen(link, frames[0]);
      link.heardAt = now();
      session.take(link, frames);
      soon();
    },

    /** Return the frames to write on a carrier now, an acknowledgement if nothing else is due. */
    due(link, size) {
      let frames = session.write(link, size);
      if (!frames[0] && !session.isOver) {
        const at = link.saidAt + (session.got > link.toldReceived ? driver.terms.heartbeat : driver.terms.silence);
        if (driver.hasCome(at)) frames = session.write(link, size, true);
      }
      if (frames[0]) link.saidAt = now();
      return frames;
    },

    /** Look at everything before this task is over. */
    soon() {
      if (isStepDue) return;
      isStepDue = true;
      queueMicrotask(step);
    },

    /** Whether a time has come; if not, everything is looked at then. */
    hasCome: (at) => now() >= at || wakeAt(at),

    // What happens to the page

    /** The page or the machine has slept, or has come into another network: ask every carrier. */
    wake(isProof = false) {
      for (const link of links) {
        if (!link.isOpen) continue;
        link.askedAt = now();
        session.ping(link, random(), isProof);
      }
      soon();
    },

    /** Nothing goes up while a response is open: keep none open for a while. */
    visit() {
      if (!options.transports.includes("poll")) return;
      driver.visitsUntil = now() + Math.min(now() - began + VISITS, LAST_PROMOTION_INTERVAL);
      for (const link of links) if (link.heldSince) for (const one of link.requests) one.abort();
    },

    /** The page has come into another network: ask the carrier in use, and open others beside it. */
    moved() {
      if (race.used) {
        leaving?.end("over");
        links.delete(leaving);
        leaving = used;
      }
      driver.visitsUntil = 0;
      race.doubt(now());
      driver.wake(true);
    },

    /** The page is being hidden away, and may come back. */
    hide() {
      isPaused = true;
      for (const link of links) link.end("hidden");
    },

    show() {
      isPaused = false;
      soon();
    },

    /** The page goes away for good: say so in one last request. */
    leave(code = 1001, reason = "") {
      session.shut(code, reason);
      // Firefox has ended all carriers by now, a WebSocket before its last word is out.
      if (!used || session.isOver) return;
      if (!used.isDone) used.pump(); // a WebSocket that has ended complains in the console
      session.rewind(used);
      const frames = session.write(used, 60 * KIB); // of which a browser sends 64 KiB at most
      driver.ask(used, "ack", { frames, keepalive: true }).catch(() => {});
    },

    // What the socket asks for

    /** Tell the server that the session is over, before the page hears of it. */
    refuse(why) {
      driver.leave(1002, why);
      driver.fail(why);
    },

    /** Nothing opened: the session is lost before it began. */
    fail(why) {
      failure = why;
      session.fail();
      soon();
    },

    get transport() {
      return session.selected?.way ?? null;
    },

    report: () => ({
      url: http.replace("http", "ws"), // without a password, as people log it
      failure,
      transports: options.transports.map((transport) => ({
        transport,
        ...(transport === driver.transport ? { verdict: "in use" } : trail[transport] ??
          { verdict: race.order.some((one) => one.way === transport) ? "not tried" : "not offered" }),
      })),
    }),
  };
  const { soon } = driver;

  /** Look at everything at a time, if nothing happens before. */
  function wakeAt(at) {
    if (at >= timerAt || isFinished) return;
    clearTimeout(timer);
    timerAt = at;
    timer = setTimeout(step, Math.max(0, Math.min(at - now(), 1e6)) * 1000 + 1); // Node warns of less than 0
  }

  const areOpen = () => [...links].some((one) => one.isOpen);

  // What the race decides

  /** Begin an attempt. */
  function start(runner) {
    const link = runner.link = {
      runner, way: runner.way, id: ++driver.lastId, began: now(), saidAt: now(), heardAt: now(),
      requests: new Set(), progress: session.got + session.oldest,
      pump() {}, // nothing can go up before the carrier has opened

      /** @param cause is an error, or says why */
      end(cause) {
        if (link.isDone) return;
        link.isDone = true;
        link.cause = cause;
        link.stop?.();
        for (const one of link.requests) one.abort();
        session.detach(link);
        soon();
      },
    };
    links.add(link);
    session.attach(link, link.way !== "websocket");
    const carry = { websocket: carryWebSocket, poll: carryPoll }[link.way] ?? carryEndless;
    carry(driver, link).catch(link.end);
  }

  function use({ link, way }) {
    delete trail[way];
    if (race.isSuspect) leaving?.end("over"); // what it has not brought comes again
    if (!used) {
      on.open(driver.terms.subprotocol);
      if (race.rounds) race.interval = 1; // what failed in an earlier round may work by now
    }
    used = link;
    // Where one that leaves is followed by another of its transport, nothing changes for the page.
    if (session.selected?.way !== way) on.transport(way);
    session.choose(link);
  }

  function stop({ link }, why, isLate) {
    link.end(why);
    if (isLate || !used) note(link);
    links.delete(link);
  }

  /** Ask for a round trip. */
  function ask({ link }) {
    session.ping(link, random());
  }

  function takeOpen(link, [kind, payload]) {
    badIf(kind !== OPEN); // the first frame is not OPEN
    const told = JSON.parse(fromUtf8(payload));
    badIf(told.v !== 1); // another version of the protocol
    const { part, batch, heartbeat, silence, window, received, room } = told;
    // At least 0.1 s, and parts of 64 bytes: with less this would do nothing else.
    badIf(![part / 640, batch, heartbeat, silence, window, received + 1, room + 1]
      .every((one) => Number.isFinite(one) && one >= 0.1));
    wasAnswered = wasMarked = true;
    if (!instance) race.offered(told.transports);
    if (told.instance !== (instance ??= told.instance)) {
      throw lost("another instance"); // two servers share this address
    }
    session.acknowledge(received, room);
    driver.maxBatch = Math.min(driver.maxBatch, batch);
    session.maxPart = Math.min(MAX_PART, part);
    driver.terms = told;
    link.isOpen = true;
  }

  // What is done, each time that something has happened

  function step() {
    isStepDue = false;
    clearTimeout(timer);
    timerAt = Infinity;
    if (isFinished) return;
    const time = now();
    if (Date.now() / 1000 - lastStep > driver.terms.heartbeat + SLEPT) driver.wake();
    lastStep = Date.now() / 1000;
    wakeAt(time + driver.terms.heartbeat); // by which a sleep is told
    for (const link of links) {
      if (link.isOpen) watch(link, time);
      takeIn(link, time);
    }
    if (race.used && used.isLeaving) {
      if (leaving) leaving.end("over");
      else {
        leaving = used;
        race.leave(time);
      }
    }
    const frames = session.got + session.oldest + session.kept.length;
    if (said !== frames) spokeAt = time;
    // An echo has a second to come.
    if (said !== frames || (session.kept[0] && time < spokeAt + 1)) {
      race.quietSince = time;
      if (session.phase) race.checkedAt = -CHECK_INTERVAL;
    }
    said = frames;
    if (!isPaused && session.phase !== LOST) negotiate(time);
    for (const link of links) {
      link.pump();
      link.visit?.();
    }
    lookForEnd(time);
  }

  /** End a carrier that is silent, or on which nothing is acknowledged. */
  function watch(link, time) {
    if (link.oldest !== session.oldest || session.oldest >= link.cursor || link.batched) {
      Object.assign(link, { oldest: session.oldest, movedAt: time });
    }
    const until = Math.min(
      link.movedAt + LATE * driver.terms.heartbeat,
      link.askedAt >= link.heardAt ? link.askedAt + GRACE :
        link.heardAt + Math.max(LATE * driver.terms.heartbeat, link.isVisiting ? VISIT_PATIENCE : 0),
    );
    if (time >= until) link.end("no answer");
    else wakeAt(until);
  }

  /** Tell the race what has become of a link. */
  function takeIn(link, time) {
    const { runner } = link;
    if (link !== leaving) {
      if (link.isOpen && runner.phase === TRYING) {
        link.openedIn = time - link.began;
        race.opened(runner, time);
        ask(runner);
      }
      if (link.isProven) race.proven(runner, time);
      if (link.isVisiting) runner.askedAt = time - VISIT_INTERVAL; // which is what a visit takes
      if (link.isDone) takeEnd(link, time);
    } else if (link.isDone) {
      leaving = null; // it was announced, or of another network, so it is no failure
      race.left(time);
    } else if (race.isSuspect && race.leaving && link.isProven) {
      leaving = null;
      if (runner.link !== link) stop(runner, "not needed");
      runner.link = link;
      race.cleared(time);
    }
    if (link.isDone) links.delete(link);
  }

  function takeEnd(link, time) {
    if (session.isOver) return;
    const { cause, isOpen, runner } = link;
    const isAnnounced = link.isLeaving && used;
    if (!isAnnounced) note(link);
    const isRefused = cause.mark === "refused";
    if (isRefused && !used) return driver.fail(`refused ${cause.status}`);
    if (used && !areOpen() && (isRefused || session.isGone(cause, time))) {
      rests[origin] = time + Math.min(cause.after ?? 0, LAST_PROMOTION_INTERVAL);
      if (session.phase === LIVE) session.fail();
      else session.settle();
      return;
    }
    const wasServed = isOpen && (time - link.began >= driver.terms.heartbeat ||
      session.got + session.oldest > link.progress);
    const isBlameless = isPaused || isAnnounced ||
      (isOpen && !cause.status && !(link.askedAt >= link.heardAt) &&
        quiet.learn(time - link.heardAt, Math.min(driver.terms.heartbeat, quiet.beat ?? Infinity)));
    session.beat = quiet.beat;
    race.ended(runner, time, wasServed, isBlameless);
  }

  function negotiate(time) {
    if (!driver.hasCome(began)) return;
    const { isExhausted } = race;
    const left = used ? LAST_DELAY : began + options.openTimeout - time; // that a round may wait
    // Only the last acknowledgement is left to say.
    if (isExhausted && session.phase === CLOSED && !leaving) return session.settle();
    if (isExhausted && left > 0) tryAgain(time, left);
    race.decide(time);
    if (used) noteWhatWorks(time);
    else if (left > 0) wakeAt(time + left);
    else {
      for (const link of links) {
        link.end("no answer");
        note(link);
      }
      const why = "nothing got through";
      // Only a request that failed, not one that nobody answers, may have met a foreign origin's fate.
      giveUp(Object.values(trail).some(({ network }) => network) ? blame(why) : why);
    }
  }

  /** Everything was tried in vain: do so once more, or find out whether there is any use in it. */
  function tryAgain(time, left) {
    const found = Object.values(trail);
    let wait = Math.min(...found.map(({ after = Infinity }) => after));
    if (!used && found.some(({ status }) => status === GONE)) {
      // The session that the key has opened, unheard, has ended: another is tried, once.
      if (hasOtherKey) wait = Infinity;
      hasOtherKey = true;
      key = random();
    }
    if (used || wait < left || (found.some(({ network }) => network) && (isThere ?? !(wasAnswered || race.rounds)))) {
      race.nextRound(time, wait < left ? wait : used && wait < Infinity ? left : 0);
    } else if (wait < Infinity) giveUp("come back later");
    else if (isThere === undefined) knock();
    else if (isThere !== null) giveUp(isThere ? blame("nothing got through") : "no server answers");
  }

  /**
   * Nobody answers as byway does: try a plain WebSocket, as a server without byway leaves a browser's
   * unanswered unless all offers are its own, and ask whether anybody is there at all.
   */
  async function knock() {
    isThere = null;
    if (!wasMarked && options.plain && race.order.some((one) => one.way === "websocket")) {
      await new Promise((resolve) => {
        const socket = new NativeWebSocket(url, subprotocols);
        socket.onclose = resolve;
        socket.onopen = () => {
          if (isFinished) return socket.close();
          failure = blame("no byway");
          finish();
          on.plain(socket);
        };
      }).catch(() => {}); // there are none here
    }
    isThere = wasAnswered || await fetch(http, {
      headers: { accept: "application/byway" }, mode: "no-cors", cache: "no-store",
      signal: AbortSignal.timeout(5e3), // also of a body without an end
    }).catch(() => false);
    soon();
  }

  /** Nothing opens: forget what worked. */
  function giveUp(why) {
    remember(place);
    driver.fail(why);
  }

  /** Say why byway is not used; a page whose origin seems not to be allowed is warned, once. */
  function blame(why) {
    const mine = globalThis.origin;
    if (!wasAnswered && mine && mine !== origin) {
      why = `pages of ${mine} may not read ${origin}: see origins=`;
      warned[origin] ||= [console.warn(why)];
    }
    return why;
  }

  function note({ way, began, isOpen, cause }) {
    trail[way] = {
      verdict: cause === "slower" ? "slow" : isOpen ? "cut" : cause.status ? "refused" : "failed",
      why: cause.message ?? cause, seconds: Number((now() - began).toFixed(3)),
      status: cause.status, mark: cause.mark, after: cause.after, network: Boolean(cause.isNetwork),
    };
  }

  /** Keep what works in the memory, where that is news. */
  function noteWhatWorks(time) {
    if (!race.works) return;
    if (driver.terms.promote) {
      // A WebSocket was refused only because it would have opened the session: now it may carry it.
      driver.terms.promote = false;
      for (const one of race.better) if (one.way === "websocket" && one.phase === FAILED) one.phase = WAITING;
      race.hurry(time);
      soon();
    }
    const { way, openedIn: seconds } = used;
    // Over a while it has shown that the heartbeat helps.
    const isHeartbeatSure = !quiet.limit || time - used.began > 2 * quiet.limit;
    const heartbeat = isHeartbeatSure ? quiet.beat : undefined;
    const visits = driver.visitsUntil > time;
    const news = `${[way, race.isSettled, heartbeat, visits]}`;
    if (kept === (kept = news)) return;
    const before = recall(place);
    const since = before.transport === way && !race.isSettled ? before.since : Date.now() / 1000;
    remember(place, { transport: way, seconds, heartbeat, since, visits });
  }

  function lookForEnd(time) {
    // Without a carrier for a window the server lets the session go too.
    alone = !used || isPaused || areOpen() ? Infinity : Math.min(alone, time);
    if (driver.hasCome(alone + driver.terms.window)) session.fail();
    const { phase, selected } = session;
    if (phase === LIVE) return;
    if (phaseSeen !== phase) endAt = time + (phase === CLOSED ? LAST_WORDS : options.closeTimeout);
    phaseSeen = phase;
    if (driver.hasCome(endAt)) session.fail();
    if (session.phase === CLOSING) return;
    on.over(session.phase === CLOSED);
    const isBusy = session.phase === CLOSED && selected &&
      (session.kept[0] || session.isPending(selected) || selected.flights?.size);
    if (!isBusy) finish();
  }

  function finish() {
    isFinished = true;
    life.abort();
    clearTimeout(timer);
    for (const link of links) link.end("over");
  }

  session.beat = quiet.beat;
  hear(driver, life.signal);
  soon();
  return driver;
}

// The socket --------------------------------------------------------------------------------------

const MAX_REASON = 123; // bytes (RFC 6455, section 5.5)
const MAX_OFFERS = 32, MAX_OFFER = 2 * KIB; // subprotocols, and bytes of all (docs/protocol.md)
const DEFAULTS = {
  transports: ORDER, patience: {}, headers: {}, credentials: "include", memory: true,
  openTimeout: 20, closeTimeout: 10, maxMessage: 16 * 1024 * KIB, plain: true,
};
let installed;

/** Run a function in a task of its own, after all that were given before. */
const task = globalThis.setImmediate ?? (() => {
  const { port1, port2 } = new MessageChannel();
  const queue = [];
  port1.onmessage = () => queue.shift()();
  return (run) => port2.postMessage(queue.push(run));
})();

const refuse = (why, name = "SyntaxError") => {
  throw new DOMException(why, name);
};

/** Check options, and add what is left out. */
function checked(options) {
  const all = {};
  for (let [name, value = DEFAULTS[name]] of Object.entries({ ...DEFAULTS, ...installed, ...options })) {
    const names = name === "transports" ? String(value).split(/[\s,]+/) : [];
    const isWrong = ORDER.filter((one) => names.includes(one)).length < names.length; // one twice, or unknown
    // Numbers are not below 0.
    if (isWrong || !(name in DEFAULTS) || (DEFAULTS[name] > 1 && !(value >= 0))) throw new TypeError(`option ${name}`);
    if (names[0]) value = names;
    all[name] = value;
  }
  return all;
}

/** The URL of a WebSocket (WHATWG WebSockets, section 3.1): of which scheme, without a fragment. */
function socketUrl(given) {
  try {
    const url = new URL(given, page?.baseURI ?? globalThis.location);
    url.protocol = url.protocol.replace("http", "ws");
    if (/^wss?:[^#]*$/.test(url)) return url;
  } catch {
    // It is none at all.
  }
  refuse("wrong URL"); // it may hold a password
}

/** Check what an application offers. */
function checkedOffers(given) {
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
  refuse(`subprotocols ${offers}`);
}

/**
 * Return what a BywaySocket is inside: its methods, and what looks at its attributes, which stand
 * in the order of the class's.
 *
 * @param socket dispatches the events
 */
function converse(socket, address, protocols, options) {
  const { href: url, origin } = socketUrl(address);
  const offers = checkedOffers(protocols);
  let readyState = 0, protocol = "", binaryType = "blob";
  let plain; // a WebSocket, where the server has no byway
  let given = 0; // bytes given to send()
  const waiting = []; // messages behind a Blob that is being read, and it
  let isBare; // close() was given neither code nor reason
  const early = []; // what came together with OPEN, before the race has chosen
  let later = (run) => early.push(run);

  const driver = drive(url, offers, checked(options), {
    open, message, over, transport, plain: goOn,
  });
  const { session } = driver;
  const dispatch = (event) => socket.dispatchEvent(event);

  function send(data) {
    const kind = ({}).toString.call(data); // it may be of another window's class
    let bytes = data, words;
    if (/ ArrayBuffer]/.test(kind) || ArrayBuffer.isView(data)) {
      bytes = new Uint8Array(data.buffer ?? data, data.byteOffset, data.byteLength).slice();
    } else if (!/ (Blob|File)]/.test(kind)) {
      bytes = utf8(`${data}`);
      words = fromUtf8(bytes); // without lone surrogates
    }
    if (!readyState) refuse("connecting", "InvalidStateError");
    // Once it is closed, WebKit counts the frames that it does not send as well.
    if (plain && readyState === 1) return plain.send(data);
    given += bytes.size ?? bytes.byteLength;
    if (readyState === 1) enqueue([typeof words === "string" ? TEXT : BINARY, bytes, words]);
  }

  function close(code, reason = "") {
    if (code !== undefined && !/^(1000|[34]...)$/.test(code = Math.round(code))) {
      refuse(`code ${code}`, "InvalidAccessError");
    }
    const bytes = utf8(`${reason}`);
    reason = fromUtf8(bytes); // without lone surrogates
    if (bytes.length > MAX_REASON) refuse("reason is too long");
    plain?.close(...arguments);
    if (readyState > 1) return;
    if (readyState) enqueue([CLOSE, code ?? 1000, reason]);
    else driver.fail("closed");
    readyState = 2;
    isBare = !(code || reason);
  }

  function enqueue(message) {
    if (waiting.push(message) === 1) flush();
  }

  /** Hand on what waits, in order; a Blob has to be read first. */
  async function flush() {
    for (let [kind, bytes, words] of waiting) {
      try {
        if (bytes.arrayBuffer) bytes = new Uint8Array(await bytes.arrayBuffer());
        if (session.phase !== LIVE) break;
        if (kind === CLOSE) session.shut(bytes, words);
        else session.post(kind, bytes, words);
      } catch {
        session.fail(); // a Blob that cannot be read
      }
    }
    waiting.length = 0;
    driver.soon();
  }

  function open(name = "") {
    task(() => {
      if (readyState) return;
      // Who asks for subprotocols has to be given one (WHATWG WebSockets, section 2.2).
      if (plain || !offers[0] || offers.includes(name)) {
        protocol = name;
        readyState = 1;
        dispatch(new Event("open"));
      } else driver.refuse("no subprotocol");
    });
    later = task;
    early.splice(0).forEach(task);
  }

  function transport(detail) {
    task(() => {
      if (readyState === 1) dispatch(new CustomEvent("transport", { detail }));
    });
  }

  function message(data, cost) {
    later(() => {
      session.queued -= cost;
      if (session.space < cost * 2 || session.queued < cost) driver.soon();
      if (typeof data !== "string") data = binaryType === "blob" ? new Blob([data]) : data.buffer ?? data;
      if (readyState === 1) dispatch(new MessageEvent("message", { data, origin }));
    });
  }

  function over(wasClean) {
    const { code, reason } = session.ending;
    // On the wire a close without a code is 1000, and so is its echo.
    const isEcho = isBare && code === 1000 && !reason;
    ended(wasClean ? { wasClean, code: isEcho ? 1005 : code, reason } : {});
  }

  function ended({ wasClean = false, code = 1006, reason = "" }) {
    const details = { wasClean, code, reason };
    task(() => {
      if (readyState === 3) return;
      readyState = 3;
      if (!wasClean) dispatch(new Event("error"));
      dispatch(globalThis.CloseEvent ? new CloseEvent("close", details) : Object.assign(new Event("close"), details));
    });
  }

  /** Go on as a plain WebSocket: the server has no byway. */
  function goOn(socket) {
    plain = socket;
    plain.binaryType = "arraybuffer";
    plain.onopen = () => open(plain.protocol);
    plain.onmessage = ({ data }) => message(data, 0);
    plain.onclose = ended;
    if (plain.readyState) plain.onopen();
  }

  return {
    close, send,
    choose: (type) => (binaryType = type),
    report: (transport) => ({ ...driver.report(), transport, plain: Boolean(plain) }),
    look: () => [
      plain && readyState % 3 ? "websocket" : driver.transport,
      url, readyState, given - session.flushed + (plain?.bufferedAmount ?? 0),
      plain?.extensions ?? "", protocol, binaryType,
    ],
  };
}

/**
 * The class that `install()` puts in the place of `WebSocket`. It makes the same objects, but ignores
 * surplus arguments (Web IDL, section 3.6): code written for `ws` or React Native passes options there.
 */
function standIn(url) {
  return Reflect.construct(BywaySocket, [...arguments].slice(0, 2), new.target);
}

/** The WebSocket interface (WHATWG WebSockets, section 3) over any transport. */
export class BywaySocket extends EventTarget {
  #inner;
  #handlers = {};

  /**
   * @param {string | URL} url of the endpoint; ws(s) and http(s) mean the same
   * @param {string | string[]} protocols
   * @param {object} options see byway.d.ts
   */
  constructor(url, protocols = [], options) {
    if (!arguments.length) throw new TypeError("no argument");
    super();
    this.#inner = converse(this, url, protocols, options);
  }

  /** What became of each transport, as far as a page can see. */
  report() {
    return this.#inner.report(this.transport);
  }

  send(data) {
    if (!arguments.length) throw new TypeError("no argument");
    this.#inner.send(data);
  }

  close() {
    this.#inner.close(...arguments);
  }

  /**
   * Put it in the place of `WebSocket`, so that other people's code uses it unchanged.
   *
   * @param {object} options defaults from now on
   * @returns {() => void} puts everything back
   */
  static install(options) {
    checked(options);
    const { prototype } = BywaySocket;
    const before = [globalThis.WebSocket, installed, prototype.constructor];
    [globalThis.WebSocket, installed, prototype.constructor] = [standIn, options, standIn];
    return () => ([globalThis.WebSocket, installed, prototype.constructor] = before);
  }

  // In the order of what `look` returns

  get transport() {
    return this.#inner.look()[0];
  }

  get url() {
    return this.#inner.look()[1];
  }

  get readyState() {
    return this.#inner.look()[2];
  }

  get bufferedAmount() {
    return this.#inner.look()[3];
  }

  get extensions() {
    return this.#inner.look()[4];
  }

  get protocol() {
    return this.#inner.look()[5];
  }

  get binaryType() {
    return this.#inner.look()[6];
  }

  set binaryType(type) {
    if (type === "blob" || type === "arraybuffer") this.#inner.choose(type);
  }

  static {
    const { prototype } = this;
    // Event handler attributes (WHATWG HTML, section 8.1.8.1)
    for (const type of ["open", "message", "error", "close", "transport"]) {
      const name = `on${type}`;
      Object.defineProperty(prototype, name, Object.getOwnPropertyDescriptor({
        get [name]() {
          return this.#handlers[type]?.value || null;
        },
        set [name](value) {
          const run = this.#handlers[type] ??= (event) =>
            typeof run.value === "function" && run.value.call(this, event);
          run.value = Object(value) === value ? value : null;
          this.addEventListener(type, run); // who listens already keeps its place
          if (!run.value) this.removeEventListener(type, run);
        },
      }, name));
    }
    // Members of a Web IDL interface are enumerable; ours beside them are not.
    Object.getOwnPropertyNames(prototype).forEach((name) =>
      Object.defineProperty(prototype, name, { enumerable: !/constr|report|transp/.test(name) }));
    ["CONNECTING", "OPEN", "CLOSING", "CLOSED"].forEach((name, value) => {
      for (const one of [this, prototype, standIn]) Object.defineProperty(one, name, { value, enumerable: true });
    });
    Object.defineProperty(prototype, Symbol.toStringTag, { value: "WebSocket", configurable: true });
    Object.defineProperties(standIn, { name: { value: "WebSocket" }, prototype: { value: prototype } });
    Object.setPrototypeOf(standIn, EventTarget); // Node asks the constructor of an object whether it is one
  }
}

export default BywaySocket;

// `<script type="module" src="….js?install">` is all that a page needs then.
if (/[?&]install\b/.test(import.meta.url)) BywaySocket.install();

/** For the test vectors; no part of the interface, and not in byway.min.js. */
export const parts = { Race, Session, encodeHello, encodeToken, eventDecoder, frameDecoder, passesAfter, Silence };
