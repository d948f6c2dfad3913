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
 * It is written to be small as byway.min.js (`make browser`): what has state is a closure where
 * nobody reads it from outside, errors are said in few words, and the names of properties that
 * nobody else knows stand in tools/names.json, to be shortened.
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

/** The error of a carrier that brings what it may not. */
const bad = () => lost("bad frames");

const utf8 = (text) => new TextEncoder().encode(text);
const fromUtf8 = (bytes) => {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw bad(); // a text is not UTF-8
  }
};

/** A text as UTF-8 can carry it: lone surrogates are replaced, as send() has to. */
const wellFormed = (text) => fromUtf8(utf8(text));

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

/** Encode a number, big-endian; what does not fit is cut off, which is what an array does. */
const big = (number, width = 4) =>
  Uint8Array.from({ length: width }, (_, index) => number / 256 ** (width - 1 - index));

/** Decode a number, big-endian. Those that occur are far below 2^53. */
const number = (bytes) => bytes.reduce((sum, one) => sum * 256 + one, 0);

/** Decode numbers of so many bytes each, which have to be all that there is. */
function numbers(bytes, ...widths) {
  let at = 0;
  const found = widths.map((width) => number(bytes.subarray(at, at += width)));
  if (at !== bytes.length) throw bad(); // a payload has a wrong length
  return found;
}

/** Encode one frame. */
function encode(kind, ...payload) {
  const bytes = joined(payload);
  return joined([[kind], big(bytes.length), bytes]);
}

/** Encode HELLO, the first frame of every request. */
const encodeHello = (greeting) => encode(HELLO, utf8(JSON.stringify({ v: 1, ...greeting })));

/** Encode the same as the subprotocol that a WebSocket handshake offers. */
const encodeToken = ({ session, received, room, carrier, instance }) =>
  [SUBPROTOCOL, session, received, room, carrier, ...(instance ? [instance] : [])].join(".");

/** Return the frames `[kind, payload]` that bytes begin with, and the rest. */
function split(bytes) {
  const frames = [];
  let start = 0;
  while (start + 5 <= bytes.length) {
    const kind = bytes[start];
    const size = number(bytes.subarray(start + 1, start + 5));
    if (size > MAX_FRAME) throw bad(); // a frame is too long
    if (!kind || (kind > CLOSE && kind <= LAST_NUMBERED)) throw bad(); // a frame's type is unknown
    if (start + 5 + size > bytes.length) break;
    frames.push([kind, bytes.subarray(start + 5, start += 5 + size)]);
  }
  return [frames, bytes.slice(start)];
}

/** Decode a buffer that is a whole number of frames. */
function decodeAll(buffer) {
  const [frames, rest] = split(new Uint8Array(buffer));
  if (rest.length) throw bad(); // the bytes end inside a frame
  return frames;
}

/** Return what turns the bytes of one carrier into frames, however they are cut. */
function frameDecoder() {
  let frames, rest = [];
  return (bytes) => {
    [frames, rest] = split(joined([rest, bytes]));
    return frames;
  };
}

/** Return what turns the bytes of an event stream into frames (WHATWG HTML, section 9.2). */
function eventDecoder() {
  const decoder = new TextDecoder("utf-8", { fatal: true }); // drops a byte order mark at the start
  let rest = "", event, data = [], size = 0;
  return (bytes) => {
    const frames = [];
    // Of a carriage return at the end it is not known whether it is half of a line's end.
    const lines = (rest + decoder.decode(bytes, { stream: true })).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop();
    for (const line of lines) {
      const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line);
      size += line.length;
      if (name === "data") data.push(value);
      if (name === "event") event = value || undefined;
      if (line) continue;
      if (data.length && event === "frames") {
        frames.push(...decodeAll(Uint8Array.from(atob(data.join("")), (one) => one.charCodeAt(0))));
      } else if (data.length && (event ?? "message") === "message") {
        frames.push([TEXT, data.join("\n")]);
      }
      event = undefined;
      data = [];
      size = 0;
    }
    if (size + rest.length > 8 * MAX_FRAME) throw bad(); // an event is too long
    return frames;
  };
}

// The session -------------------------------------------------------------------------------------

