/**
 * Plays test vectors on the JavaScript code; the other half is play.py.
 *
 *     node tests/vectors/play.mjs            all of them
 *     node tests/vectors/play.mjs race       one kind
 *
 * Prints one JSON line a kind: {"kind", "cases", "wrong": [{"name", "wanted", "got"}, …]}.
 */

import { readFileSync, readdirSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { eventDecoder } from "../../browser/src/eventstream.js";
import { frameDecoder } from "../../browser/src/frames.js";
import { encodeHello, encodeToken } from "../../browser/src/handshake.js";
import { passesAfter } from "../../browser/src/retry.js";
import { fresh } from "../browser/modules.mjs";

Math.random = () => 0.5; // the middle of what is left to chance
const here = new URL(".", import.meta.url);
const bytes = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const hex = (data) => Array.from(data, (one) => one.toString(16).padStart(2, "0")).join("");
const asBytes = (payload) => (typeof payload === "string" ? new TextEncoder().encode(payload) : payload);

/** Write bytes as hex; of many, the ends and how many there are. */
function shown(data) {
  const text = hex(data);
  return text.length <= 400 ? text : `${text.slice(0, 200)}…${text.slice(-100)} (${data.length})`;
}

function decode(feed, asked) {
  const data = bytes(asked.bytes);
  const cuts = [0, ...asked.cuts, data.length];
  const frames = [];
  try {
    for (let i = 0; i + 1 < cuts.length; i++) frames.push(...feed(data.slice(cuts[i], cuts[i + 1])));
  } catch {
    return "error";
  }
  return frames.map(([kind, payload]) => [kind, hex(asBytes(payload))]);
}

async function race(asked) {
  const known = { transport: asked.first, seconds: asked.openedIn ?? 0, isDue: asked.retryBetter };
  const options = { transports: asked.order, openTimeout: asked.timeout, patience: asked.patience ?? {} };
  let told = [];
  let again = Infinity;
  const { race: one, pace } = await fresh(["race", "pace"], {
    target: { known, options },
    timer: { wakeAt: (at) => (again = Math.min(again, at)) },
    links: {
      start: ({ way }) => told.push(["start", way]),
      use: ({ way }) => told.push(["use", way]),
      stop: ({ way }, why, isLate = false) => told.push(["stop", way, isLate]),
      askForTrip: ({ way }) => told.push(["ask", way]),
    },
  });
  const runners = Object.fromEntries(one.order.map((runner) => [runner.way, runner]));
  const answers = [];
  for (const [now, what, ...more] of asked.steps) {
    const [name, ...rest] = more;
    if (what === "decide") {
      one.decide(now);
      answers.push([told, again === Infinity ? null : Math.round(Math.max(again, now) * 1e6) / 1e6,
        [one.used?.way ?? null, one.leaving?.way ?? null, one.isSettled(), one.isExhausted()]]);
      told = [];
      again = Infinity;
    } else if (what === "offered") one.offered(name);
    else if (what === "busy") {
      pace.spoke(now);
      if (name) pace.checkSoon();
    }
    else if (what === "round") one.nextRound(now, ...more);
    else if (name) one[what](runners[name], now, ...rest);
    else one[what](now);
  }
  return answers;
}

const PHASES = ["open", "closing", "closed", "lost"];

async function session(asked) {
  const received = [];
  const { session: one, inbox, outbox, life } = await fresh(["session", "inbox", "outbox", "life"], {
    target: { known: {}, options: { maxMessage: 16 * 1024 * 1024 } },
    events: { receive: (data, cost) => received.push([data, cost]) },
  });
  const carriers = {};
  const steps = {
    attach(id, _ordered, batched) {
      one.attach((carriers[id] = { id }), batched);
      one.announce(carriers[id]);
    },
    detach: (id) => one.detach(carriers[id]),
    select: (id) => one.choose(carriers[id]),
    ping: (id, nonce) => one.ping(carriers[id], nonce),
    rewind: (id) => one.rewind(carriers[id]),
    beat: (seconds) => one.askForBeat(seconds),
    acknowledge: (number, room) => outbox.acknowledge(number, room),
    send: (text) => outbox.post(1, new TextEncoder().encode(text), text),
    bytes: (size) => outbox.post(2, new Uint8Array(size).fill(7)),
    close(code, reason) {
      life.shut(code, reason);
      drop();
    },
    settle: () => life.settle(),
  };
  // What is dispatched after close() is dropped by the socket, which tells the session as much.
  const drop = () => {
    for (const [, cost] of received.splice(0)) inbox.dispatched(cost);
  };
  const answers = [];
  for (const [what, ...more] of asked.steps) {
    try {
      if (what === "feed") {
        const carrier = carriers[more[0]];
        one.take(carrier, frameDecoder()(bytes(more[1])));
        answers.push([inbox.got, carrier.isProven, carrier.isLeaving]);
      } else if (what === "take") {
        const frames = one.write(carriers[more[0]], more[1], more[2]);
        answers.push([shown(Buffer.concat(frames)), Boolean(one.isPending(carriers[more[0]]))]);
      } else if (what === "end") answers.push([life.ending.code, life.ending.reason]);
      else if (what === "read") {
        const [data, cost] = received.shift() ?? [null, 0];
        inbox.dispatched(cost);
        answers.push(data === null || typeof data === "string" ? data : { bytes: shown(data) });
      } else if ((what === "send" || what === "bytes") && life.phase !== 0) answers.push("closed");
      else {
        steps[what](...more);
        answers.push([PHASES[life.phase], life.isOver()]);
      }
    } catch (error) {
      if (error.constructor !== Error) throw error; // a mistake, as the code throws no other
      answers.push("error");
    }
  }
  return answers;
}

const FRAME = 8005; // bytes of each frame in the cases on batches

async function batches(asked) {
  let time = 0;
  let wake, ended = false;
  let left = [];
  const flights = [];
  const link = { id: 1, began: -asked.opened_in, way: "poll", end: () => (ended = link.isDone = true) };
  performance.now = () => time * 1000;
  const { session: one, outbox, life, batches } = await fresh(["session", "outbox", "life", "batches"], {
    target: { known: {}, options: {} },
    events: { receive() {} },
    links: { due: (carrier, size) => (left.push(size), one.write(carrier, size)) },
    requests: {
      ask: () => new Promise((resolve, reject) => flights.push({ resolve, reject })),
      isMultiplexed: () => asked.most === 8,
    },
    terms: { maxBatch: asked.size, limitBatches() {}, mayUpload: false, terms: { heartbeat: asked.heartbeat } },
    timer: { hasCome: (at) => time >= at || void (wake = at), soon() {} },
    upload: { upload() {} },
    visits: { visit() {} },
  });
  one.attach(link, true);
  one.announce(link);
  outbox.acknowledge(0, 1e9);
  batches.batches(link);
  const answers = [];
  for (const [at, what, ...more] of asked.steps) {
    time = at;
    if (what === "say") {
      for (let count = more[0]; count--; ) outbox.post(2, new Uint8Array(FRAME - 5));
    } else {
      const [index, { acknowledged, status, after, other }] = more;
      if (acknowledged === undefined) {
        flights[index].reject(Object.assign(new Error("lost"), { status, after, isOther: other }));
      } else {
        const ack = new Uint8Array(17);
        new DataView(ack.buffer).setUint32(1, 12);
        new DataView(ack.buffer).setUint32(9, acknowledged);
        new DataView(ack.buffer).setUint32(13, 1e9);
        ack[0] = 19;
        flights[index].resolve(ack.buffer);
      }
      await new Promise(setImmediate); // what waits for it goes on
      ended ||= life.phase === life.LOST;
    }
    const gone = [];
    wake = undefined;
    for (let before = -1; !ended && before !== flights.length; ) {
      before = flights.length;
      left = [];
      wake = undefined;
      link.pump();
      if (flights.length > before) gone.push([link.cursor, left[0]]);
    }
    answers.push([gone, wake === undefined ? null : Math.round(wake * 1e6) / 1e6, ended]);
  }
  delete performance.now;
  return answers;
}

async function upload(asked) {
  let time = 0;
  let pings = 0, isWorthIt, controller, over;
  performance.now = () => time * 1000;
  const link = { id: 1, batched: true, control: [], flights: { size: 1 }, cursor: 5, pump() {} };
  const { upload: one } = await fresh(["upload"], {
    links: { due: () => [] },
    requests: {
      ask: (_link, _answer, more) => ((controller = more.controller), new Promise((resolve) => (over = resolve))),
      greet: () => ({}),
    },
    session: { ping: (to) => void (pings++, to.control.push(new Uint8Array(1))), rewind() {} },
    terms: { judgeUploads: (it) => (isWorthIt = it), maxBatch: 65536, terms: { silence: asked.silence } },
    timer: { hasCome: (at) => time >= at, soon() {} },
  });
  one.upload(link, asked.round_trip);
  const answers = [];
  for (const [at, what, flights, cursor] of asked.steps) {
    time = at;
    if (what === "heard") link.awaited = undefined;
    else if (what === "look") {
      Object.assign(link, { flights: { size: flights }, cursor });
      const before = pings;
      link.pump();
      const move = controller.signal.aborted ? "lost" : pings > before ? "ping" : "nothing";
      answers.push([move, !link.batched]);
    } else {
      over();
      await new Promise(setImmediate);
      answers.push(isWorthIt);
    }
  }
  delete performance.now;
  return answers;
}

async function polls(asked) {
  const answers = [];
  const statuses = { refused: 503, large: 413 };
  const link = { id: 1, flights: {} };
  let count = 0, isRenewed = false, isForgiven = false;
  /** Let the link be as the next poll is to find it. */
  const prepare = () => (link.isHeld = !asked.steps[count]?.[0]);
  await new Promise(async (enough, lost) => {
    const { polls: one } = await fresh(["polls"], {
      batches: { batches() {} },
      life: { CLOSED: 2, phase: 0 },
      links: { feed() {}, join: () => (isRenewed = true) },
      outbox: { oldest: 1 },
      requests: {
        async ask(_link, _answer, { poll, frames }) {
          if (isForgiven) answers.push("again");
          isForgiven = false;
          if (count === asked.steps.length) return new Promise(enough);
          answers.push([poll, isRenewed, frames.length > 0]);
          isRenewed = false;
          const outcome = asked.steps[count++][1];
          prepare();
          if (outcome === "came") return new ArrayBuffer(0);
          isForgiven = true;
          throw Object.assign(new Error(outcome),
            outcome in statuses ? { status: statuses[outcome] } : { isNetwork: true, isOther: outcome === "blocked" });
        },
      },
      session: {
        choose() {}, detach() {}, write: () => asked.steps[count]?.[2] ? ["words"] : [],
        rewind() {
          answers.push("rewind");
          isForgiven = false;
        },
      },
      slots: { async takeSlot() {} },
      timer: { hasCome: () => true, soon() {} },
      visits: { visitsUntil: 0 },
    });
    prepare();
    one.carry(link).catch((error) => {
      answers.push("lost");
      (error.message in { cut: 1, blocked: 1, ...statuses } ? enough : lost)(error);
    });
  });
  return answers;
}

const greeting = ({ key, ...more }) => ({ session: key, ...more });

const players = {
  frames: (asked) => decode(frameDecoder(), asked),
  events: (asked) => decode(eventDecoder(), asked),
  hello: (asked) => ({ token: encodeToken(greeting(asked)), frame: JSON.parse(new TextDecoder().decode(encodeHello(greeting(asked)).slice(5))) }),
  async silence(asked) {
    const { silence: quiet } = await fresh(["silence"], {
      target: { known: { heartbeat: asked.heartbeat ?? undefined } },
    });
    return asked.cuts.map(([lasted, heartbeat]) =>
      [quiet.learn(lasted, heartbeat), quiet.beat ?? null, quiet.limit ?? null]);
  },
  race,
  session,
  batches,
  upload,
  polls,
  retry({ status, mark, headers }) {
    const after = passesAfter(status, mark || undefined, new Headers(headers));
    return after === undefined ? null : Math.max(after, 0); // a date that is past is now
  },
};

const kinds = process.argv.slice(2);
for (const file of readdirSync(here).filter((name) => name.endsWith(".json")).sort()) {
  const kind = file.slice(0, -5);
  if (kinds.length && !kinds.includes(kind)) continue;
  const cases = JSON.parse(readFileSync(new URL(file, here)));
  const wrong = [];
  for (const { name, asked, answer } of cases) {
    let got;
    try {
      got = await players[kind](asked);
    } catch (error) {
      got = `${error.stack}`;
    }
    const wanted = kind === "hello" ? { ...answer, frame: JSON.parse(answer.frame) } : answer;
    if (!isDeepStrictEqual(JSON.parse(JSON.stringify(got)), wanted)) wrong.push({ name, wanted, got });
  }
  console.log(JSON.stringify({ kind, cases: cases.length, wrong: wrong.slice(0, 5) }));
}
