/**
 * BywaySocket: the WebSocket interface, over whatever gets through.
 *
 * A page uses it as it would use `WebSocket`. Behind it a session is carried over a WebSocket,
 * chunked HTTP streaming, server-sent events or long-polling, whichever works, and moves between
 * them without losing, doubling or reordering a message. The wire is docs/protocol.md.
 *
 * From the bottom up: frames, event streams, the session, the race and silence know neither
 * network, clock nor page; then come the carriers, the driver that keeps a session carried, what
 * the page does (sleeping, leaving, other tabs), and the socket itself.
 */

// Frames ------------------------------------------------------------------------------------------

const TEXT = 1, BINARY = 2, PART = 3, CLOSE = 4, HELLO = 16, OPEN = 17, NEXT = 18, ACK = 19,
  SELECT = 20, PING = 21, PONG = 22, LEAVE = 23, BEAT = 25;
const SUBPROTOCOL = "byway.1";
const LAST_NUMBERED = 15; // types up to this one count up, and are kept until acknowledged
const KIB = 1024;
const MAX_FRAME = 64 * KIB;
const MAX_PART = 16 * KIB;
const MAX_ROOM = 2 ** 32 - 1;
const OVERHEAD = 64; // bytes that a message costs beside its payload

/** A carrier that sent what it may not. */
class FrameError extends Error {}

const utf8 = (text) => new TextEncoder().encode(text);
const fatal = { fatal: true, ignoreBOM: true };
const fromUtf8 = (bytes) => {
  try {
    return new TextDecoder("utf-8", fatal).decode(bytes);
  } catch {
    throw new FrameError("a text is not UTF-8");
  }
};

/** A text as UTF-8 can carry it: lone surrogates are replaced, as send() has to. */
const wellFormed = (text) => text.replace(/\p{Surrogate}/gu, "\ufffd");

/** Join byte arrays. */
function joined(pieces) {
  if (pieces.length === 1) return pieces[0];
  const whole = new Uint8Array(pieces.reduce((sum, one) => sum + one.length, 0));
  let at = 0;
  for (const one of pieces) {
    whole.set(one, at);
    at += one.length;
  }
  return whole;
}

/** Encode numbers of 32 bits, big-endian. */
function u32(...numbers) {
  const view = new DataView(new ArrayBuffer(4 * numbers.length));
  numbers.forEach((number, index) => view.setUint32(4 * index, number));
  return new Uint8Array(view.buffer);
}

/** Encode a number of 64 bits. Those that occur are far below 2^53. */
const u64 = (number) => u32(Math.floor(number / 2 ** 32), number);

const numbers = (bytes, count) => {
  if (bytes.length !== 4 * count) throw new FrameError("a payload has a wrong length");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: count }, (_, index) => view.getUint32(4 * index));
};

/** Encode one frame. */
function encode(kind, ...payload) {
  const whole = joined([new Uint8Array(5), ...payload]);
  whole[0] = kind;
  new DataView(whole.buffer).setUint32(1, whole.length - 5);
  return whole;
}

/** Encode CLOSE. */
const encodeClose = (code, reason) =>
  encode(CLOSE, new Uint8Array([code >> 8, code & 255]), utf8(reason));

/** Encode HELLO, the first frame of every request. */
const encodeHello = ({ key, carrier, received, room, answer, instance, poll, subprotocols }) =>
  encode(HELLO, utf8(JSON.stringify({
    v: 1, session: key, carrier, received, room, answer,
    instance: instance ?? undefined, poll,
    subprotocols: subprotocols?.length ? subprotocols : undefined,
  })));

/** Encode the same as the subprotocol that a WebSocket handshake offers. */
const encodeToken = ({ key, received, room, carrier, instance }) =>
  [SUBPROTOCOL, key, received, room, carrier, ...(instance ? [instance] : [])].join(".");

/** Turns the bytes of one carrier into frames `[kind, payload]`, however they are cut. */
class FrameDecoder {
  rest = new Uint8Array();

  /** Take the next bytes and return the frames that are whole. */
  feed(bytes) {
    const data = this.rest.length ? joined([this.rest, bytes]) : bytes;
    const view = new DataView(data.buffer, data.byteOffset, data.length);
    const frames = [];
    let start = 0;
    while (start + 5 <= data.length) {
      const kind = data[start];
      const stop = start + 5 + view.getUint32(start + 1);
      if (stop - start - 5 > MAX_FRAME) throw new FrameError("a frame is too long");
      if (!kind || (kind > CLOSE && kind <= LAST_NUMBERED)) {
        throw new FrameError(`frame type ${kind} is unknown`);
      }
      if (stop > data.length) break;
      frames.push([kind, data.subarray(start + 5, stop)]);
      start = stop;
    }
    this.rest = data.slice(start);
    return frames;
  }
}

/** Decode bytes that are a whole number of frames. */
function decodeAll(bytes) {
  const decoder = new FrameDecoder();
  const frames = decoder.feed(bytes);
  if (decoder.rest.length) throw new FrameError("the bytes end inside a frame");
  return frames;
}

/** Turns the bytes of an event stream into frames (WHATWG HTML, section 9.2). */
class EventDecoder {
  text = new TextDecoder("utf-8", { fatal: true }); // which drops a byte order mark at the start
  rest = "";
  event = "";
  data = [];
  size = 0;

  feed(bytes) {
    const came = this.text.decode(bytes, { stream: true });
    this.size += came.length;
    let text = this.rest + came;
    this.rest = "";
    if (text.endsWith("\r")) {
      // Whether it is a line's end or half of one is not known yet.
      this.rest = "\r";
      text = text.slice(0, -1);
    }
    const lines = text.split(/\r\n|\r|\n/);
    this.rest = lines.pop() + this.rest;
    const frames = [];
    for (const line of lines) {
      const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line);
      if (!line) this.dispatch(frames);
      else if (name === "data") this.data.push(value);
      else if (name === "event") this.event = value;
    }
    if (this.size > 8 * MAX_FRAME && this.rest.length + this.data.length) {
      throw new FrameError("an event is too long");
    }
    return frames;
  }

  dispatch(frames) {
    const { event, data } = this;
    this.event = "";
    this.data = [];
    this.size = 0;
    if (!data.length) return;
    if (event === "frames") {
      let bytes;
      try {
        bytes = Uint8Array.from(atob(data.join("")), (one) => one.charCodeAt(0));
      } catch {
        throw new FrameError("an event of frames is not base64");
      }
      frames.push(...decodeAll(bytes));
    } else if (!event || event === "message") {
      frames.push([TEXT, data.join("\n")]);
    }
  }
}

// The session -------------------------------------------------------------------------------------

const INBOX = 1024 * KIB; // bytes received and not yet dispatched, at which the server waits
const MAX_CONTROL = 16; // PINGs and PONGs that wait on one carrier

/**
 * The client's half of a session: numbers, keeps, replays, joins and acknowledges messages.
 *
 * A carrier is any object that was given to `attach`. Every message is delivered once and in order,
 * whatever becomes of the carriers.
 */
class Session {
  state = "open"; // or "closing" (CLOSE was sent), "closed" (both ways), "lost"
  carriers = new Map();
  selected = null;
  received = 0; // frames, without a gap
  first = 1; // number of the oldest frame kept
  next = 1;
  part = MAX_PART;
  end = null; // CLOSE, this side's or else the peer's, or how the session was lost: {code, reason}
  peerClosed = false;
  wasClean = false;
  kept = []; // frames sent and not acknowledged
  flushed = 0; // bytes of the application's that were written, or acknowledged
  flushedTo = 0; // number up to which that was counted
  cost = 0; // of all messages received
  queued = 0; // of those not dispatched yet
  sentCost = 0;
  limit = 0; // the cost up to which a message may begin
  selects = 0;
  beat = 0; // seconds of silence asked for; 0 for the usual
  parts = [];
  partsSize = 0;

  /** @param deliver is called with each message, a string or a Uint8Array, and its cost. */
  constructor(deliver, maxMessage) {
    this.deliver = deliver;
    this.maxMessage = maxMessage;
  }

  /** Number a message. `bytes` is its payload; a text that needs no parts is kept as it is too. */
  send(kind, bytes, text) {
    const { part } = this;
    let at = 0;
    for (; bytes.length - at > part; at += part) {
      this.keep(encode(PART, bytes.subarray(at, at + part)));
    }
    this.keep(encode(kind, bytes.subarray(at)), bytes.length, at ? undefined : text);
    this.sentCost += bytes.length + OVERHEAD;
  }

  keep(wire, size = 0, text) {
    this.kept.push({ wire, size, text, before: this.sentCost });
    this.next++;
  }

  close(code, reason) {
    if (this.state !== "open") return;
    this.state = "closing";
    this.end = { code, reason };
    this.keep(encodeClose(code, reason));
  }

  abort(code, reason) {
    if (this.over) return;
    this.end = { code, reason };
    this.state = "lost";
  }

  /** Take it that a peer which let go while this side was closing has received everything. */
  settle() {
    this.state = "closed";
    this.wasClean = true;
    this.acknowledge(this.next - 1, 0);
  }

  /** Whether nothing is left to do. */
  get over() {
    return this.state === "lost" || (this.state === "closed" && !this.kept.length);
  }

