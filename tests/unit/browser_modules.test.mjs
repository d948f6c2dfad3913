/**
 * Single modules of browser/src, in Node: what they decide by themselves.
 *
 *     node --test tests/unit/browser_modules.test.mjs
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { checkedOffers, socketUrl } from "../../browser/src/arguments.js";
import * as codes from "../../browser/src/codes.js";
import { encode, OPEN, utf8 } from "../../browser/src/frames.js";
import { recall, remember } from "../../browser/src/memory.js";
import { say } from "../../browser/src/messages.js";
import { say as saySmall } from "../../browser/src/messages.small.js";
import { checked } from "../../browser/src/options.js";
import { sentences } from "../../browser/src/sentences.js";
import { fresh } from "../browser/modules.mjs";

const FIELDS = {
  v: 1, instance: "abc", received: 0, room: 1024, heartbeat: 10, window: 30, silence: 25, part: 16384, batch: 65536,
};
const openFrame = (more) => [OPEN, utf8(JSON.stringify({ ...FIELDS, ...more }))];
const target = { known: {}, options: { transports: ["stream", "poll"], maxMessage: 1e6 }, origin: "http://one.test" };

test("every code has a number of its own and a sentence", () => {
  const numbers = Object.values(codes);
  assert.equal(new Set(numbers).size, numbers.length);
  assert.deepEqual(Object.keys(sentences).map(Number), numbers.toSorted((one, two) => one - two));
  for (const one of Object.values(sentences)) assert.match(one, /^([A-Z]|close\(\)).*[.%]$/);
});

test("a message begins with its code in every build, and has its detail", () => {
  assert.equal(say(codes.REFUSED, 403), "B30: The application refused the session with status 403.");
  assert.equal(saySmall(codes.REFUSED, 403), "B30 403");
  assert.equal(saySmall(codes.NO_SERVER), "B31");
  assert.ok(say(codes.REQUEST_FAILED, "$& failed ").endsWith("$& failed."), "it is taken as it is");
});

test("wrong options are refused with their names", () => {
  const wrong = [{ transport: "stream" }, { transports: "smoke" }, { transports: "poll, poll" }, { openTimeout: -1 }, { maxMessage: NaN }];
  for (const one of wrong) assert.throws(() => checked(one), { name: "TypeError", message: /^B52: .*(transport|openTimeout|maxMessage)/ });
  assert.deepEqual(checked({ transports: "sse, poll" }).transports, ["sse", "poll"]);
  assert.equal(checked({ openTimeout: undefined }).openTimeout, 20);
});

test("URLs and subprotocols are those of the standard", () => {
  assert.equal(socketUrl("https://one.test/live?a=1").href, "wss://one.test/live?a=1");
  for (const one of ["ftp://one.test/", "ws://one.test/#part", "no url"]) {
    assert.throws(() => socketUrl(one), { name: "SyntaxError", message: /^B50/ });
  }
  assert.deepEqual(checkedOffers("chat"), ["chat"]);
  for (const one of [["a", "A"], ["two words"], Array.from({ length: 33 }, (_, index) => `n${index}`)]) {
    assert.throws(() => checkedOffers(one), { name: "SyntaxError", message: /^B51/ });
  }
});

test("the memory keeps twenty origins, and nothing where it may not", () => {
  for (let index = 0; index < 25; index++) {
    remember(`http://${index}.test`, { transport: "poll", seconds: 1, since: Date.now() / 1000 });
  }
  assert.deepEqual(recall("http://4.test"), {});
  assert.equal(recall("http://24.test").transport, "poll");
  remember("http://24.test");
  assert.deepEqual(recall("http://24.test"), {});
  remember(false, { transport: "poll" });
  assert.deepEqual(recall(false), {});
  remember("http://old.test", { transport: "poll", seconds: 1, since: Date.now() / 1000 - 86401 });
  assert.deepEqual(recall("http://old.test"), {}, "older than a day");
});

test("an OPEN that cannot be is refused", async () => {
  const { terms } = await fresh(["terms"]);
  assert.equal(terms.readOpen(openFrame()).heartbeat, 10);
  for (const one of [{ v: 2 }, { heartbeat: 0 }, { part: 1 }, { window: null }, { received: -1 }, { silence: "x" }]) {
    assert.throws(() => terms.readOpen(openFrame(one)), /^Error: B10/);
  }
  assert.throws(() => terms.readOpen([24, utf8("")]), /^Error: B10/);
});

test("terms: batches only get smaller, and the first OPEN names the process", async () => {
  const { terms } = await fresh(["terms"]);
  terms.agree({ ...FIELDS, batch: 1000 });
  terms.agree({ ...FIELDS, batch: 5000 });
  assert.equal(terms.maxBatch, 1000);
  assert.equal(terms.isSame({ instance: "abc" }), true);
  assert.equal(terms.isSame({ instance: "other" }), false);
});

test("the timer looks once a task, and at the earliest time asked for", async () => {
  let looked = 0;
  const { timer } = await fresh(["timer"], { driver: { step() { looked++; timer.awake(); } } });
  timer.soon();
  timer.soon();
  await Promise.resolve();
  assert.equal(looked, 1);
  const until = performance.now() / 1000;
  timer.wakeAt(until + 60);
  timer.wakeAt(until + 0.01);
  await new Promise((resolve) => setTimeout(resolve, 30));
  while (looked < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  timer.wakeAt(until + 60);
  timer.stop(); // or Node would not end
  assert.equal(timer.hasCome(until), true);
});

test("responses are no more kept open for a while, where there are polls", async () => {
  for (const [transports, isLater] of [[["stream", "poll"], true], [["stream"], false]]) {
    let aborted = 0;
    const link = { heldSince: 1, requests: [{ abort: () => aborted++ }] };
    const { visits } = await fresh(["visits"], {
      target: { ...target, options: { transports } }, links: { links: [link] }, race: { LAST_PROMOTION_INTERVAL: 600 },
    });
    visits.visit();
    assert.equal(visits.visitsUntil > performance.now() / 1000 + 10, isLater);
    assert.equal(aborted, Number(isLater));
    visits.stayAgain();
    assert.equal(visits.visitsUntil, 0);
  }
});

/** An upload with a link of its own; what it asks for, and what it is told. */
async function upload() {
  const seen = { rewound: 0, aborted: false, judged: [], written: [], batches: 0, asked: [] };
  const link = { control: [], flights: new Set(), batched: true, cursor: 1, pump: () => seen.batches++ };
  const { upload: one } = await fresh(["upload"], {
    links: { due: () => seen.written.splice(0) },
    requests: {
      greet: () => ({}),
      ask: (_, kind, { controller }) => {
        seen.asked.push(kind);
        return new Promise((resolve) => {
          controller.signal.addEventListener("abort", () => resolve(seen.aborted = true));
          seen.answer = resolve;
        });
      },
    },
    session: { ping: (_, nonce) => link.control.push(encode(21, utf8(nonce))), rewind: () => seen.rewound++ },
    terms: { judgeUploads: (isWorthIt) => seen.judged.push(isWorthIt), maxBatch: 1000, terms: { silence: 25 } },
    timer: { hasCome: (at) => performance.now() / 1000 >= at, soon() {} },
  });
  one.upload(link, 0.001);
  return { link, seen };
}

test("an upload is used once its PING has come back, and batches carry until then", async () => {
  const { link, seen } = await upload();
  link.pump();
  assert.deepEqual([seen.asked, seen.batches, link.batched], [["up"], 1, true]);
  link.awaited = ""; // the PONG
  link.flights.add(1);
  link.pump();
  assert.equal(link.batched, true, "a batch is on its way");
  link.flights.clear();
  link.pump();
  assert.deepEqual([link.batched, seen.rewound, seen.batches], [false, 1, 1]);
});

test("an upload that ends goes back to batches, which bring up again what was not acknowledged", async () => {
  const { link, seen } = await upload();
  link.awaited = "";
  link.pump();
  seen.answer();
  await new Promise(setImmediate);
  assert.deepEqual([link.batched, seen.rewound, seen.judged], [true, 2, [false]], "it did not last");
  link.pump();
  assert.equal(seen.batches, 1);
});

test("instances share nothing", async () => {
  const others = { target, events: { receive() {} } };
  const [one, two] = [await fresh(["outbox"], others), await fresh(["outbox"], others)];
  one.outbox.post(1, utf8("hello"), "hello");
  assert.deepEqual([one.outbox.kept.length, two.outbox.kept.length], [1, 0]);
});