const INBOX = 1024 * KIB; // bytes received and not yet dispatched, at which the server waits
const MAX_CONTROL = 16; // PINGs and PONGs that wait on one carrier

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
  carriers = new Map();
  selected = null;
  got = 0; // frames, without a gap
  oldest = 1; // number of the oldest frame kept
  kept = []; // frames sent and not acknowledged
  maxPart = MAX_PART;
  peerClosed = false;
  ending = null; // CLOSE, this side's or else the peer's, or how the session was lost: {code, reason}
  flushed = 0; // bytes of the application's that were written, or acknowledged
  flushedTo = 0; // number up to which that was counted
  cost = 0; // of all messages received
  queued = 0; // of those not dispatched yet
  sentCost = 0;
  limit = 0; // the cost up to which a message may begin
  selects = 0;
  beat = 0; // seconds of silence asked for; 0 for the usual
  pieces = []; // of the message that is coming
  coming = 0; // bytes of it

  /** @param deliver is called with each message, a string or a Uint8Array, and its cost. */
  constructor(deliver, maxMessage) {
    this.deliver = deliver;
    this.maxMessage = maxMessage;
  }

  /** Number a message. `bytes` is its payload; a text that needs no parts is kept as it is too. */
  post(kind, bytes, words) {
    const { maxPart } = this;
    let at = 0;
    for (; bytes.length - at > maxPart; at += maxPart) {
      this.keep(encode(PART, bytes.subarray(at, at + maxPart)));
    }
    this.keep(encode(kind, bytes.subarray(at)), bytes.length, at ? undefined : words);
    this.sentCost += bytes.length + OVERHEAD;
  }

  keep(wire, weight = 0, words) {
    this.kept.push({ wire, weight, words, before: this.sentCost });
  }

  shut(code, reason) {
    if (this.phase !== LIVE) return;
    this.phase = CLOSING;
    this.ending = { code, reason };
    this.keep(encode(CLOSE, big(code, 2), utf8(reason)));
  }

  fail(code, reason) {
    if (this.isOver) return;
    this.ending = { code, reason };
    this.phase = LOST;
  }

  /** Take it that a peer which let go while this side was closing has received everything. */
  settle() {
    this.phase = CLOSED;
    this.acknowledge(this.last, 0);
  }

  /** Number of the newest frame kept. */
  get last() {
    return this.oldest + this.kept.length - 1;
  }

  /** Whether nothing is left to do. */
  get isOver() {
    return this.phase === LOST || (this.phase === CLOSED && !this.kept.length);
  }

  attach(carrier, batched) {
    Object.assign(carrier, {
      batched, expected: 0, control: [], nonce: 0, echoed: 0, isProven: false, isLeaving: false,
      toldReceived: 0, toldCost: 0, toldLimit: 0,
    });
    this.rewind(carrier);
    this.carriers.set(carrier.id, carrier);
  }

  detach(carrier) {
    this.carriers.delete(carrier.id);
    if (this.selected === carrier) this.selected = null;
  }

  /** Write again on this carrier all that is not acknowledged. */
  rewind(carrier) {
    Object.assign(carrier, { cursor: this.oldest, toldNext: 0, toldSelect: 0, toldBeat: 0 });
  }

  choose(carrier) {
    if (!this.carriers.has(carrier.id)) return;
    this.selects++;
    this.selected = carrier;
  }

  /** Ask for a PONG on this carrier: `echoed` is the nonce once it came. */
  ping(carrier, nonce, isProof = true) {
    if (isProof) Object.assign(carrier, { isProven: false, nonce });
    this.say(carrier, encode(PING, big(carrier.id), utf8(nonce)));
  }

  say(carrier, wire) {
    carrier.control = [...carrier.control, wire].slice(-MAX_CONTROL);
  }

  acknowledge(received, room) {
    if (received > this.last) throw bad(); // more was acknowledged than was sent
    const count = received + 1 - this.oldest;
    if (count < 0) return;
    this.limit = Math.max(this.limit, (this.kept[count]?.before ?? this.sentCost) + room);
    this.flush(received);
    this.kept.splice(0, count);
    this.oldest += count;
  }

  /** Say that frames up to a number left the page. */
  flush(number) {
    while (this.flushedTo < number) this.flushed += this.kept[++this.flushedTo - this.oldest].weight;
  }

  take(carrier, frames) {
    if (this.phase === LOST) return;
    for (const [kind, payload] of frames) {
      if (kind <= LAST_NUMBERED) {
        if (!carrier.expected) throw bad(); // a numbered frame came before NEXT
        const ahead = carrier.expected++ - this.got;
        if (ahead > 1) throw bad(); // frames are missing
        if (ahead === 1) this.accept(kind, payload);
      } else if (kind === ACK) this.acknowledge(...numbers(payload, 8, 4));
      else if (kind === NEXT) [carrier.expected] = numbers(payload, 8);
      else if (kind === PING || kind === PONG) {
        const named = this.carriers.get(numbers(payload.subarray(0, 4), 4)[0]);
        if (!named) continue;
        if (kind === PING) this.say(named, encode(PONG, payload));
        else {
          named.echoed = fromUtf8(payload.subarray(4));
          named.isProven ||= named.echoed === named.nonce;
        }
      } else if (kind === LEAVE) carrier.isLeaving = true;
    }
  }

  accept(kind, payload) {
    if (this.peerClosed) throw bad(); // a frame came after CLOSE
    if (kind === CLOSE) {
      const end = { code: number(payload.subarray(0, 2)), reason: fromUtf8(payload.subarray(2)) };
      const { ending } = this;
      this.got++;
      this.shut(end.code, "");
      this.ending = ending ?? end;
      this.phase = CLOSED;
      this.peerClosed = true;
      return;
    }
    if (!this.coming && this.queued >= INBOX) throw bad(); // a message began without room
    const isText = typeof payload === "string"; // as a WebSocket and events bring it
    const pieces = [...this.pieces, isText ? utf8(payload) : joined([payload])];
    // Before it counts as received: if the carrier garbled it, another brings it again.
    const data = kind === PART || this.phase !== LIVE ? null : kind === BINARY ? joined(pieces) :
      isText && !pieces[1] ? payload : fromUtf8(joined(pieces));
    this.got++;
    this.coming += pieces.at(-1).length;
    if (this.coming > this.maxMessage) this.shut(1009, "message is too long");
    this.pieces = kind === PART && this.phase === LIVE ? pieces : [];
    if (kind === PART) return;
    const cost = this.coming + OVERHEAD;
    this.cost += cost;
    this.coming = 0;
    if (this.phase !== LIVE) return;
    this.queued += cost;
    this.deliver(data, cost);
  }

  get space() {
    return Math.max(INBOX - this.queued, 0);
  }

  /** Return what goes out now on a carrier of what has come, and can. */
  announce(carrier) {
    const { got: received, cost, space: room } = this;
    Object.assign(carrier, { toldReceived: received, toldCost: cost, toldLimit: cost + room });
    return { received, room };
  }

  /** The next frame to write on a carrier, where there is one, and room for it. */
  writable(carrier) {
    if (this.selected && this.selected !== carrier) return;
    carrier.cursor = Math.max(carrier.cursor, this.oldest);
    const frame = this.kept[carrier.cursor - this.oldest];
    if (frame && (frame.before < this.limit || frame.wire[0] === CLOSE)) return frame;
  }

  isSelectDue(carrier) {
    return this.selected && carrier.toldSelect < this.selects;
  }

  isUnannounced(carrier) {
    return this.got > carrier.toldReceived;
  }

  isAckDue(carrier) {
    const { cost, space: room } = this;
    const more = cost + room - carrier.toldLimit;
    return (
      cost - carrier.toldCost >= INBOX / 4 || more >= INBOX / 4 ||
      // The server has used up what it was told, and could go on.
      (cost && carrier.toldLimit <= cost && room) ||
      (this.peerClosed && this.isUnannounced(carrier))
    );
  }

  /** Whether this carrier has something that must be written now. */
  isPending(carrier) {
    return Boolean(
      carrier.control.length || this.isSelectDue(carrier) || carrier.toldBeat !== this.beat ||
      this.writable(carrier) ||
      ((!this.selected || this.selected === carrier) && this.isAckDue(carrier)),
    );
  }

  /** Return the frames `{wire, words}` to write on this carrier now, and an ACK in any case? */
  write(carrier, size, anyhow) {
    if (!anyhow && !this.isPending(carrier)) return [];
    const frames = carrier.control.map((wire) => ({ wire }));
    const add = (...frame) => frames.push({ wire: encode(...frame) });
    carrier.control = [];
    if (carrier.toldBeat !== this.beat) {
      carrier.toldBeat = this.beat;
      add(BEAT, big(this.beat * 1000));
    }
    if (anyhow || this.isUnannounced(carrier) || this.cost + this.space > carrier.toldLimit) {
      this.announce(carrier);
      add(ACK, big(this.got, 8), big(this.space));
    }
    if (this.isSelectDue(carrier)) {
      carrier.toldSelect = this.selects;
      add(SELECT, big(this.selects), big(this.selected.id));
    }
    if (carrier.batched) carrier.toldNext = 0; // each write travels on its own
    for (let frame; size > 0 && (frame = this.writable(carrier)); size -= frame.wire.length) {
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
const between = (low, high) => low + Math.random() * (high - low);

// What becomes of an attempt; those above WAITING are running.
const FAILED = 0, WAITING = 1, TRYING = 2, OPENED = 3, PROVEN = 4;

/**
 * The race: which transports to try and when, and which of those that opened to use.
 *
 * The same rules as negotiation/race.py, where they are explained. Times are in seconds. A runner
 * is a transport in it. `decide` returns `[actions, when to ask again]`, an action is
 * `[runner, what]`: START, USE, or why to stop it, and then whether it was late.
 */
class Race {
  used = null;
  leaving = null; // the runner whose carrier is selected, and ends soon
  nextStart = 0;
  promoteAt = 0; // when better ones are tried again; 0 where none is
  interval = PROMOTION_INTERVAL;
  rounds = 0;
  followAt = 0; // what is leaving is not followed before

  /** @param known is what the memory says: `{transport, seconds, isDue}`, or nothing */
  constructor(names, timeout, patience, known, jitter = between) {
    Object.assign(this, { longestTry: timeout, patiences: patience, known, jitter });
    this.order = names.map((name) => ({ way: name, phase: WAITING, moment: 0, strikes: 0 }));
    this.first = this.order.find((one) => one.way === known.transport);
    this.queueFrom(this.first);
  }

  /** Let one go before all others, which keep their order. */
  queueFrom(first = this.order[0]) {
    this.queue = [...new Set([first, ...this.order])];
  }

  opened(runner, now) {
    if (runner.phase === TRYING) move(runner, OPENED, now, runner.isDoubted);
  }

  proven(runner, now) {
    if (runner.phase === OPENED) move(runner, PROVEN, now);
  }

  ended(runner, now, served, blameless) {
    const { phase, moment } = runner;
    move(runner, runner.isDoubted ? WAITING : FAILED, now);
    if (runner !== this.used) {
      if (phase === TRYING) this.hurry(now);
      return;
    }
    this.used = this.first = null;
    this.promoteAt = 0;
    const lasted = blameless || (phase === PROVEN && now - moment >= LASTING);
    if (lasted) this.interval = PROMOTION_INTERVAL;
    runner.strikes = lasted ? 0 : runner.strikes + 1;
    this.queueFrom(runner);
    if (!lasted && (!served || runner.strikes >= MAX_STRIKES)) this.queue.push(this.queue.shift());
    this.waitAgain((one) => one.strikes < MAX_STRIKES);
    if (this.isExhausted) {
      this.queue.sort((one, two) => one.strikes - two.strikes);
      this.waitAgain();
    }
    if (lasted || served) {
      this.rounds = 0;
      this.nextStart = now;
    } else this.pause(now);
  }

  hurry(now) {
    this.nextStart = Math.min(this.nextStart, now);
  }

  /** Let those that failed wait for another try. */
  waitAgain(which = () => true) {
    for (const one of this.order) if (one.phase === FAILED && which(one)) one.phase = WAITING;
  }

  /** Say that the carrier in use ends soon: the next is tried while it still carries. */
  leave(now) {
    const { used } = this;
    if (used.phase === PROVEN && now - used.moment >= LASTING) used.strikes = 0;
    this.leaving = used;
    this.used = this.first = null;
    this.rounds = 0;
    this.nextStart = Math.max(now, this.followAt);
    this.followAt = this.nextStart + LEAVING_INTERVAL;
    move(used, WAITING, now);
    this.queueFrom(used);
  }

  /** Say that the carrier which was leaving has ended. */
  left(now) {
    if (!this.leaving) return;
    this.leaving = null;
    this.hurry(Math.max(now, this.followAt - LEAVING_INTERVAL));
    this.waitAgain((one) => one.strikes < MAX_STRIKES);
  }

  /** Say that the network has changed. */
  doubt(now) {
    this.first = null;
    this.promoteAt = this.rounds = 0;
    this.interval = PROMOTION_INTERVAL;
    for (const one of this.order) {
      one.strikes = 0;
      one.wasTried = one.phase !== FAILED;
      one.isDoubted = one.phase > WAITING; // its connection may be one of the network before
      if (one.phase === PROVEN) move(one, OPENED, now, true);
    }
    this.waitAgain();
    this.queueFrom();
    this.nextStart = now + this.patienceWith(this.used ?? this.order[0]);
  }

  /** Say what the server offers. An offer without the carrier in use is not believed. */
  offered(names) {
    const left = this.order.filter((one) => names.includes(one.way));
    if (left.length && (!this.used || left.includes(this.used))) this.offer = left;
  }

  decide(now) {
    const actions = [];
    const { offer = this.order } = this;
    const stop = (one, why, isLate) => one.phase > WAITING && actions.push([one, why, isLate]);
    for (const one of this.order) if (!offer.includes(one)) stop(one, "not offered");
    this.order = offer;
    this.queue = this.queue.filter((one) => offer.includes(one));
    for (const one of offer) {
      const { phase, moment } = one;
      if (now - moment < this.longest || (phase !== TRYING && phase !== OPENED)) continue;
      stop(one, phase === TRYING ? "no OPEN" : "no PONG", true);
      this.ended(one, now);
    }
    this.choose(actions);
    const { used } = this;
    if (this.works) {
      const better = this.better;
      if (this.first === used && !this.known.isDue) {
        for (const one of better) if (one.phase === WAITING) move(one, FAILED, now);
      }
      this.first = null;
      for (const one of this.order) {
        if (one === used || better.includes(one)) continue;
        stop(one, "not needed");
        one.phase = FAILED;
      }
      this.retry(now, better);
    } else if (!this.leaving) this.promoteAt = 0;
    const next = this.next;
    if (next && now >= this.nextStart) {
      move(next, TRYING, now);
      next.wasTried = true;
      this.nextStart = now + this.patienceWith(next);
      actions.push([next, START]);
    }
    return [actions, this.askAgain(now)];
  }

  get isExhausted() {
    return this.order.every((one) => one.phase === FAILED);
  }

  nextRound(now) {
    this.waitAgain();
    this.queueFrom();
    this.pause(now);
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

  patienceWith({ way }) {
    const usual = this.patiences[way] ?? (way === "sse" ? SSE_PATIENCE : PATIENCE);
    if (this.leaving) return Math.max(usual, LEAVING_PATIENCE);
    if (way !== this.first?.way) return usual;
    return Math.max(usual, Math.min(SLOWER * this.known.seconds, MAX_KNOWN_PATIENCE));
  }

  get longest() {
    return this.works ? Math.min(this.longestTry, PROMOTION_TIMEOUT) : this.longestTry;
  }

  choose(actions) {
    const are = (phase) => this.order.filter((one) => one.phase === phase);
    const best = are(PROVEN)[0] ?? (this.used || this.leaving ? null :
      are(OPENED).sort((one, two) => one.moment - two.moment)[0]);
    if (!best || best === this.used) return;
    this.used = best;
    this.leaving = null;
    actions.push([best, USE]);
  }

  retry(now, better) {
    if (!better.length || better.some((one) => one.phase !== FAILED)) this.promoteAt = 0;
    else if (!this.promoteAt) this.promoteAt = now + this.interval * this.jitter(0.8, 1.2);
    else if (now >= this.promoteAt) {
      this.promoteAt = 0;
      this.interval = Math.min(this.interval * 2, LAST_PROMOTION_INTERVAL);
      for (const one of better) one.phase = WAITING;
      this.queue = better;
      this.nextStart = now;
    }
  }

  get next() {
    const { better } = this;
    return this.queue.find((one) => one.phase === WAITING && (!this.works || better.includes(one)));
  }

  askAgain(now) {
    const times = this.order
      .filter((one) => one.phase === TRYING || one.phase === OPENED)
      .map((one) => one.moment + this.longest);
    if (this.next) times.push(this.nextStart);
    if (this.promoteAt && this.works) times.push(this.promoteAt);
    return Math.max(Math.min(...times), now);
  }
}

const START = 1, USE = 2;
const move = (runner, phase, moment, isDoubted) => Object.assign(runner, { phase, moment, isDoubted });

/**
 * Silence: whether a path cuts connections on which nothing is said. See negotiation/silence.py.
 *
 * Takes note, in `{beat, limit, before}`, of a carrier lost after so many seconds of silence; says
 * whether that taught a heartbeat.
 */
function learn(quiet, silence, heartbeat) {
  if (silence >= 1.2 * heartbeat) silence = heartbeat; // the path had let go before
  const { before } = quiet;
  quiet.before = silence;
  const limit = Math.min(silence, before);
  const beat = Math.max(1, 0.5 * limit);
  // Of what is unknown every comparison is false.
  if (!(silence >= 1 && Math.abs(silence - before) <= 0.2 * Math.max(silence, before))) return false;
  if (beat >= quiet.beat) return false;
  Object.assign(quiet, { beat, limit, before: undefined });
  return true;
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

/** Return what worked at an origin: `{transport, seconds, heartbeat, since}` and whether it isDue. */
function recall(origin) {
  const found = places()[origin];
  const age = Date.now() / 1000 - found?.since;
  if (!(age >= 0 && age <= MAX_AGE && found.seconds >= 0)) return {};
  return { ...found, isDue: age >= RETRY_AGE * between(0.8, 1.2) };
}

/** Remember what works at an origin, or, without that, forget it. */
function remember(origin, found) {
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
const LOOK_AGAIN = 0.02; // seconds between two looks at what a WebSocket still has to send
const FIRST_RETRY = 0.1; // seconds that the first retry of a batch waits at most
const MAX_IN_FLIGHT = 8; // batches on their way at a time
const FEW_IN_FLIGHT = 2; // where they share six connections with other tabs
const LONG = 0.02; // seconds of a round trip from which on several batches go at a time
const FIRST_PAUSE = 0.002;
const BUSY = 4; // batches after which an upload is worth a try
const PROOF_TIMEOUT = 1; // seconds, at least, in which its first PING has to come back
const HEARD_TIMEOUT = 3; // seconds in which a later one has to
const PING_INTERVAL = 1;
const TOO_LARGE = 413, GONE = 410;
const VISIT_INTERVAL = 2; // seconds between two visits of a tab that has no connection to keep
const SOON = 0.25; // seconds between two visits where something was said

const NativeWebSocket = globalThis.WebSocket;
const now = () => performance.now() / 1000;
const wires = (frames) => frames.map((one) => one.wire);

/** Return a text that nobody guesses: 192 random bits. */
const random = () =>
  crypto.getRandomValues(new Uint32Array(6)).reduce((text, one) => text + one.toString(36), "");

function carryWebSocket(driver, link) {
  const { state: session } = driver;
  const greeting = driver.greet(link);
  const socket = new NativeWebSocket(
    driver.target, [SUBPROTOCOL, encodeToken(greeting), ...(greeting.subprotocols ?? [])]);
  socket.binaryType = "arraybuffer";
  const write = (frames) => {
    socket.send((frames[1] ? undefined : frames[0].words) ?? joined(wires(frames)));
    session.flush(link.cursor - 1);
  };
  link.stop = () => {
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  };
  return new Promise((_, reject) => {
    socket.onclose = ({ code, reason }) => reject(lost(`closed ${code} ${reason}`));
    socket.onmessage = ({ data }) => {
      try {
        driver.feed(link, typeof data === "string" ? [[TEXT, data]] : decodeAll(data));
      } catch (error) {
        reject(error);
      }
    };
    socket.onopen = () => {
      if (socket.protocol !== SUBPROTOCOL) {
        if (driver.terms.instance) return reject(lost("no byway"));
        link.stop = null;
        return driver.goOnPlain(socket);
      }
      // Some proxies hold the server's first words until the client's, or its next, which a PING asks for.
      session.ping(link, "", false);
      write(session.write(link, 0, true));
      link.pump = () => {
        for (let frames; (frames = driver.due(link, WRITE))[0]; ) write(frames);
        // Nothing tells when the browser has sent it.
        if (socket.bufferedAmount) driver.wakeAt(now() + LOOK_AGAIN);
      };
      link.pump();
    };
  });
}

/** Open an answer without an end, which brings frames as they come. */
const carryEndless = (decoder) => async (driver, link) => {
  if (!(await link.slot.take())) throw lost("no free connection", { isNetwork: true }); // other tabs have them, for now
  const { body } = await driver.ask(link, link.way, {
    isEndless: true, frames: driver.state.write(link, MAX_PART),
  });
  const reader = body.getReader();
  const feed = decoder();
  batches(driver, link);
  for (let next; !(next = await reader.read()).done; ) driver.feed(link, feed(next.value));
  // A clean end proves nothing: proxies turn a dead origin into one, or end an answer by mistake.
  throw lost("cut", { isNetwork: true });
};

async function carryPoll(driver, link) {
  const { state: session } = driver;
  const { slot } = link;
  let hasFailed = false;
  let poll = 0;
  await slot.take();
  while (session.phase !== CLOSED) {
    link.isVisiting = !slot.isHeld;
    if (link.isVisiting && poll) {
      // A visit: the first poll of a carrier is answered at once, so it keeps no connection.
      const began = now();
      const { oldest } = session;
      await new Promise((resolve) => {
        link.visit = () => {
          // What has just been said may well be answered.
          const at = began + (session.oldest > oldest ? SOON : VISIT_INTERVAL);
          if (now() >= at || slot.isHeld || link.isDone) resolve();
          else driver.wakeAt(at);
        };
        link.visit();
      });
      if (link.isDone) return;
      poll = 0;
      session.detach(link);
      link.id = driver.nextId();
      session.attach(link, true);
      session.choose(link);
    }
    const frames = poll++ ? [] : session.write(link, MAX_PART); // little, so that no path minds it
    try {
      driver.feed(link, decodeAll(await driver.ask(link, "poll", { poll, frames })));
      hasFailed = false;
    } catch (error) {
      // One answer may be lost alone; the next poll says what has come. Not after the carrier's
      // end, which aborts the poll: it would attach itself again.
      if (!link.isOpen || link.isDone || hasFailed || !error.isNetwork) throw error;
      hasFailed = true;
    }
    if (!link.isUp) batches(driver, link);
  }
}

const CARRY = {
  websocket: carryWebSocket,
  stream: carryEndless(frameDecoder),
  sse: carryEndless(eventDecoder),
  poll: carryPoll,
};

/** Bring a link's frames up in requests of their own. The rules are those of transports/batches.py. */
function batches(driver, link) {
  const { state: session } = driver;
  const flights = link.flights = new Set();
  let size = driver.maxBatch;
  let roundTrip = now() - link.began;
  let notBefore = now() + FIRST_PAUSE;
  let lastStart = 0;
  let count = 0;
  let failures = 0, failingSince = 0, delay = FIRST_RETRY;
  let failure; // of a batch; nothing starts until all others are back
  let isMissing = false; // something was answered and not acknowledged
  let upload;

  link.isUp = true;
  link.pump = () => {
    if (upload?.(flights.size)) return;
    for (;;) {
      const most = driver.isMultiplexed() ? MAX_IN_FLIGHT : FEW_IN_FLIGHT;
      if (failure || isMissing || flights.size >= (roundTrip < LONG ? 1 : most)) return;
      // Evenly over the round trip: what is said in between shares a batch.
      const from = Math.max(notBefore, flights.size > 1 ? lastStart + roundTrip / most : 0);
      if (now() < from) return driver.wakeAt(from);
      const frames = driver.due(link, size);
      if (!frames[0]) return;
      fly(frames);
    }
  };
  driver.soon();

  async function fly(frames) {
    const end = link.cursor;
    const flight = {};
    const started = lastStart = now();
    if (++count === BUSY && link.way !== "poll" && driver.mayUpload && driver.isMultiplexed()) {
      upload = uploadOf(driver, link, roundTrip, () => (upload = null));
    }
    flights.add(flight);
    try {
      const answer = await driver.ask(link, "ack", { frames, within: LATE * driver.terms.heartbeat });
      session.take({}, decodeAll(answer));
      roundTrip += (roundTrip ? 0.25 : 1) * (now() - started - roundTrip);
      failures = failingSince = 0;
      delay = FIRST_RETRY;
      const [first] = flights;
      isMissing ||= first === flight && session.oldest < end;
    } catch (error) {
      if (error.status === GONE) link.end(error);
      failure ??= error;
    }
    flights.delete(flight);
    if (link.isDone) return;
    if (!flights.size) {
      if (failure) goBack(failure);
      else if (isMissing || session.oldest < link.cursor) session.rewind(link);
      failure = isMissing = undefined;
    }
    driver.soon();
  }

  /** Go back to what was not acknowledged, after a pause. */
  function goBack(error) {
    const isTooLarge = error.status === TOO_LARGE;
    if (isTooLarge && size === 1) return session.fail(1006, "no way up");
    if (isTooLarge || ++failures % 2 === 0) {
      size = size > 2 * MAX_PART ? size / 2 : 1;
      if (isTooLarge) driver.maxBatch = size; // the path will not change its mind
    }
    failingSince ||= now();
    if (now() - failingSince >= LATE * driver.terms.heartbeat) return link.end(error);
    session.rewind(link);
    roundTrip = 0; // one at a time until one is answered
    if (isTooLarge) return;
    notBefore = now() + between(0, delay);
    delay = Math.min(delay * 2, driver.terms.heartbeat);
  }
}

/**
 * One request whose body has no end, in the place of batches: a browser has it over HTTP/2.
 *
 * Many proxies hold a body back until it is complete, so it is used once a PING that went up in it
 * has come back, and given up when a later one does not. The rules are those of
 * transports/upload.py. Returns what writes what is due; that says whether batches have to rest.
 */
function uploadOf(driver, link, roundTrip, onEnd) {
  const { state: session } = driver;
  const controller = new AbortController();
  let within = Math.max(PROOF_TIMEOUT, 4 * roundTrip);
  let usedSince = 0;
  let written = 0;
  let nonce, asked, writer;

  /** Expect the echo of a PING that is written now. */
  const expect = () => {
    nonce = random();
    asked = now();
    driver.wakeAt(asked + within);
  };

  /** Back to batches, which bring up again what was not acknowledged. */
  const end = () => {
    if (!onEnd) return;
    onEnd();
    onEnd = null;
    controller.abort();
    if (!usedSince || now() - usedSince < LASTING) driver.mayUpload = false;
    if (!usedSince || link.isDone) return;
    link.batched = true;
    session.rewind(link);
    driver.soon();
  };

  const body = new ReadableStream({ start: (one) => (writer = one) });
  expect();
  writer.enqueue(joined([
    encodeHello(driver.greet(link, "up")), encode(PING, big(link.id), utf8(nonce)),
  ]));
  driver.ask(link, "up", { body, controller }).then(end, end);

  return (isBusy) => {
    const isHeard = link.echoed === nonce;
    if (!isHeard && now() > asked + within) return end();
    if (!usedSince) {
      if (!isHeard || isBusy) return isHeard; // what is on its way comes back first
      usedSince = now();
      within = Math.max(HEARD_TIMEOUT, within);
      session.rewind(link);
      link.batched = false;
    }
    for (let frames; (frames = driver.due(link, driver.maxBatch))[0]; ) {
      writer.enqueue(joined(wires(frames)));
    }
    if (isHeard && link.cursor !== written) {
      if (now() < asked + PING_INTERVAL) driver.wakeAt(asked + PING_INTERVAL);
      else {
        written = link.cursor;
        expect();
        session.ping(link, nonce, false);
        driver.soon();
      }
    }
    return true;
  };
}

/** Whether this fetch can send a body while it is written. One sends "[object ReadableStream]". */
function canUpload() {
  let isRead = false;
  try {
    const { headers } = new Request("http://localhost", {
      method: "POST",
      body: new ReadableStream(),
      get duplex() {
        isRead = true;
        return "half";
      },
    });
    return isRead && !headers.has("content-type");
  } catch {
    return false;
  }
}

// What the page has to do with it -----------------------------------------------------------------

const SLOTS = 4; // of the six connections to a host that a browser shares among all its tabs
const VISIT_PATIENCE = 15; // seconds that a visit may take, behind those of other tabs
const drivers = new Set();
const page = globalThis.document;

/** Tabs tell each other who wants a slot; the same word wakes pages whose timers are slow. */
const tabs = globalThis.location && globalThis.BroadcastChannel && new BroadcastChannel(STORED);

/**
 * Leave to keep a connection busy, on HTTP/1.1: a Web Lock, one of four a host for all tabs.
 *
 * Who has none visits the server now and then. A visible page asks the hidden ones for theirs.
 */
function slotOf(driver) {
  const name = `${STORED} ${driver.place} `;
  const { locks } = globalThis.navigator ?? {};
  let asked, waiting, free;

  const request = (index, options) =>
    new Promise((resolve) => {
      locks.request(name + index, options, (lock) => {
        if (lock && asked) {
          slot.isHeld = true;
          driver.soon();
        }
        resolve(slot.isHeld);
        return lock && asked && new Promise((done) => (free = done));
      }).catch((error) => {
        slot.isHeld ||= error.name === "SecurityError"; // an opaque origin has no locks
        resolve(slot.isHeld);
      });
    });

  const ask = async () => {
    for (let index = 0; index < SLOTS; index++) {
      if (await request(index, { ifAvailable: true })) return true;
    }
    waiting = new AbortController();
    request(Math.floor(Math.random() * SLOTS), { signal: waiting.signal });
    slot.want();
    return false;
  };

  const slot = {
    isHeld: false,

    /** Ask for one; return whether there is one now. If not, it is held as soon as one is free. */
    take() {
      slot.isHeld ||= !locks || driver.isMultiplexed();
      return slot.isHeld || (asked ??= ask());
    },

    /** Ask hidden pages for theirs, where this one is seen. */
    want() {
      if (waiting && !slot.isHeld && !page?.hidden) tabs?.postMessage(name);
    },

    /** Somebody wants one: a hidden page gives its own back, and stands in line again. */
    wanted(which, link) {
      if (which !== name || !free || !page?.hidden) return;
      if (link.way !== "poll") {
        // An answer without an end keeps its connection for as long as it lasts. That is no fault
        // of the network's.
        link.isLeaving = true;
        return link.end("given away");
      }
      slot.release();
      slot.take();
    },

    release() {
      waiting?.abort();
      free?.();
      slot.isHeld = false;
      asked = waiting = free = null;
    },
  };
  return slot;
}

/** Let every driver do something about an event. */
const listen = (target, type, act) =>
  target?.addEventListener?.(type, (event) => [...drivers].forEach((driver) => act(driver, event)));

listen(tabs, "message", (driver, { data }) => {
  for (const link of driver.links) link.slot.wanted(data, link);
  driver.soon();
});
listen(globalThis, "online", (driver) => driver.moved());
listen(page, "resume", (driver) => driver.wake()); // of a frozen page
listen(page, "visibilitychange", (driver) => {
  if (page.hidden) return;
  for (const { slot } of driver.links) slot.want();
  driver.wake();
});
listen(globalThis, "pagehide", (driver, event) => event.persisted ? driver.hide() : driver.leave());
listen(globalThis, "pageshow", (driver, event) => event.persisted && driver.show());

// The driver --------------------------------------------------------------------------------------

const MAX_OPENINGS = 12; // attempts of a session's first rounds, where connections fail
const LAST_WORDS = 2; // seconds that the last acknowledgement may take
const SLEPT = 5; // seconds by which a timer was late when the machine or the page has slept
const GRACE = 3; // seconds in which a carrier has to answer after that

/**
 * Keep a session carried, as the race decides, and tell the socket what comes of it.
 *
 * @param on `{open(subprotocol), message(data, cost), transport(name), plain(socket), over(isClean)}`
 */
function drive(url, subprotocols, options, on) {
  const http = url.replace(/^ws/, "http");
  const { origin } = new URL(http);
  const known = options.memory ? recall(origin) : {};
  const session = new Session(on.message, options.maxMessage);
  const race = new Race(options.transports, options.openTimeout, options.patience, known);
  const quiet = { beat: known.heartbeat };
  const key = random();
  const links = new Set(); // all carriers and attempts
  const trail = {}; // the newest attempt in vain of each transport
  const began = now();
  let instance;
  let carriers = 0;
  let attempts = 0; // until the session has opened
  let leaving = null; // a link that ends soon, and carries until another is used
  let lastUsed;
  let timer, timerAt = Infinity, isStepDue = false;
  let lastStep = Date.now();
  let isReady = false, isFinished = false, isPaused = false;
  let wasMarked = false; // an answer has shown byway
  let isMultiplexed = !globalThis.location; // no browser, no six connections
  let failure = null;
  let alone = 0, closingSince, phaseSeen; // since when
  let kept; // what the memory was told last


  const driver = {
    // What OPEN said last: the server's times, in seconds, and what it offers.
    terms: { heartbeat: 10, silence: 25, window: 30, transports: options.transports },
    state: session, links, place: origin, target: url,
    maxBatch: 64 * KIB,
    mayUpload: canUpload(), // none has failed yet

    // What carriers ask for

    nextId: () => ++carriers,

    /** Whether requests share one connection. Else a browser has six for all tabs of a host. */
    isMultiplexed: () => isMultiplexed ||= ["navigation", "resource"].some((type) =>
      performance.getEntriesByType(type).some((entry) =>
        entry.name.startsWith(`${origin}/`) && /^h[23]/.test(entry.nextHopProtocol))),

    /** What HELLO says, of any request or handshake. */
    greet: (link, answer, poll) => ({
      session: key, carrier: link.id, ...session.announce(link), answer, instance, poll,
      subprotocols: instance || !subprotocols[0] ? undefined : subprotocols,
    }),

    /**
     * Send HELLO and frames; return the answer, if it is the one asked for: the response as soon
     * as its head has come where it isEndless, else a buffer.
     */
    async ask(link, answer, {
      poll, frames = [], within, keepalive, isEndless, controller = new AbortController(),
      body = joined([encodeHello(driver.greet(link, answer, poll)), ...wires(frames)]),
    }) {
      if (link.isDone && !keepalive) throw lost("over");
      const timer = within && setTimeout(() => controller.abort(), within * 1000);
      link.requests.add(controller);
      try {
        const response = await fetch(http, {
          method: "POST", body, keepalive, duplex: "half",
          headers: {
            ...options.headers, "content-type": "application/byway", byway: answer === "up" ? answer : 1,
            accept: answer === "sse" ? "text/event-stream" : "application/octet-stream",
          },
          cache: "no-store", redirect: "error", referrerPolicy: "no-referrer",
          credentials: options.credentials, signal: controller.signal,
        });
        const { status } = response;
        const mark = response.headers.get("byway") ?? undefined;
        wasMarked ||= mark;
        if (status !== 200 || mark !== answer) {
          const why = mark === "error" ? await response.text() : "";
          throw lost(`answered ${status} ${why.slice(0, 200).trim()}`, { status, mark });
        }
        return isEndless ? response : await response.arrayBuffer();
      } catch (error) {
        if (!error.status) error = lost(controller.signal.aborted ? "no answer" : error.message, { isNetwork: true });
        throw error;
      } finally {
        clearTimeout(timer);
        if (!isEndless) link.requests.delete(controller);
      }
    },

    feed(link, frames) {
      if (link.isDone || !frames[0]) return;
      if (!link.isOpen || frames[0][0] === OPEN) takeOpen(link, ...frames[0]);
      link.heardAt = now();
      session.take(link, frames);
      soon();
    },

    /** Return the frames to write on a carrier now, an acknowledgement if nothing else is due. */
    due(link, size) {
      let frames = session.write(link, size);
      if (!frames[0] && !session.isOver) {
        const at = link.saidAt + (session.isUnannounced(link) ? driver.terms.heartbeat : driver.terms.silence);
        if (now() >= at) frames = session.write(link, size, true);
        else wakeAt(at);
      }
      if (frames[0]) link.saidAt = now();
      return frames;
    },

    /** Look at everything before this task is over. */
    soon() {
      if (isStepDue || isFinished) return;
      isStepDue = true;
      queueMicrotask(step);
    },

    /** Look at everything at a time, if nothing happens before. */
    wakeAt(at) {
      if (at >= timerAt || isFinished) return;
      clearTimeout(timer);
      timerAt = at;
      timer = setTimeout(step, Math.max(0, Math.min(at - now(), 1e6)) * 1000 + 1);
    },

    /** The server has no byway. */
    goOnPlain(socket) {
      finish();
      on.plain(socket);
    },

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

    /** The page has come into another network. */
    moved() {
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
      const link = usedLink() ?? lastUsed;
      if (!link || session.isOver) return;
      if (!link.isDone) link.pump(); // a WebSocket that has ended complains in the console
      session.rewind(link);
      const frames = session.write(link, 60 * KIB); // of which a browser sends 64 KiB at most
      const controller = new AbortController();
      driver.ask(link, "ack", { frames, keepalive: true, controller }).catch(() => {});
      link.requests.delete(controller); // so that nothing aborts it
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
      session.fail(1006, why);
      soon();
    },

    get transport() {
      const link = usedLink();
      return link?.isOpen && !isFinished ? link.way : null;
    },

    report: () => ({
      url,
      transport: driver.transport,
      failure,
      transports: options.transports.map((transport) => {
        const attempt = trail[transport];
        const verdict =
          transport === driver.transport ? "in use" :
          attempt ? attempt.opened ? "cut" : attempt.status ? "refused" : "failed" :
          driver.terms.transports.includes(transport) ? "not tried" : "not offered";
        return { transport, verdict, ...(verdict !== "in use" && attempt) };
      }),
    }),
  };
  const { soon, wakeAt } = driver;

  /** The carrier in use, or undefined. */
  const usedLink = () => race.leaving ? leaving : race.used?.link;

  const areOpen = () => [...links].some((one) => one.isOpen);

  /** Begin an attempt. */
  function start(runner) {
    const link = runner.link = {
      runner, way: runner.way, id: ++carriers, began: now(), saidAt: now(), heardAt: now(),
      requests: new Set(), slot: slotOf(driver), progress: session.got + session.oldest,
      pump() {}, // nothing can go up before the carrier has opened

      /** @param cause is an error, or says why */
      end(cause) {
        if (link.isDone) return;
        link.isDone = true;
        link.cause = cause;
        link.stop?.();
        link.slot.release();
        for (const one of link.requests) one.abort();
        session.detach(link);
        soon();
      },
    };
    links.add(link);
    session.attach(link, link.way !== "websocket");
    // An error of `new WebSocket` counts too.
    (async () => CARRY[link.way](driver, link))().catch(link.end);
  }

  function takeOpen(link, kind, payload) {
    if (kind !== OPEN) throw bad(); // the first frame is not OPEN
    const told = JSON.parse(fromUtf8(payload));
    if (told.v !== 1) throw bad(); // another version of the protocol
    const { part, batch, heartbeat, silence, window, received, room } = told;
    const areRight = [part, batch, heartbeat, silence, window, received + 1, room + 1]
      .every((one) => Number.isFinite(one) && one > 0);
    if (!areRight) throw bad();
    wasMarked = true;
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
    watch(time);
    takeIn(time);
    if (!isFinished && !isPaused && session.phase !== LOST) negotiate(time);
    for (const link of links) {
      link.pump();
      link.visit?.();
    }
    if (!isFinished) lookForEnd(now());
  }

  /** End carriers that are silent, or on which nothing is acknowledged. */
  function watch(time) {
    const { heartbeat } = driver.terms;
    const since = (Date.now() - lastStep) / 1000;
    lastStep = Date.now();
    if (since > heartbeat + SLEPT) driver.wake();
    wakeAt(time + heartbeat); // by which a sleep is told
    for (const link of links) {
      if (!link.isOpen) continue;
      const { oldest } = session;
      if (link.oldest !== oldest || oldest >= link.cursor || link.batched) {
        Object.assign(link, { oldest, movedAt: time });
      }
      if (link.heardAt > link.askedAt) link.askedAt = 0;
      const patience = Math.max(LATE * heartbeat, link.isVisiting ? VISIT_PATIENCE : 0);
      const until = link.askedAt ? link.askedAt + GRACE : link.heardAt + patience;
      const moving = link.movedAt + LATE * heartbeat;
      if (time >= until) link.end("silent");
      else if (time >= moving) link.end("not acknowledged");
      else wakeAt(Math.min(until, moving));
    }
  }

  function takeIn(time) {
    for (const link of links) {
      const { runner } = link;
      if (link === leaving) {
        if (!link.isDone) continue;
        leaving = null; // it was announced, so it is no failure
        race.left(time);
      } else {
        if (link.isOpen && runner.phase === TRYING) {
          link.openedIn = time - link.began;
          race.opened(runner, time);
          session.ping(link, random());
        }
        if (link.isProven) race.proven(runner, time);
        if (!link.isDone) continue;
        runner.link = null;
        takeEnd(link, time);
      }
      links.delete(link);
    }
    const link = race.used?.link;
    if (!link?.isLeaving) return;
    if (leaving) return leaving.end("left twice");
    leaving = link;
    link.runner.link = null;
    race.leave(time);
  }

  function takeEnd(link, time) {
    const { cause, isOpen, runner } = link;
    if (session.isOver || isFinished) return;
    const isAnnounced = link.isLeaving && isReady;
    if (!isAnnounced) note(link, time);
    const isRefused = cause.mark === "refused";
    if (isRefused && !isReady) return driver.fail(`refused ${cause.status}`);
    if (isReady && (isRefused || cause.status === GONE) && !areOpen()) {
      if (session.phase === LIVE) session.fail(1006, cause.message ?? cause);
      else session.settle();
      return;
    }
    const wasServed = isOpen && (time - link.began >= driver.terms.heartbeat ||
      session.got + session.oldest > link.progress);
    const usual = Math.min(driver.terms.heartbeat, quiet.beat ?? Infinity);
    const isBlameless = isPaused || isAnnounced ||
      (isOpen && !cause.status && !link.askedAt && learn(quiet, time - link.heardAt, usual));
    if (isBlameless && quiet.beat) session.beat = quiet.beat;
    race.ended(runner, time, wasServed, isBlameless);
  }

  function negotiate(time) {
    if (race.isExhausted) {
      if (!isReady && !mayBeLuck()) {
        if (options.memory) remember(origin);
        return tryPlain();
      }
      // Only the last acknowledgement is left to say.
      if (session.phase === CLOSED && !leaving) return session.settle();
      race.nextRound(time);
    }
    const [actions, again] = race.decide(time);
    for (const [runner, what, isLate] of actions) {
      const { link, way } = runner;
      if (what === START) start(runner);
      else if (what === USE) {
        delete trail[way];
        // The same transport goes on; one that has left may still be there, behind another.
        const follows = leaving && session.selected === leaving && leaving.way === way;
        lastUsed = link;
        session.choose(link);
        if (!isReady) on.open(driver.terms.subprotocol ?? "");
        isReady = true;
        if (!follows) on.transport(way);
      } else if (link) {
        link.end(what);
        if (isLate || !isReady) note(link, time);
        runner.link = null;
        links.delete(link);
      }
    }
    wakeAt(again);
    const until = began + options.openTimeout;
    if (!isReady && time >= until) {
      for (const link of links) note({ ...link, cause: "no OPEN" }, time);
      if (options.memory) remember(origin);
      driver.fail("nothing got through");
    } else if (!isReady) wakeAt(until);
    else noteWhatWorks(time);
  }

  /** A first round in vain is worth another where connections failed: that may be chance. */
  const mayBeLuck = () => attempts < MAX_OPENINGS &&
    race.order.some(({ way }) => way !== "websocket" && trail[way]?.network);

  /** A server without byway leaves a browser's WebSocket unanswered unless all offers are its own. */
  function tryPlain() {
    try {
      if (wasMarked || !race.order.some((one) => one.way === "websocket")) throw lost("nothing got through");
      driver.goOnPlain(new NativeWebSocket(url, subprotocols));
    } catch (error) {
      driver.fail(error.message);
    }
  }

  function note({ way, began, isOpen, cause }, time) {
    attempts++;
    trail[way] = {
      why: cause.message ?? cause, opened: isOpen, seconds: Math.round((time - began) * 1e3) / 1e3,
      status: cause.status, mark: cause.mark, network: cause.isNetwork,
    };
  }

  /** Keep what works in the memory, where that is news. */
  function noteWhatWorks(time) {
    const link = race.used?.link;
    if (!options.memory || !link || !race.works) return;
    const { way, openedIn: seconds } = link;
    // Over a while it has shown that the heartbeat helps.
    const isHeartbeatSure = !quiet.limit || time - link.began > 2 * quiet.limit;
    const heartbeat = isHeartbeatSure ? quiet.beat : undefined;
    const news = `${way} ${race.isSettled} ${heartbeat}`;
    if (news === kept) return;
    kept = news;
    const before = recall(origin);
    const isKnown = before.transport === way && !race.isSettled;
    remember(origin, {
      transport: way, seconds, heartbeat, since: isKnown ? before.since : Date.now() / 1000,
    });
  }

  function lookForEnd(time) {
    const { window } = driver.terms;
    if (session.phase !== LOST && isReady) {
      // Without a carrier for a window the server lets the session go too.
      alone = isPaused || areOpen() ? 0 : alone || time;
      if (alone && time - alone >= window) session.fail(1006, `no carrier for ${window} s`);
      else if (alone) wakeAt(alone + window);
    }
    if (session.phase === LIVE) return;
    if (phaseSeen !== session.phase) closingSince = time;
    phaseSeen = session.phase;
    const until = closingSince + (session.phase === CLOSED ? LAST_WORDS : options.closeTimeout);
    if (time >= until) session.fail(1006, "no answer");
    if (session.phase === CLOSING) return wakeAt(until);
    on.over(session.phase === CLOSED);
    const link = usedLink();
    const isBusy = session.phase === CLOSED && link &&
      (session.kept[0] || session.isPending(link) || link.flights?.size);
    if (isBusy) wakeAt(until);
    else finish();
  }

  function finish() {
    isFinished = true;
    drivers.delete(driver);
    clearTimeout(timer);
    for (const link of links) link.end("over");
    links.clear();
  }

  session.beat = quiet.beat ?? 0;
  drivers.add(driver);
  soon();
  return driver;
}

// The socket --------------------------------------------------------------------------------------

const MAX_REASON = 123; // bytes (RFC 6455, section 5.5)
const DEFAULTS = {
  transports: ORDER, patience: {}, headers: {}, credentials: "include", memory: true,
  openTimeout: 20, closeTimeout: 10, maxMessage: 16 * 1024 * KIB,
};
let installed = {};

/** Run a function in a task of its own, after all that were given before. */
const task = globalThis.setImmediate ?? (() => {
  const { port1, port2 } = new MessageChannel();
  const queue = [];
  port1.onmessage = () => queue.shift()();
  return (run) => {
    queue.push(run);
    port2.postMessage(0);
  };
})();

const CloseEvent = globalThis.CloseEvent ?? class extends Event {
  constructor(type, details) {
    super(type);
    Object.assign(this, details);
  }
};

const refuse = (why, name = "SyntaxError") => {
  throw new DOMException(why, name);
};

const hasTwice = (list) => new Set(list).size < list.length;

/** Check options, and add what is left out. */
function checked(options) {
  const all = { ...DEFAULTS };
  let wrong;
  for (const [name, value = DEFAULTS[name]] of Object.entries({ ...installed, ...options })) {
    // Numbers are not below 0.
    if (!(name in DEFAULTS) || (DEFAULTS[name] > 1 && !(value >= 0))) wrong = name;
    all[name] = value;
  }
  const { transports: given } = all;
  const names = typeof given === "string" ? given.split(/[\s,]+/) : [...given];
  if (hasTwice(names) || !names[0] || names.some((one) => !ORDER.includes(one))) wrong = "transports";
  if (wrong) throw new TypeError(`option ${wrong}`);
  return { ...all, transports: names.filter((one) => NativeWebSocket || one !== "websocket") };
}

/** The URL of a WebSocket (WHATWG WebSockets, section 3.1): of which scheme, without a fragment. */
function socketUrl(given) {
  try {
    const url = new URL(given, page?.baseURI ?? globalThis.location?.href);
    url.protocol = url.protocol.replace("http", "ws");
    if (/^wss?:[^#]*$/.test(url)) return url;
  } catch {
    // It is none at all.
  }
  refuse(`URL ${given}`);
}

/** Check what an application offers. */
function checkedOffers(given) {
  const isList = typeof given === "object" && given?.[Symbol.iterator];
  const offers = isList ? Array.from(given, String) : [`${given}`];
  const isWrong = (one) => !/^[!#-'*+.^`|~\w-]+$/.test(one); // no token (RFC 9110, section 5.6.2)
  if (offers.some(isWrong) || hasTwice(offers.map((one) => one.toLowerCase()))) {
    refuse(`subprotocols ${offers}`);
  }
  return offers;
}

/**
 * Return what a BywaySocket is inside: the values of its attributes, by name, and its methods.
 *
 * @param socket dispatches the events
 */
function converse(socket, address, protocols, options) {
  const { href: url, origin } = socketUrl(address);
  const offers = checkedOffers(protocols);
  let plain; // a WebSocket, where the server has no byway
  let given = 0; // bytes given to send()
  const waiting = []; // messages behind a Blob that is being read, and it
  let hasCode = false; // close() was given one
  let early = []; // what came together with OPEN, before the race has chosen
  let isOver = false;

  const driver = drive(url, offers, checked(options), {
    open, message, over,
    transport: (detail) => task(() => {
      if (inner.readyState < 2) socket.dispatchEvent(new CustomEvent("transport", { detail }));
    }),
    plain: goOn,
  });
  const { state: session } = driver;

  const inner = {
    url, readyState: 0, protocol: "", extensions: "", binaryType: "blob",

    get bufferedAmount() {
      return (plain?.bufferedAmount ?? 0) + given - session.flushed;
    },

    get transport() {
      return plain ? "websocket" : driver.transport;
    },

    report: () => ({ ...driver.report(), transport: inner.transport, plain: Boolean(plain) }),

    send(data) {
      const kind = Object.prototype.toString.call(data); // it may be of another window's class
      let message;
      if (/ (Blob|File)]/.test(kind)) message = [BINARY, data];
      else if (ArrayBuffer.isView(data) || / ArrayBuffer]/.test(kind)) {
        const bytes = new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0, data.byteLength);
        message = [BINARY, bytes.slice()];
      } else {
        const words = wellFormed(`${data}`);
        message = [TEXT, utf8(words), words];
      }
      if (!inner.readyState) refuse("still connecting", "InvalidStateError");
      // Once it is closed, WebKit counts the frames that it does not send as well.
      if (plain && inner.readyState === 1) return plain.send(data);
      given += message[1].size ?? message[1].length;
      if (inner.readyState === 1) enqueue(message);
    },

    close(...args) {
      let [code, reason = ""] = args;
      if (code !== undefined) {
        code = Math.round(code);
        if (code !== 1000 && !(code >= 3000 && code <= 4999)) {
          refuse(`code ${code}`, "InvalidAccessError");
        }
      }
      reason = wellFormed(`${reason}`);
      if (utf8(reason).length > MAX_REASON) refuse("reason is too long");
      if (plain) {
        plain.close(...args);
        inner.readyState = plain.readyState;
      }
      if (inner.readyState > 1) return;
      const wasConnecting = !inner.readyState;
      inner.readyState = 2;
      hasCode = code || reason;
      if (wasConnecting) driver.fail("closed");
      else enqueue([CLOSE, code ?? 1000, reason]);
    },
  };

  function enqueue(message) {
    if (waiting.push(message) === 1) flush();
  }

  /** Hand on what waits, in order; a Blob has to be read first. */
  async function flush() {
    for (let at = 0; at < waiting.length; at++) {
      let [kind, bytes, words] = waiting[at];
      try {
        if (bytes.arrayBuffer) bytes = new Uint8Array(await bytes.arrayBuffer());
      } catch {
        session.fail(1006, "no Blob");
      }
      if (session.phase !== LIVE) break;
      if (kind === CLOSE) session.shut(bytes, words);
      else session.post(kind, bytes, words);
    }
    waiting.length = 0;
    driver.soon();
  }

  function open(protocol) {
    task(() => {
      if (inner.readyState) return;
      if (!plain && offers[0] && !offers.includes(protocol)) {
        // Who asks for subprotocols has to be given one (WHATWG WebSockets, section 2.2).
        return driver.refuse("no subprotocol");
      }
      inner.readyState = 1;
      inner.protocol = protocol;
      socket.dispatchEvent(new Event("open"));
    });
    const first = early;
    early = null;
    for (const one of first) message(...one);
  }

  function message(data, cost) {
    if (early) return early.push([data, cost]);
    task(() => {
      session.queued -= cost;
      if (session.space < cost * 2 || session.queued < cost) driver.soon();
      if (inner.readyState !== 1) return;
      if (data.buffer) data = inner.binaryType === "blob" ? new Blob([data]) : data.buffer;
      socket.dispatchEvent(new MessageEvent("message", { data, origin }));
    });
  }

  function over(wasClean) {
    if (isOver) return;
    isOver = true;
    const { code, reason } = session.ending;
    ended(wasClean ? { wasClean, code, reason } : { code: 1006 });
  }

  function ended({ wasClean = false, code, reason = "" }) {
    task(() => {
      if (wasClean && !plain && inner.readyState === 2 && !hasCode) code = 1005;
      inner.readyState = 3;
      if (!wasClean) socket.dispatchEvent(new Event("error"));
      socket.dispatchEvent(new CloseEvent("close", { wasClean, code, reason }));
    });
  }

  /** Go on as a plain WebSocket: the server has no byway. */
  function goOn(socket) {
    if (inner.readyState > 1) {
      socket.close();
      return ended({ code: 1006 });
    }
    plain = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      inner.extensions = socket.extensions;
      open(socket.protocol);
    };
    socket.onmessage = ({ data }) => message(typeof data === "string" ? data : new Uint8Array(data), 0);
    socket.onerror = null;
    socket.onclose = ended;
    if (socket.readyState === 1) socket.onopen();
  }

  return inner;
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
    return this.#inner.report();
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
  static install(options = {}) {
    checked(options);
    const before = [globalThis.WebSocket, installed];
    installed = options;
    globalThis.WebSocket = BywaySocket;
    return () => ([globalThis.WebSocket, installed] = before);
  }

  static {
    const { prototype } = this;
    const define = (name, how, one = prototype) =>
      Object.defineProperty(one, name, { enumerable: true, configurable: true, ...how });
    // Members of a Web IDL interface are enumerable; ours beside them are not.
    define("send");
    define("close");
    for (const name of ["url", "readyState", "bufferedAmount", "extensions", "protocol", "transport"]) {
      define(name, {
        enumerable: name !== "transport",
        get() {
          return this.#inner[name];
        },
      });
    }
    define("binaryType", {
      get() {
        return this.#inner.binaryType;
      },
      set(type) {
        if (type === "blob" || type === "arraybuffer") this.#inner.binaryType = type;
      },
    });
    ["CONNECTING", "OPEN", "CLOSING", "CLOSED"].forEach((name, value) => {
      for (const one of [this, prototype]) define(name, { value, configurable: false }, one);
    });
    // Event handler attributes (WHATWG HTML, section 8.1.8.1)
    for (const type of ["open", "message", "error", "close", "transport"]) {
      define(`on${type}`, {
        enumerable: type !== "transport",
        get() {
          return this.#handlers[type]?.value ?? null;
        },
        set(value) {
          const slot = this.#handlers[type] ??= {};
          if (Object(value) !== value) {
            value = null;
            this.removeEventListener(type, slot.run);
          } else if (!slot.value) {
            slot.run = (event) => typeof slot.value === "function" && slot.value.call(this, event);
            this.addEventListener(type, slot.run);
          }
          slot.value = value;
        },
      });
    }
  }
}

export default BywaySocket;

// `<script type="module" src="….js?install">` is all that a page needs then.
if (/[?&]install\b/.test(import.meta.url)) BywaySocket.install();

/** For the test vectors; no part of the interface, and not in byway.min.js. */
export const parts = { Race, Session, encodeHello, encodeToken, eventDecoder, frameDecoder, learn };