  attach(carrier, ordered, batched) {
    Object.assign(carrier, {
      ordered, batched, cursor: this.first, expected: 0, control: [], nonce: "", echoed: "",
      proven: false, leaving: false, ended: "",
      toldNext: 0, toldReceived: 0, toldCost: 0, toldLimit: 0, toldSelect: 0, toldBeat: 0,
    });
    this.carriers.set(carrier.id, carrier);
  }

  detach(carrier, why) {
    this.carriers.delete(carrier.id);
    carrier.ended ||= why || "ended";
    if (this.selected === carrier) this.selected = null;
  }

  /** Write again on this carrier all that is not acknowledged. */
  rewind(carrier) {
    Object.assign(carrier, { cursor: this.first, toldNext: 0, toldSelect: 0, toldBeat: 0 });
  }

  select(carrier) {
    if (carrier.ended) return;
    this.selects++;
    this.selected = carrier;
  }

  /** Ask for a PONG on this carrier; `echoed` is the nonce once it came. */
  ping(carrier, nonce, proof = true) {
    if (proof) Object.assign(carrier, { proven: false, nonce });
    this.control(carrier, encode(PING, u32(carrier.id), utf8(nonce)));
  }

  control(carrier, wire) {
    carrier.control.push(wire);
    if (carrier.control.length > MAX_CONTROL) carrier.control.shift();
  }

  acknowledge(received, room) {
    if (received >= this.next) throw new FrameError("more was acknowledged than was sent");
    const count = received + 1 - this.first;
    if (count < 0) return;
    const cost = this.kept[count]?.before ?? this.sentCost;
    this.limit = Math.max(this.limit, cost + room);
    this.flush(received);
    this.kept.splice(0, count);
    this.first += count;
  }

  /** Say that frames up to a number left the page. */
  flush(number) {
    for (; this.flushedTo < number; this.flushedTo++) {
      this.flushed += this.kept[this.flushedTo + 1 - this.first].size;
    }
  }

  feed(carrier, frames) {
    if (this.state === "lost") return;
    for (const [kind, payload] of frames) {
      if (kind <= LAST_NUMBERED) {
        if (!carrier.expected) throw new FrameError("a numbered frame came before NEXT");
        const ahead = carrier.expected++ - this.received;
        if (ahead > 1) throw new FrameError("frames are missing");
        if (ahead === 1) this.accept(kind, payload);
      } else if (kind === ACK) {
        const [high, low, room] = numbers(payload, 3);
        this.acknowledge(high * 2 ** 32 + low, room);
      } else if (kind === NEXT) {
        const [high, low] = numbers(payload, 2);
        carrier.expected = high * 2 ** 32 + low;
      } else if (kind === PING || kind === PONG) {
        const named = this.carriers.get(numbers(payload.subarray(0, 4), 1)[0]);
        if (!named) continue;
        if (kind === PING) this.control(named, encode(PONG, payload));
        else {
          named.echoed = fromUtf8(payload.subarray(4));
          named.proven ||= named.echoed === named.nonce;
        }
      } else if (kind === LEAVE) carrier.leaving = true;
    }
  }

  accept(kind, payload) {
    if (this.peerClosed) throw new FrameError("a frame came after CLOSE");
    if (kind === CLOSE) {
      const reason = fromUtf8(payload.subarray(2));
      this.received++;
      const code = payload[0] * 256 + payload[1];
      this.peerClosed = this.wasClean = true;
      if (this.state === "open") this.keep(encodeClose(code, ""));
      this.end ??= { code, reason };
      this.state = "closed";
      return;
    }
    if (!this.partsSize && this.queued >= INBOX) throw new FrameError("a message began without room");
    const bytes = typeof payload === "string" ? utf8(payload) : payload;
    // Before it counts as received: if the carrier garbled it, another brings it again.
    const isPlain = bytes !== payload && !this.parts.length;
    const text = kind !== TEXT || isPlain ? payload : fromUtf8(joined([...this.parts, bytes]));
    this.received++;
    this.partsSize += bytes.length;
    if (this.partsSize > this.maxMessage) this.close(1009, "a message is too long");
    const dropping = this.state !== "open";
    // What was read belongs to the network's buffer, which is used again.
    if (kind === PART) {
      if (!dropping) this.parts.push(bytes.slice());
      return;
    }
    const cost = this.partsSize + OVERHEAD;
    this.cost += cost;
    this.partsSize = 0;
    const { parts } = this;
    this.parts = [];
    if (dropping) return;
    this.queued += cost;
    if (kind === BINARY) this.deliver(joined([...parts, bytes.slice()]), cost);
    else this.deliver(text, cost);
  }

  get room() {
    return Math.max(INBOX - this.queued, 0);
  }

  /** Return `[received, room]` for what goes out now on a carrier. */
  announce(carrier) {
    const { received, cost, room } = this;
    Object.assign(carrier, { toldReceived: received, toldCost: cost, toldLimit: cost + room });
    return [received, room];
  }

  writable(carrier) {
    const frame = this.kept[Math.max(carrier.cursor - this.first, 0)];
    return frame && (frame.before < this.limit || frame.wire[0] === CLOSE);
  }

  used(carrier) {
    return !this.selected || this.selected === carrier;
  }

  selectDue(carrier) {
    return this.selected && carrier.toldSelect < this.selects;
  }

  ackDue(carrier) {
    const { cost, room, received } = this;
    const limit = cost + room;
    return (
      cost - carrier.toldCost >= INBOX / 4 ||
      limit - carrier.toldLimit >= INBOX / 4 ||
      // The server has used up what it was told, and could go on.
      (cost && carrier.toldLimit <= cost && cost < limit) ||
      (this.peerClosed && carrier.toldReceived < received)
    );
  }

  /** Whether this carrier has something that must be written now. */
  pending(carrier) {
    return Boolean(
      carrier.control.length || this.selectDue(carrier) || carrier.toldBeat !== this.beat ||
      (this.used(carrier) && (this.writable(carrier) || this.ackDue(carrier))),
    );
  }

  unannounced(carrier) {
    return this.received > carrier.toldReceived;
  }

  /** Return the kept frames `{wire, text}` to write on this carrier now. */
  take(carrier, size, beat) {
    if (!beat && !this.pending(carrier)) return [];
    const out = carrier.control;
    carrier.control = [];
    if (carrier.toldBeat !== this.beat) {
      carrier.toldBeat = this.beat;
      out.push(encode(BEAT, u32(this.beat * 1000)));
    }
    if (beat || this.unannounced(carrier) || this.cost + this.room > carrier.toldLimit) {
      const [received, room] = this.announce(carrier);
      out.push(encode(ACK, u64(received), u32(room)));
    }
    if (this.selectDue(carrier)) {
      out.push(encode(SELECT, u32(this.selects, this.selected.id)));
      carrier.toldSelect = this.selects;
    }
    const frames = out.map((wire) => ({ wire }));
    if (this.used(carrier)) {
      carrier.cursor = Math.max(carrier.cursor, this.first);
      if (carrier.batched) carrier.toldNext = 0; // each write travels on its own
      while (size > 0 && this.writable(carrier)) {
        if (carrier.toldNext !== carrier.cursor) {
          frames.push({ wire: encode(NEXT, u64(carrier.cursor)) });
        }
        const frame = this.kept[carrier.cursor - this.first];
        frames.push(frame);
        size -= frame.wire.length;
        carrier.toldNext = ++carrier.cursor;
      }
    }
    return frames;
  }
}

// Negotiation -------------------------------------------------------------------------------------

const ORDER = ["websocket", "stream", "sse", "poll"];
const PATIENCE = 0.25; // seconds that an attempt has to itself before the next starts beside it
const PATIENCES = { sse: 0.1 }; // where a stream has not opened, an event stream seldom does
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

/**
 * The race: which transports to try and when, and which of those that opened to use.
 *
 * The same rules as negotiation/race.py, where they are explained. Times are in seconds. `decide`
 * returns `[actions, when to ask again]`, an action is `{start}`, `{use, why}` or
 * `{stop, why, late}`.
 */
class Race {
  used = null;
  leaving = null; // the transport whose carrier is selected, and ends soon
  nextStart = 0;
  promoteAt = null;
  rounds = 0;
  followAt = 0; // what is leaving is not followed before

  constructor(order, { timeout, patience = {}, first, openedIn = 0, retryBetter, jitter = between }) {
    Object.assign(this, { order, timeout, patience, openedIn, retryBetter, jitter });
    this.runners = Object.fromEntries(
      order.map((name) => [name, { phase: "waiting", since: 0, tried: false, strikes: 0 }]),
    );
    this.first = order.includes(first) ? first : null;
    this.queue = this.first ? [first, ...order.filter((one) => one !== first)] : order;
    this.interval = PROMOTION_INTERVAL;
  }

  get all() {
    return Object.values(this.runners);
  }

  opened(name, now) {
    const runner = this.runners[name];
    if (runner.phase === "trying") move(runner, "open", now);
  }

  proven(name, now) {
    const runner = this.runners[name];
    if (runner.phase !== "open") return;
    runner.doubted = false;
    move(runner, "proven", now);
  }

  ended(name, now, served, blameless) {
    const runner = this.runners[name];
    const { phase, since } = runner;
    move(runner, runner.doubted ? "waiting" : "failed", now);
    runner.doubted = false;
    if (name !== this.used) {
      if (phase === "trying") this.nextStart = Math.min(this.nextStart, now);
      return;
    }
    this.used = this.promoteAt = this.first = null;
    const lasted = blameless || (phase === "proven" && now - since >= LASTING);
    if (lasted) this.interval = PROMOTION_INTERVAL;
    runner.strikes = lasted ? 0 : runner.strikes + 1;
    const again = lasted || (served && runner.strikes < MAX_STRIKES);
    const others = this.order.filter((one) => one !== name);
    this.queue = again ? [name, ...others] : [...others, name];
    this.waitAgain();
    if (this.exhausted) {
      this.queue.sort((one, two) => this.runners[one].strikes - this.runners[two].strikes);
      for (const one of this.all) one.phase = "waiting";
    }
    if (lasted || served) {
      this.rounds = 0;
      this.nextStart = now;
    } else this.nextStart = now + this.pause();
  }

  waitAgain() {
    for (const one of this.all) {
      if (one.phase === "failed" && one.strikes < MAX_STRIKES) one.phase = "waiting";
    }
  }

  /** Say that the carrier in use ends soon: the next is tried while it still carries. */
  leave(now) {
    const { used } = this;
    const runner = this.runners[used];
    if (runner.phase === "proven" && now - runner.since >= LASTING) runner.strikes = 0;
    const nextStart = Math.max(now, this.followAt);
    const followAt = nextStart + LEAVING_INTERVAL;
    Object.assign(this, { leaving: used, used: null, first: null, rounds: 0, nextStart, followAt });
    runner.doubted = false;
    move(runner, "waiting", now);
    this.queue = [used, ...this.order.filter((one) => one !== used)];
  }

  /** Say that the carrier which was leaving has ended. */
  left(now) {
    if (!this.leaving) return;
    this.leaving = null;
    this.nextStart = Math.min(this.nextStart, Math.max(now, this.followAt - LEAVING_INTERVAL));
    this.waitAgain();
  }

  /** Say that the network has changed. */
  doubt(now) {
    this.first = this.promoteAt = null;
    this.interval = PROMOTION_INTERVAL;
    this.rounds = 0;
    for (const runner of this.all) {
      runner.strikes = 0;
      runner.tried = runner.phase !== "failed";
      if (runner.phase === "failed") runner.phase = "waiting";
      else if (runner.phase !== "waiting") {
        runner.doubted = true; // its connection may be one of the network before
        if (runner.phase === "proven") move(runner, "open", now);
      }
    }
    this.queue = this.order;
    this.nextStart = now + this.patienceWith(this.used ?? this.order[0]);
  }

  /** Say what the server offers. An offer without the carrier in use is not believed. */
  offered(names) {
    const left = this.order.filter((one) => names.includes(one));
    if (!left.length || (this.used && !left.includes(this.used))) return;
    this.withdrawn = this.order.filter((one) => !left.includes(one));
  }

  decide(now) {
    const actions = [];
    this.withdraw(actions);
    this.stopLate(actions, now);
    this.choose(actions);
    if (this.works) {
      this.trustMemory(now);
      this.stopWorse(actions);
      this.retry(now);
    } else if (!this.leaving) this.promoteAt = null;
    const waiting = this.waiting();
    if (waiting && now >= this.nextStart) {
      move(this.runners[waiting], "trying", now);
      Object.assign(this.runners[waiting], { tried: true, doubted: false });
      this.nextStart = now + this.patienceWith(waiting);
      actions.push({ start: waiting });
    }
    return [actions, this.askAgain(now)];
  }

  get exhausted() {
    return this.all.every((one) => one.phase === "failed");
  }

  nextRound(now) {
    for (const one of this.all) one.phase = "waiting";
    this.queue = this.order;
    this.nextStart = now + this.pause();
  }

  pause() {
    const pause = this.jitter(0, Math.min(FIRST_DELAY * 2 ** this.rounds, LAST_DELAY));
    this.rounds = Math.min(this.rounds + 1, 16);
    return pause;
  }

  get works() {
    return this.used !== null && this.runners[this.used].phase === "proven";
  }

  /** Whether the carrier in use is proven, and all that is better was tried in vain. */
  get settled() {
    return this.works && this.better(this.used).every((one) => one.phase === "failed" && one.tried);
  }

  better(name) {
    return this.order.slice(0, this.order.indexOf(name)).map((one) => this.runners[one]);
  }

  patienceWith(name) {
    const patience = this.patience[name] ?? PATIENCES[name] ?? PATIENCE;
    if (this.leaving) return Math.max(patience, LEAVING_PATIENCE);
    if (name !== this.first) return patience;
    return Math.max(patience, Math.min(SLOWER * this.openedIn, MAX_KNOWN_PATIENCE));
  }

  get longest() {
    return this.works ? Math.min(this.timeout, PROMOTION_TIMEOUT) : this.timeout;
  }

  withdraw(actions) {
    for (const name of this.withdrawn ?? []) {
      if (isRunning(this.runners[name])) actions.push({ stop: name, why: "it is not offered" });
      delete this.runners[name];
    }
    this.withdrawn = null;
    this.order = this.order.filter((name) => this.runners[name]);
    this.queue = this.queue.filter((name) => this.runners[name]);
  }

  stopLate(actions, now) {
    const { longest } = this;
    for (const [name, { phase, since }] of Object.entries(this.runners)) {
      if (now - since < longest || (phase !== "trying" && phase !== "open")) continue;
      const what = phase === "trying" ? "no OPEN" : "no round trip";
      actions.push({ stop: name, why: `${what} within ${(now - since).toFixed(1)} s`, late: true });
      this.ended(name, now);
    }
  }

  choose(actions) {
    let best = this.order.find((one) => this.runners[one].phase === "proven");
    let why = "it is the best that is proven to work";
    if (!best) {
      if (this.used || this.leaving) return;
      const opened = this.order.filter((one) => this.runners[one].phase === "open");
      if (!opened.length) return;
      best = opened.reduce((one, two) =>
        this.runners[two].since < this.runners[one].since ? two : one);
      why = "it opened first";
    }
    if (best === this.used) return;
    if (this.leaving) why = `the ${this.leaving} before it ends soon`;
    this.used = best;
    this.leaving = null;
    actions.push({ use: best, why });
  }

  trustMemory(now) {
    if (this.first && this.first === this.used && !this.retryBetter) {
      for (const one of this.better(this.first)) {
        if (one.phase === "waiting") move(one, "failed", now);
      }
    }
    this.first = null;
  }

  stopWorse(actions) {
    for (const name of this.order.slice(this.order.indexOf(this.used) + 1)) {
      const runner = this.runners[name];
      if (isRunning(runner)) actions.push({ stop: name, why: `${this.used} is better and works` });
      runner.phase = "failed";
    }
  }

  retry(now) {
    const better = this.better(this.used);
    if (!better.length || better.some((one) => one.phase !== "failed")) this.promoteAt = null;
    else if (this.promoteAt === null) {
      this.promoteAt = now + this.interval * this.jitter(0.8, 1.2);
    } else if (now >= this.promoteAt) {
      this.promoteAt = null;
      this.interval = Math.min(this.interval * 2, LAST_PROMOTION_INTERVAL);
      for (const one of better) one.phase = "waiting";
      this.queue = this.order.filter((name) => this.runners[name].phase === "waiting");
      this.nextStart = now;
    }
  }

  waiting() {
    const last = this.works ? this.order.indexOf(this.used) : Infinity;
    return this.queue.find(
      (one) => this.runners[one].phase === "waiting" && this.order.indexOf(one) <= last,
    );
  }

  askAgain(now) {
    const times = this.all
      .filter((one) => one.phase === "trying" || one.phase === "open")
      .map((one) => one.since + this.longest);
    if (this.waiting()) times.push(this.nextStart);
    if (this.promoteAt !== null && this.works) times.push(this.promoteAt);
    return times.length ? Math.max(Math.min(...times), now) : null;
  }
}

const move = (runner, phase, since) => Object.assign(runner, { phase, since });
const isRunning = (runner) => runner.phase !== "waiting" && runner.phase !== "failed";

/** Silence: whether a path cuts connections on which nothing is said. See negotiation/silence.py. */
class Silence {
  limit = null;
  last = null;

  constructor(heartbeat) {
    this.heartbeat = heartbeat ?? null;
  }

  /** Take note of a carrier lost after so many seconds of silence; say whether that taught one. */
  cut(silence, heartbeat) {
    if (silence >= 1.2 * heartbeat) silence = heartbeat; // the path had let go before
    const last = this.last;
    this.last = silence;
    if (silence < 1 || last === null) return false;
    if (Math.abs(silence - last) > 0.2 * Math.max(silence, last)) return false;
    const limit = Math.min(silence, last);
    const needed = Math.max(1, 0.5 * limit);
    if (this.heartbeat !== null && needed >= this.heartbeat) return false;
    Object.assign(this, { heartbeat: needed, limit, last: null });
    return true;
  }

  /** Whether the heartbeat has shown, over so many seconds, that it helps. */
  confirmed(age) {
    return this.limit === null || age > 2 * this.limit;
  }
}

const STORED = "byway";
const MAX_AGE = 86400; // seconds for which what worked is used
const RETRY_AGE = 600; // seconds after which what is better is tried at once again
const MAX_PLACES = 20;

/** The memory: what worked at an origin, kept in localStorage where a page has that. */
const memory = {
  fallback: "{}",

  read() {
    try {
      const text = globalThis.localStorage ? localStorage.getItem(STORED) : this.fallback;
      return Object.entries(JSON.parse(text ?? "{}"));
    } catch {
      return []; // it is forbidden, or somebody wrote something else there
    }
  },

  recall(origin) {
    const found = this.read().find(([place]) => place === origin)?.[1];
    const age = Date.now() / 1000 - found?.since;
    if (!(age >= 0 && age <= MAX_AGE && found.seconds >= 0)) return null;
    return { ...found, due: age >= RETRY_AGE * between(0.8, 1.2) };
  },

  /** Remember what works at an origin, or, without that, forget it. */
  keep(origin, found) {
    const others = this.read().filter(([place]) => place !== origin);
    if (found) others.push([origin, found]);
    const text = JSON.stringify(Object.fromEntries(others.slice(-MAX_PLACES)));
    try {
      if (globalThis.localStorage) localStorage.setItem(STORED, text);
      else this.fallback = text;
    } catch {
      // A page may be without, or its storage full.
    }
  },
};

// The carriers ------------------------------------------------------------------------------------

const FRAMES = "application/octet-stream";
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
const TOO_LARGE = 413;

const NativeWebSocket = globalThis.WebSocket;
const now = () => performance.now() / 1000;
const random = (bytes) =>
  btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(bytes))))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");

/** A carrier, or an attempt at one, that has failed: `{status, mark, network}` say how. */
class Lost extends Error {
  constructor(why, details) {
    super(why);
    Object.assign(this, details);
  }
}

/** One carrier, as the session and the driver see it. */
class Link {
  opened = false; // OPEN came
  isOpen = false; // the race was told
  isProven = false;
  flights = [];
  requests = new Set();
  began = now();
  said = this.began; // when something was last written
  heard = this.began;

  constructor(driver, transport, id) {
    Object.assign(this, { driver, transport, id, progress: driver.progress });
    this.slot = new Slot(driver);
    const { ordered, batched, carry } = TRANSPORTS[transport];
    driver.session.attach(this, ordered, batched);
    carry(driver, this).catch((error) => this.end(error.message, error));
  }

  end(why, error) {
    if (this.done) return;
    this.done = true;
    this.why = why;
    this.error = error;
    this.stop?.();
    this.slot.release();
    for (const one of this.requests) one.abort();
    this.driver.session.detach(this, why);
    this.driver.soon();
  }

  /** Write what is due. Nothing can go up before the carrier has opened. */
  pump() {}
}

async function carryWebSocket(driver, link) {
  const { session } = driver;
  const socket = driver.webSocket([SUBPROTOCOL, encodeToken(driver.greeting(link)), ...driver.offers]);
  socket.binaryType = "arraybuffer";
  const write = (frames) => {
    const alone = frames.length === 1 ? frames[0].text : undefined;
    socket.send(alone ?? joined(frames.map((one) => one.wire)));
    session.flush(link.cursor - 1);
  };
  link.stop = () => {
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  };
  await new Promise((resolve, reject) => {
    socket.onclose = ({ code, reason }) =>
      reject(new Lost(code === 1006 ? "it failed" : `it was closed with ${code} ${reason}`, { network: true }));
    socket.onmessage = ({ data }) => {
      try {
        driver.feed(link, typeof data === "string" ? [[TEXT, data]] : decodeAll(new Uint8Array(data)));
      } catch (error) {
        reject(error);
      }
    };
    socket.onopen = () => {
      if (socket.protocol !== SUBPROTOCOL) {
        if (driver.opening) reject(new Lost("a server without byway answered"));
        else driver.becomePlain(socket);
        return;
      }
      write(session.take(link, 0, true)); // some proxies hold the server's words until the client's
      link.pump = () => {
        for (let frames; (frames = driver.due(link, WRITE)).length; ) write(frames);
        // Nothing tells when the browser has sent it.
        if (socket.bufferedAmount) driver.wakeAt(now() + LOOK_AGAIN);
        else session.flush(link.written);
      };
      link.pump();
    };
  });
}

/** What rides in the request that opens a carrier: little, so that no path minds its size. */
const firstWords = (driver, link) => driver.session.take(link, MAX_PART);

async function carryEndless(driver, link, accept, decoder) {
  if (!(await link.slot.take())) throw new Lost("other tabs have the connections to this host", { network: true });
  const { body } = await driver.request(link, link.transport, firstWords(driver, link), { accept });
  const reader = body.getReader();
  link.uplink = new Batches(driver, link);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    driver.feed(link, decoder.feed(value));
  }
  // A clean end proves nothing: proxies turn a dead origin into one.
  throw new Lost("the answer ended before the session");
}

async function carryPoll(driver, link) {
  const { session } = driver;
  const { slot } = link;
  let failed = false;
  let poll = 0;
  await slot.take();
  while (session.state !== "closed") {
    link.isVisiting = !slot.held;
    if (!slot.held && poll) {
      // A visit: the first poll of a carrier is answered at once, so it keeps no connection.
      await driver.pauseBetweenVisits(link);
      if (link.done) return;
      poll = 0;
      session.detach(link, "visited");
      link.id = ++driver.carriers;
      session.attach(link, false, true);
      session.select(link);
    }
    const frames = poll++ ? [] : firstWords(driver, link);
    try {
      const response = await driver.request(link, "poll", frames, { poll });
      driver.feed(link, decodeAll(new Uint8Array(await response.arrayBuffer())));
      failed = false;
    } catch (error) {
      // One answer may be lost alone; the next poll says what has come. Not after the carrier's
      // end, which aborts the poll: it would attach itself again.
      if (!link.opened || link.done || failed || !error.network) throw error;
      failed = true;
    }
    link.uplink ??= new Batches(driver, link);
  }
}

const TRANSPORTS = {
  websocket: { ordered: true, batched: false, carry: carryWebSocket },
  stream: {
    ordered: true, batched: true,
    carry: (driver, link) => carryEndless(driver, link, FRAMES, new FrameDecoder()),
  },
  sse: {
    ordered: true, batched: true,
    carry: (driver, link) => carryEndless(driver, link, "text/event-stream", new EventDecoder()),
  },
  poll: { ordered: false, batched: true, carry: carryPoll },
};

/** Brings frames up in requests of their own. The rules are those of transports/batches.py. */
class Batches {
  lastStart = 0;
  count = 0;
  upload = null;
  failures = 0;
  failingSince = 0;
  delay = FIRST_RETRY;
  error = null; // of a batch; nothing starts until all others are back
  missing = false; // something was answered and not acknowledged

  constructor(driver, link) {
    Object.assign(this, { driver, link, size: driver.batch, notBefore: now() + FIRST_PAUSE });
    this.roundTrip = now() - link.began;
    link.pump = () => this.pump();
    driver.soon();
  }

  pump() {
    const { driver, link, upload } = this;
    const { flights } = link;
    if (upload?.isUsed) {
      upload.pump();
      return;
    }
    if (upload?.isProven()) {
      if (!flights.length) upload.use();
      return; // what is on its way comes back first
    }
    for (;;) {
      const most = driver.multiplexed ? MAX_IN_FLIGHT : FEW_IN_FLIGHT;
      if (this.error || this.missing || flights.length >= most) return;
      if (flights.length && this.roundTrip < LONG) return;
      // Evenly over the round trip: what is said in between shares a batch.
      const paced = flights.length > 1 ? this.lastStart + this.roundTrip / most : 0;
      const from = Math.max(this.notBefore, paced);
      if (now() < from) {
        driver.wakeAt(from);
        return;
      }
      const frames = driver.due(link, this.size);
      if (!frames.length) return;
      this.fly(frames);
    }
  }

  async fly(frames) {
    const { driver, link } = this;
    const { session } = driver;
    const flight = { end: link.cursor, started: now() };
    if (++this.count === BUSY && link.ordered && driver.uploads && driver.multiplexed) {
      this.upload = new Upload(this);
    }
    this.lastStart = flight.started;
    link.flights.push(flight);
    let error = null;
    try {
      const within = LATE * driver.heartbeat;
      const response = await driver.request(link, "ack", frames, { within });
      session.feed({ ordered: false }, decodeAll(new Uint8Array(await response.arrayBuffer())));
    } catch (raised) {
      error = raised;
    }
    if (link.done) return;
    const { flights } = link;
    const oldest = flights[0] === flight;
    flights.splice(flights.indexOf(flight), 1);
    if (error?.status === 410) {
      link.end(error.message, error);
      return;
    }
    if (error) this.error ??= error;
    else {
      const took = now() - flight.started;
      this.roundTrip += (this.roundTrip ? 0.25 : 1) * (took - this.roundTrip);
      Object.assign(this, { failures: 0, failingSince: 0, delay: FIRST_RETRY });
      this.missing ||= oldest && session.first < flight.end;
    }
    if (!flights.length) {
      this.missing ||= session.first < link.cursor;
      if (this.error) this.failed(this.error);
      else if (this.missing) session.rewind(link);
      this.error = null;
      this.missing = false;
    }
    driver.soon();
  }

  /** Go back to what was not acknowledged, after a pause. */
  failed(error) {
    const { driver, link } = this;
    const tooLarge = error.status === TOO_LARGE;
    if (tooLarge && this.size === 1) {
      driver.session.abort(1006, `the way up refuses a request of one frame: ${error.message}`);
      return;
    }
    this.failures++;
    if (tooLarge || this.failures % 2 === 0) {
      this.size = this.size > 2 * MAX_PART ? this.size / 2 : 1;
      if (tooLarge) driver.batch = this.size; // the path will not change its mind
    }
    this.failingSince ||= now();
    if (now() - this.failingSince >= LATE * driver.heartbeat) {
      link.end(`the uplink is dead: ${error.message}`, error);
      return;
    }
    driver.session.rewind(link);
    this.roundTrip = 0; // one at a time until one is answered
    if (tooLarge) return;
    this.notBefore = now() + between(0, this.delay);
    this.delay = Math.min(this.delay * 2, driver.heartbeat);
  }
}

/**
 * One request whose body has no end, in the place of batches: a browser has it over HTTP/2.
 *
 * Many proxies hold a body back until it is complete, so it is used once a PING that went up in it
 * has come back, and given up when a later one does not. The rules are those of
 * transports/upload.py.
 */
class Upload {
  isUsed = false;
  written = 0;

  constructor(batches) {
    const { driver, link } = batches;
    Object.assign(this, { batches, driver, link, within: Math.max(PROOF_TIMEOUT, 4 * batches.roundTrip) });
    const body = new ReadableStream({ start: (writer) => (this.writer = writer) });
    this.ask();
    this.writer.enqueue(joined([
      encodeHello(driver.greeting(link, "up")), encode(PING, u32(link.id), utf8(this.nonce)),
    ]));
    driver.request(link, "up", [], { body, controller: (this.controller = new AbortController()) })
      .then(() => this.end(), () => this.end());
  }

  /** Expect the echo of a PING that is written now. */
  ask() {
    this.nonce = random(6);
    this.asked = now();
    this.driver.wakeAt(this.asked + this.within);
  }

  get isHeard() {
    return this.link.echoed === this.nonce;
  }

  isProven() {
    if (!this.isHeard && now() > this.asked + this.within) this.end();
    return this.isHeard && !this.isOver;
  }

  use() {
    this.isUsed = true;
    this.began = now();
    this.within = Math.max(HEARD_TIMEOUT, this.within);
    this.driver.session.rewind(this.link);
    this.link.batched = false;
    this.pump();
  }

  pump() {
    const { driver, link } = this;
    for (let frames; (frames = driver.due(link, driver.batch)).length; ) {
      this.writer.enqueue(joined(frames.map((one) => one.wire)));
    }
    const at = this.asked + PING_INTERVAL;
    if (!this.isHeard) {
      if (now() > this.asked + this.within) this.end();
    } else if (link.cursor !== this.written) {
      if (now() < at) driver.wakeAt(at);
      else {
        this.written = link.cursor;
        this.ask();
        driver.session.ping(link, this.nonce, false);
        driver.soon();
      }
    }
  }

  /** Back to batches, which bring up again what was not acknowledged. */
  end() {
    if (this.isOver) return;
    const { driver, link } = this;
    this.isOver = true;
    this.batches.upload = null;
    this.controller.abort();
    if (!this.isUsed || now() - this.began < LASTING) driver.uploads = false;
    if (!this.isUsed || link.done) return;
    link.batched = true;
    driver.session.rewind(link);
    driver.soon();
  }
}

/** Whether this fetch can send a body while it is written. One sends "[object ReadableStream]". */
function canUpload() {
  let duplex = false;
  try {
    const { headers } = new Request("http://localhost", {
      method: "POST",
      body: new ReadableStream(),
      get duplex() {
        duplex = true;
        return "half";
      },
    });
    return duplex && !headers.has("content-type");
  } catch {
    return false;
  }
}

// What the page has to do with it -----------------------------------------------------------------

const SLOTS = 4; // of the six connections to a host that a browser shares among all its tabs
const VISIT_INTERVAL = 2; // seconds between two visits of a tab that has none of them
const SOON = 0.25; // seconds between two visits where something was said
const VISIT_PATIENCE = 15; // seconds that a visit may take, behind those of other tabs
const drivers = new Set();

/** Whether requests to an origin share one connection, as far as a page can see. */
function isMultiplexed(origin) {
  if (!globalThis.location) return true; // no browser, no six connections
  return ["navigation", "resource"].some((type) =>
    performance.getEntriesByType(type).some(
      ({ name, nextHopProtocol }) => name.startsWith(`${origin}/`) && /^h[23]/.test(nextHopProtocol),
    ),
  );
}

/**
 * Leave to keep a connection busy, on HTTP/1.1: a Web Lock, one of four a host for all tabs.
 *
 * Who has none visits the server now and then. A visible page asks the hidden ones for theirs.
 */
class Slot {
  held = false;
  asked = null;

  constructor(driver) {
    this.driver = driver;
    this.name = `byway ${driver.origin} `;
  }

  /** Ask for one; return whether there is one now. If not, it is held as soon as one is free. */
  take() {
    const { locks } = globalThis.navigator ?? {};
    if (this.held || !locks || this.driver.multiplexed) this.held = true;
    return this.held || (this.asked ??= this.ask(locks));
  }

  async ask(locks) {
    for (let index = 0; index < SLOTS; index++) {
      if (await this.request(locks, index, { ifAvailable: true })) return true;
    }
    this.waiting = new AbortController();
    this.request(locks, Math.floor(Math.random() * SLOTS), { signal: this.waiting.signal });
    this.want();
    return false;
  }

  /** Ask hidden pages for theirs, where this one is seen. */
  want() {
    if (this.waiting && !this.held && !globalThis.document?.hidden) tabs?.postMessage(this.name);
  }

  request(locks, index, options) {
    return new Promise((resolve) => {
      locks.request(this.name + index, options, (lock) => {
        if (lock && this.asked) {
          this.held = true;
          this.driver.soon();
        }
        resolve(this.held);
        return lock && this.asked && new Promise((free) => (this.free = free));
      }).catch(({ name }) => {
        this.held ||= name === "SecurityError"; // an opaque origin has no locks
        resolve(this.held);
      });
    });
  }

  release() {
    this.waiting?.abort();
    this.free?.();
    Object.assign(this, { held: false, asked: null, waiting: null, free: null });
  }
}

/** Tabs tell each other who wants a slot; the same word wakes pages whose timers are slow. */
const tabs = globalThis.location && globalThis.BroadcastChannel && new BroadcastChannel(STORED);
if (tabs) {
  tabs.onmessage = ({ data }) => {
    for (const driver of drivers) {
      for (const { slot } of driver.all) {
        if (data !== slot.name || !slot.free || !globalThis.document?.hidden) continue;
        slot.release();
        slot.take();
      }
      driver.soon();
    }
  };
}

const everyDriver = (act) => () => [...drivers].forEach(act);
const onPage = {
  online: everyDriver((driver) => driver.moved()),
  visibilitychange: everyDriver((driver) => {
    if (document.hidden) return;
    for (const { slot } of driver.all) slot.want();
    driver.wake();
  }),
  resume: everyDriver((driver) => driver.wake()), // of a frozen page
  pagehide: ({ persisted }) => everyDriver((driver) => persisted ? driver.pause() : driver.leave())(),
  pageshow: ({ persisted }) => persisted && everyDriver((driver) => driver.resume())(),
};
for (const [type, listener] of Object.entries(onPage)) {
  globalThis.addEventListener?.(type, listener);
  if (type === "visibilitychange" || type === "resume") {
    globalThis.document?.addEventListener(type, listener);
  }
}

// The driver --------------------------------------------------------------------------------------

const MAX_OPENINGS = 12; // attempts of a session's first rounds, where connections fail
const LAST_WORDS = 2; // seconds that the last acknowledgement may take
const SLEPT = 5; // seconds by which a timer was late when the machine or the page has slept
const GRACE = 3; // seconds in which a carrier has to answer after that

/** Keeps a session carried, as the race decides, and tells the socket what comes of it. */
class Driver {
  heartbeat = 10;
  silence = 25;
  window = 30;
  batch = 64 * KIB;
  key = random(18);
  instance = null;
  carriers = 0;
  links = new Map(); // by transport
  leaving = null; // a link that ends soon, and carries until another is used
  attempts = []; // until the session has opened
  trail = {}; // the newest attempt in vain of each transport
  began = now();
  timer = null;
  timerAt = Infinity;
  ready = false;
  finished = false;
  paused = false;
  uploads = canUpload(); // none has failed yet
  wasMarked = false; // an answer has shown byway

  /** @param on `{open(opening), message(data, cost), transport(name), plain(socket), over()}` */
  constructor(url, subprotocols, options, on) {
    Object.assign(this, { url, subprotocols, options, on });
    this.http = url.replace(/^ws/, "http");
    this.origin = new URL(this.http).origin;
    this.session = new Session(on.message, options.maxMessage);
    const known = options.memory ? memory.recall(this.origin) : null;
    this.quiet = new Silence(known?.heartbeat);
    this.session.beat = this.quiet.heartbeat ?? 0;
    this.race = new Race(options.transports, {
      timeout: options.openTimeout, patience: options.patience,
      first: known?.transport, openedIn: known?.seconds, retryBetter: known?.due,
    });
    this.lastStep = Date.now();
    drivers.add(this);
    this.soon();
  }

  // What carriers ask for

  get offers() {
    return this.instance === null ? this.subprotocols : [];
  }

  get progress() {
    return this.session.received + this.session.first;
  }

  webSocket(protocols) {
    return new NativeWebSocket(this.url, protocols);
  }

  /** Whether requests share one connection. Else a browser has six for all tabs of a host. */
  get multiplexed() {
    return this.isMultiplexed ||= isMultiplexed(this.origin);
  }

  /** What HELLO says, of any request or handshake. */
  greeting(link, answer, poll) {
    const [received, room] = this.session.announce(link);
    const { key, instance, offers } = this;
    return { key, carrier: link.id, received, room, answer, instance, poll, subprotocols: offers };
  }

  /** Send HELLO and frames; return the answer when its head has come, if it is the one asked for. */
  async request(link, answer, frames, options = {}) {
    const { accept = FRAMES, poll, within, keepalive, controller = new AbortController() } = options;
    const { body = joined([
      encodeHello(this.greeting(link, answer, poll)), ...frames.map((one) => one.wire),
    ]) } = options;
    if (link.done && !keepalive) throw new Lost(link.why);
    link.requests.add(controller);
    const timer = within && setTimeout(() => controller.abort(), within * 1000);
    let response, text;
    try {
      response = await fetch(this.http, {
        method: "POST", body, keepalive, duplex: "half",
        headers: {
          ...this.options.headers, "content-type": "application/byway",
          byway: answer === "up" ? answer : "1", accept,
        },
        cache: "no-store", redirect: "error", referrerPolicy: "no-referrer",
        credentials: this.options.credentials, signal: controller.signal,
      });
      const mark = response.headers.get("byway");
      this.wasMarked ||= Boolean(mark);
      if (response.ok && mark === answer) {
        if (!within && !poll) return response;
        const bytes = await response.arrayBuffer();
        return { arrayBuffer: () => bytes };
      }
      text = mark === "error" ? `: ${(await response.text()).slice(0, 200).trim()}` : "";
      throw new Lost(`it was answered ${response.status}${text}`, { status: response.status, mark });
    } catch (error) {
      if (error instanceof Lost) throw error;
      throw new Lost(controller.signal.aborted ? "no answer" : error.message, { network: true });
    } finally {
      clearTimeout(timer);
      if (within || poll) link.requests.delete(controller);
    }
  }

  feed(link, frames) {
    if (link.done || !frames.length) return;
    if (!link.opened || frames[0][0] === OPEN) this.takeOpen(link, frames[0]);
    link.heard = now();
    this.session.feed(link, frames);
    this.soon();
  }

  takeOpen(link, [kind, payload]) {
    if (kind !== OPEN) throw new FrameError("the first frame is not OPEN");
    const opening = JSON.parse(fromUtf8(payload));
    if (opening.v !== 1) throw new FrameError("another version of the protocol");
    const { part, batch, heartbeat, silence, window, received, room } = opening;
    if (![part, batch, heartbeat, silence, window, received + 1, room + 1].every((one) => Number.isFinite(one) && one > 0)) {
      throw new FrameError("a field of OPEN is wrong");
    }
    this.wasMarked = true;
    if (this.instance !== null && opening.instance !== this.instance) {
      throw new Lost("another instance answered: two servers share this address");
    }
    this.session.acknowledge(received, room);
    this.instance = opening.instance;
    Object.assign(this, { heartbeat, silence, window });
    this.batch = Math.min(this.batch, batch);
    this.session.part = Math.min(MAX_PART, part);
    link.opened = true;
    if (!this.opening) {
      this.opening = opening;
      this.race.offered(opening.transports);
    }
  }

  /** Return the frames to write on a carrier now, an acknowledgement if nothing else is due. */
  due(link, size) {
    const { session } = this;
    let frames = session.take(link, size);
    if (!frames.length && !session.over) {
      const at = link.said + (session.unannounced(link) ? this.heartbeat : this.silence);
      if (now() >= at) frames = session.take(link, size, true);
      else this.wakeAt(at);
    }
    if (frames.length) link.said = now();
    return frames;
  }

  /** Wait until another visit is due, for what comes down or has to go up. */
  pauseBetweenVisits(link) {
    const began = now();
    const { first } = this.session;
    return new Promise((resolve) => {
      link.visit = () => {
        // What has just been said may well be answered.
        const at = began + (this.session.first > first ? SOON : VISIT_INTERVAL);
        if (now() >= at || link.slot.held || link.done) resolve();
        else this.wakeAt(at);
      };
      link.visit();
    });
  }

  becomePlain(socket) {
    for (const link of this.all) {
      link.stop = null;
      link.end("a server without byway answered");
    }
    this.finish();
    this.on.plain(socket);
  }

  // What is done, each time that something has happened

  /** Look at everything before this task is over. */
  soon() {
    if (this.isDue || this.finished) return;
    this.isDue = true;
    queueMicrotask(() => this.step());
  }

  /** Look at everything at a time, if nothing happens before. */
  wakeAt(at) {
    if (at >= this.timerAt || this.finished) return;
    clearTimeout(this.timer);
    this.timerAt = at;
    this.timer = setTimeout(() => this.step(), Math.max(0, Math.min(at - now(), 1e6)) * 1000 + 1);
  }

  step() {
    this.isDue = false;
    clearTimeout(this.timer);
    this.timerAt = Infinity;
    if (this.finished) return;
    const time = now();
    this.watch(time);
    this.takeIn(time);
    if (!this.finished && !this.paused && this.session.state !== "lost") this.negotiate(time);
    for (const link of this.all) {
      link.pump();
      link.visit?.();
    }
    this.lookForEnd(now());
  }

  /** End carriers that are silent, or on which nothing is acknowledged. */
  watch(time) {
    const { session } = this;
    const late = (Date.now() - this.lastStep) / 1000 - this.heartbeat - SLEPT;
    this.lastStep = Date.now();
    if (late > 0) this.wake();
    this.wakeAt(time + this.heartbeat); // by which a sleep is told
    for (const link of this.all) {
      if (!link.opened) continue;
      if (link.first !== session.first || session.first >= link.cursor || link.batched) {
        Object.assign(link, { first: session.first, movedAt: time });
      }
      if (link.heard > link.askedAt) link.askedAt = undefined;
      const patience = Math.max(LATE * this.heartbeat, link.isVisiting ? VISIT_PATIENCE : 0);
      const until = link.askedAt ? link.askedAt + GRACE : link.heard + patience;
      const moving = link.movedAt + LATE * this.heartbeat;
      if (time >= until) link.end(`silent for ${(time - link.heard).toFixed(1)} s`);
      else if (time >= moving) link.end("nothing is acknowledged");
      else this.wakeAt(Math.min(until, moving));
    }
  }

  /** The page or the machine has slept, or has come into another network: ask every carrier. */
  wake() {
    for (const link of this.all) {
      if (!link.opened) continue;
      link.askedAt = now();
      this.session.ping(link, random(6), false);
    }
    this.soon();
  }

  /** The page has come into another network. */
  moved() {
    this.race.doubt(now());
    for (const link of this.all) {
      if (!link.opened) continue;
      link.isProven = false;
      this.session.ping(link, random(6));
    }
    this.wake();
  }

  /** The page is being hidden away, and may come back. */
  pause() {
    this.paused = true;
    for (const link of this.all) link.end("the page is hidden away");
  }

  resume() {
    this.paused = false;
    this.soon();
  }

  takeIn(time) {
    for (const [name, link] of this.links) {
      if (link.opened && !link.isOpen) {
        link.isOpen = true;
        link.openedIn = time - link.began;
        this.race.opened(name, time);
        this.session.ping(link, random(6));
      }
      if (link.proven && !link.isProven) {
        link.isProven = true;
        this.race.proven(name, time);
      }
      if (link.done) {
        this.links.delete(name);
        this.takeEnd(link, time);
      }
    }
    if (this.leaving?.done) {
      this.leaving = null; // it was announced, so it is no failure
      this.race.left(time);
    }
    const used = this.links.get(this.race.used);
    if (!used?.leaving) return;
    if (this.leaving) {
      this.leaving.end("another is leaving too");
      return;
    }
    this.leaving = used;
    this.links.delete(used.transport);
    this.race.leave(time);
  }

  takeEnd(link, time) {
    const { error, transport } = link;
    const { session } = this;
    if (session.over || this.finished) return;
    const announced = link.leaving && this.ready;
    if (!announced) this.note(link, time, link.why);
    const refused = error?.mark === "refused";
    if (refused && !this.ready) {
      this.fail(`refused with ${error.status}`);
      return;
    }
    const others = this.all.some((one) => one.opened);
    if (this.ready && (refused || error?.status === 410) && !others) {
      if (session.state === "open") session.abort(1006, link.why);
      else session.settle();
      return;
    }
    const served = link.opened &&
      (time - link.began >= this.heartbeat || this.progress > link.progress);
    const usual = Math.min(this.heartbeat, this.quiet.heartbeat ?? Infinity);
    const blameless = this.paused || announced ||
      (link.opened && !error?.status && !link.askedAt && this.quiet.cut(time - link.heard, usual));
    if (blameless && this.quiet.heartbeat) session.beat = this.quiet.heartbeat;
    this.race.ended(transport, time, served, blameless);
  }

  negotiate(time) {
    const { race, session } = this;
    if (race.exhausted) {
      if (!this.ready && !this.mayBeLuck()) {
        if (this.options.memory) memory.keep(this.origin);
        this.tryPlain();
        return;
      }
      if (session.state === "closed" && !this.leaving) {
        session.settle(); // only the last acknowledgement is left to say
        return;
      }
      race.nextRound(time);
    }
    const [actions, again] = race.decide(time);
    for (const { start, use, stop, why, late } of actions) {
      if (start) this.links.set(start, new Link(this, start, ++this.carriers));
      else if (use) {
        delete this.trail[use];
        // The same transport goes on; one that has left may still be there, behind another.
        const follows = session.selected === this.leaving && this.leaving?.transport === use;
        this.last = this.links.get(use);
        session.select(this.last);
        if (!this.ready) {
          this.ready = true;
          this.on.open(this.opening);
        }
        if (!follows) this.on.transport(use);
      } else {
        const link = this.links.get(stop);
        if (!link) continue;
        if (late || !this.ready) this.note(link, time, why);
        this.links.delete(stop);
        link.end(why);
      }
    }
    if (again !== null) this.wakeAt(again);
    if (!this.ready) {
      const until = this.began + this.options.openTimeout;
      if (time >= until) {
        for (const link of this.all) this.note(link, time, "no OPEN in time");
        if (this.options.memory) memory.keep(this.origin);
        this.fail("nothing got through in time");
      } else this.wakeAt(until);
    }
    this.remember(time);
  }

  /** A first round in vain is worth another where connections failed: that may be chance. */
  mayBeLuck() {
    const { attempts } = this;
    return attempts.length < MAX_OPENINGS &&
      attempts.slice(-this.race.order.length).some((one) => one.network && one.transport !== "websocket");
  }

  /** A server without byway leaves a browser's WebSocket unanswered unless all offers are its own. */
  tryPlain() {
    if (this.wasMarked || !NativeWebSocket || !this.race.order.includes("websocket")) {
      this.fail("nothing got through");
      return;
    }
    let socket;
    try {
      socket = new NativeWebSocket(this.url, this.subprotocols);
    } catch (error) {
      this.fail(error.message);
      return;
    }
    this.finish();
    this.on.plain(socket);
  }

  note({ transport, began, opened, error }, time, why) {
    const attempt = {
      transport, why, opened, seconds: Number((time - began).toFixed(3)),
      status: error?.status, mark: error?.mark ?? undefined, network: error?.network,
    };
    this.trail[transport] = attempt;
    if (!this.ready) this.attempts.push(attempt);
  }

  remember(time) {
    const { race, quiet } = this;
    const link = this.links.get(race.used);
    if (!this.options.memory || !link || !race.works) return;
    const heartbeat = quiet.confirmed(time - link.began) ? quiet.heartbeat ?? undefined : undefined;
    const news = `${race.used} ${race.settled} ${heartbeat}`;
    if (news === this.kept) return;
    this.kept = news;
    const before = memory.recall(this.origin);
    const known = before?.transport === race.used && !race.settled;
    memory.keep(this.origin, {
      transport: race.used, seconds: link.openedIn, heartbeat,
      since: known ? before.since : Date.now() / 1000,
    });
  }

  /** Tell the server that the session is over, before the page hears of it. */
  refuse(why) {
    this.session.close(1002, why);
    this.leave();
    this.fail(why);
    this.soon();
  }

  /** Nothing opened: the session is lost before it began. */
  fail(why) {
    this.failure = why;
    this.session.abort(1006, why);
  }

  lookForEnd(time) {
    const { session } = this;
    if (this.finished) return;
    if (session.state !== "lost" && this.ready) {
      // Without a carrier for a window the server lets the session go too.
      const carried = this.paused || this.all.some((one) => one.opened);
      this.alone = carried ? null : this.alone ?? time;
      if (!carried && time - this.alone >= this.window) {
        session.abort(1006, `no carrier for ${this.window} s`);
      } else if (!carried) this.wakeAt(this.alone + this.window);
    }
    if (session.state === "open") return;
    if (this.ending !== session.state) Object.assign(this, { ending: session.state, closingSince: time });
    const longest = session.state === "closed" ? LAST_WORDS : this.options.closeTimeout;
    if (session.state !== "lost" && time - this.closingSince >= longest) {
      session.abort(1006, "the close was not answered in time");
    }
    if (session.state !== "closing") this.on.over();
    const link = this.used;
    const busy = session.state === "closed" && time - this.closingSince < longest && link &&
      (session.kept.length || session.pending(link) || link.flights.length);
    if (busy || session.state === "closing") this.wakeAt(this.closingSince + longest);
    else this.finish();
  }

  finish() {
    this.finished = true;
    drivers.delete(this);
    clearTimeout(this.timer);
    for (const link of this.all) link.end("the session is over");
    this.links.clear();
  }

  /** The page goes away for good: say so in one last request. */
  leave() {
    const { session } = this;
    session.close(1001, "");
    // Firefox has ended all carriers by now, a WebSocket before its last word is out.
    const link = this.used ?? this.last;
    if (!link || session.over) return;
    if (!link.done) link.pump(); // a WebSocket that has ended complains in the console
    session.rewind(link);
    const frames = session.take(link, 60 * KIB); // of which a browser sends 64 KiB at most
    const controller = new AbortController();
    this.request(link, "ack", frames, { keepalive: true, controller }).catch(() => {});
    link.requests.delete(controller); // so that nothing aborts it
  }

  /** All carriers and attempts. */
  get all() {
    return this.leaving ? [...this.links.values(), this.leaving] : [...this.links.values()];
  }

  /** The carrier in use, or undefined. */
  get used() {
    return this.race.leaving ? this.leaving ?? undefined : this.links.get(this.race.used);
  }

  get transport() {
    const { used } = this;
    return used?.opened && !this.finished ? used.transport : null;
  }

  report() {
    const { transport } = this;
    return {
      url: this.url,
      transport,
      failure: this.failure ?? null,
      transports: this.options.transports.map((name) => {
        if (name === transport) return { transport: name, verdict: "in use" };
        const attempt = this.trail[name];
        const offered = !this.opening || this.opening.transports.includes(name);
        if (!attempt) return { transport: name, verdict: offered ? "not tried" : "not offered" };
        const verdict = attempt.opened ? "cut" : attempt.status ? "refused" : "failed";
        return { verdict, ...attempt };
      }),
    };
  }
}

// The socket --------------------------------------------------------------------------------------

const STATES = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"];
const MAX_REASON = 123; // bytes (RFC 6455, section 5.5)
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
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

const CloseEvent = globalThis.CloseEvent ?? class CloseEvent extends Event {
  constructor(type, { code = 0, reason = "", wasClean = false } = {}) {
    super(type);
    Object.assign(this, { code, reason, wasClean });
  }
};

/** Check options, and add what is left out. */
function checked(options) {
  const given = Object.entries({ ...installed, ...options }).filter(([, value]) => value !== undefined);
  const all = { ...DEFAULTS, ...Object.fromEntries(given) };
  for (const name of ["openTimeout", "closeTimeout", "maxMessage"]) {
    if (!(all[name] >= 0)) throw new TypeError(`${name} has to be a number, not below 0`);
  }
  const unknown = Object.keys(all).find((name) => !(name in DEFAULTS));
  if (unknown) throw new TypeError(`unknown option ${unknown}`);
  const names = typeof all.transports === "string" ? all.transports.split(/[\s,]+/) : [...all.transports];
  const wrong = names.find((one, index) => !ORDER.includes(one) || names.indexOf(one) < index);
  if (wrong !== undefined || !names.length) {
    throw new TypeError(`transports: ${wrong ?? "none"} is unknown or named twice; use ${ORDER}`);
  }
  const transports = NativeWebSocket ? names : names.filter((one) => one !== "websocket");
  return { ...all, transports };
}

/** The URL of a WebSocket (WHATWG WebSockets, section 3.1), and what it may not be. */
function socketUrl(url) {
  let parsed;
  try {
    parsed = new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href);
  } catch {
    throw new DOMException(`${url} is no URL`, "SyntaxError");
  }
  parsed.protocol = parsed.protocol.replace(/^http/, "ws");
  if (!/^wss?:$/.test(parsed.protocol)) {
    throw new DOMException(`the scheme of ${parsed} is none of ws, wss, http and https`, "SyntaxError");
  }
  if (parsed.hash || parsed.href.endsWith("#")) {
    throw new DOMException("the URL has a fragment", "SyntaxError");
  }
  return parsed;
}

/** The WebSocket interface (WHATWG WebSockets, section 3) over any transport. */
export class BywaySocket extends EventTarget {
  #url;
  #driver;
  #plain = null;
  #state = 0;
  #protocol = "";
  #binaryType = "blob";
  #given = 0; // bytes given to send()
  #waiting = []; // messages behind a Blob that is being read, and it
  #code; // given to close(); undefined where none was
  #handlers = {};
  #early = []; // what came together with OPEN, before the race has chosen
  #isOver = false;

  /**
   * @param {string | URL} url of the endpoint; ws(s) and http(s) mean the same
   * @param {string | string[]} protocols
   * @param {object} options see byway.d.ts
   */
  constructor(url, protocols = [], options = {}) {
    if (!arguments.length) throw new TypeError("a URL is required");
    super();
    this.#url = socketUrl(url);
    const isList = typeof protocols === "object" && protocols?.[Symbol.iterator];
    const offers = isList ? Array.from(protocols, String) : [`${protocols}`];
    offers.forEach((one, index) => {
      if (!TOKEN.test(one)) throw new DOMException(`${one} is no subprotocol`, "SyntaxError");
      if (offers.findIndex((other) => other.toLowerCase() === one.toLowerCase()) < index) {
        throw new DOMException(`the subprotocol ${one} is there twice`, "SyntaxError");
      }
    });
    this.#driver = new Driver(this.#url.href, offers, checked(options), {
      open: (opening) => this.#open(opening.subprotocol ?? "", offers),
      message: (data, cost) => this.#message(data, cost),
      transport: (name) => task(() => {
        if (this.#state < 2) this.dispatchEvent(new CustomEvent("transport", { detail: name }));
      }),
      plain: (socket) => this.#goOn(socket),
      over: () => this.#over(),
    });
  }

  get url() {
    return this.#url.href;
  }

  get readyState() {
    return this.#state;
  }

  get protocol() {
    return this.#protocol;
  }

  get extensions() {
    return this.#plain?.extensions ?? "";
  }

  get binaryType() {
    return this.#binaryType;
  }

  set binaryType(type) {
    if (type === "blob" || type === "arraybuffer") this.#binaryType = type;
  }

  get bufferedAmount() {
    if (this.#plain) return this.#plain.bufferedAmount;
    return this.#given - this.#driver.session.flushed;
  }

  /** The transport in use; null before the first and after the last. */
  get transport() {
    return this.#plain ? "websocket" : this.#driver.transport;
  }

  /** What became of each transport, as far as a page can see. */
  report() {
    return { ...this.#driver.report(), transport: this.transport, plain: Boolean(this.#plain) };
  }

  send(data) {
    if (!arguments.length) throw new TypeError("send() needs something to send");
    if (typeof data === "symbol") throw new TypeError("a symbol cannot be sent");
    let message;
    let size;
    // Not `instanceof`: it may be of another window's class.
    const kind = Object.prototype.toString.call(data).slice(8, -1);
    if (kind === "Blob" || kind === "File") {
      message = data;
      size = data.size;
    } else if (kind === "ArrayBuffer" || ArrayBuffer.isView(data)) {
      const view = ArrayBuffer.isView(data) ? data : new Uint8Array(data);
      message = new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice();
      size = message.length;
    } else {
      message = `${data}`;
      size = utf8(message).length;
    }
    if (!this.#state) throw new DOMException("it is still connecting", "InvalidStateError");
    if (this.#plain) {
      this.#plain.send(data);
      return;
    }
    this.#given += size;
    if (this.#state !== 1) return;
    this.#waiting.push(message);
    if (this.#waiting.length === 1) this.#flush();
  }

  /** Hand on what waits, in order; a Blob has to be read first. */
  async #flush() {
    const { session } = this.#driver;
    const waiting = this.#waiting;
    for (let at = 0; at < waiting.length; at++) {
      let message = waiting[at];
      if (message.arrayBuffer) {
        try {
          message = new Uint8Array(await message.arrayBuffer());
        } catch {
          session.abort(1006, "a Blob could not be read");
        }
      }
      if (session.state !== "open") break;
      if (typeof message === "string") session.send(TEXT, utf8(message), wellFormed(message));
      else if (message instanceof Uint8Array) session.send(BINARY, message);
      else session.close(message.code, message.reason);
    }
    waiting.length = 0;
    this.#driver.soon();
  }

  close(code, reason = "") {
    if (code !== undefined) {
      // [Clamp] unsigned short (Web IDL, section 3.3.2)
      code = Math.round(Math.min(Math.max(Number(code) || 0, 0), 65535));
      if (code !== 1000 && !(code >= 3000 && code <= 4999)) {
        throw new DOMException(`${code} is neither 1000 nor 3000 to 4999`, "InvalidAccessError");
      }
    }
    reason = wellFormed(`${reason}`);
    if (utf8(reason).length > MAX_REASON) {
      throw new DOMException(`the reason is longer than ${MAX_REASON} bytes`, "SyntaxError");
    }
    if (this.#plain) {
      this.#plain.close(...arguments);
      this.#state = this.#plain.readyState;
    }
    if (this.#state > 1) return;
    const wasConnecting = !this.#state;
    this.#state = 2;
    this.#code = code ?? (reason ? 1000 : undefined);
    if (wasConnecting) {
      this.#driver.fail("it was closed before it had opened");
      this.#driver.soon();
      return;
    }
    this.#waiting.push({ code: code ?? 1000, reason });
    if (this.#waiting.length === 1) this.#flush();
  }

  #open(protocol, offers) {
    task(() => {
      if (this.#state) return;
      if (offers?.length && !offers.includes(protocol)) {
        // Who asks for subprotocols has to be given one (WHATWG WebSockets, section 2.2).
        this.#driver.refuse("the server took none of the subprotocols");
        return;
      }
      this.#state = 1;
      this.#protocol = protocol;
      this.dispatchEvent(new Event("open"));
    });
    const early = this.#early;
    this.#early = null;
    for (const [data, cost] of early) this.#message(data, cost);
  }

  #message(data, cost) {
    if (this.#early) {
      this.#early.push([data, cost]);
      return;
    }
    task(() => {
      const { session } = this.#driver;
      session.queued -= cost;
      if (session.room < cost * 2 || session.queued < cost) this.#driver.soon();
      if (this.#state !== 1) return;
      if (typeof data !== "string") {
        data = this.#binaryType === "blob" ? new Blob([data]) : data.buffer;
      }
      this.dispatchEvent(new MessageEvent("message", { data, origin: this.#url.origin }));
    });
  }

  #over() {
    if (this.#isOver) return;
    this.#isOver = true;
    task(() => {
      const { session } = this.#driver;
      const { wasClean } = session;
      let { code, reason } = wasClean ? session.end : { code: 1006, reason: "" };
      if (this.#state === 2 && wasClean && this.#code === undefined) code = 1005;
      this.#ended(wasClean, code, reason);
    });
  }

  #ended(wasClean, code, reason) {
    this.#state = 3;
    if (!wasClean) this.dispatchEvent(new Event("error"));
    this.dispatchEvent(new CloseEvent("close", { wasClean, code, reason }));
  }

  /** Go on as a plain WebSocket: the server has no byway. */
  #goOn(socket) {
    if (this.#state > 1) {
      socket.close();
      task(() => this.#ended(false, 1006, ""));
      return;
    }
    this.#plain = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#open(socket.protocol);
    socket.onmessage = ({ data }) => this.#message(typeof data === "string" ? data : new Uint8Array(data), 0);
    socket.onerror = null;
    socket.onclose = ({ wasClean, code, reason }) => task(() => this.#ended(wasClean, code, reason));
    if (socket.readyState === 1) socket.onopen();
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
    // Members of a Web IDL interface are enumerable; ours beside them are not.
    for (const name of ["url", "readyState", "bufferedAmount", "extensions", "protocol", "binaryType", "send", "close"]) {
      Object.defineProperty(this.prototype, name, { enumerable: true });
    }
    STATES.forEach((name, value) => {
      for (const one of [this, this.prototype]) Object.defineProperty(one, name, { value, enumerable: true });
    });
    // Event handler attributes (WHATWG HTML, section 8.1.8.1)
    for (const type of ["open", "message", "error", "close", "transport"]) {
      Object.defineProperty(this.prototype, `on${type}`, {
        configurable: true,
        enumerable: type !== "transport",
        get() {
          return this.#handlers[type]?.value ?? null;
        },
        set(value) {
          const slot = this.#handlers[type];
          if (typeof value !== "function" && (typeof value !== "object" || !value)) {
            if (slot) this.removeEventListener(type, slot.listener);
            delete this.#handlers[type];
          } else if (slot) slot.value = value;
          else {
            const made = { value, listener: (event) => typeof made.value === "function" && made.value.call(this, event) };
            this.#handlers[type] = made;
            this.addEventListener(type, made.listener);
          }
        },
      });
    }
  }
}

export default BywaySocket;

// `<script type="module" src="….js?install">` is all that a page needs then.
if (/[?&]install\b/.test(import.meta.url)) BywaySocket.install();

/** For the test vectors; no part of the interface. */
export const parts = { FrameDecoder, EventDecoder, Session, Race, Silence, encodeHello, encodeToken };
