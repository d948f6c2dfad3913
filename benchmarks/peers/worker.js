// A client's process: a line of JSON in, `{url, cap, visits}`, a line of JSON out.
//
// Knows: the clock, the cap, what is said to the benchmark.
// Must not know: any client.
"use strict";

const readline = require("node:readline");
const { setTimeout: sleep } = require("node:timers/promises");

const TEXT = "0123456789abcdef0123456789abcdef";
const SETTLE_MS = 200; // what a client still sends when it is closed goes out before the next one

console.log = console.error; // the standard output belongs to the answers

/**
 * Connect once and return {seconds}, {error} where the client gave up, or {late: true}.
 *
 * `visit(url, {text, echo, fail, memory})` connects, sends the text as soon as the client lets it,
 * calls `echo` when it is back, and returns what closes the client.
 */
async function timed(visit, url, cap, memory) {
  const start = performance.now();
  let timer;
  let close = () => {};
  const answer = await new Promise((resolve) => {
    const echo = () => resolve({ seconds: (performance.now() - start) / 1000 });
    const fail = (error) => resolve({ error: String(error) });
    timer = setTimeout(() => resolve({ late: true }), cap * 1000);
    close = visit(url, { text: TEXT, echo, fail, memory });
  });
  clearTimeout(timer);
  close();
  await sleep(SETTLE_MS);
  return answer;
}

exports.serve = async (visit) => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { url, cap, visits } = JSON.parse(line);
    const memory = {}; // what one visit leaves to the next
    let answer;
    for (let number = 0; number < visits; number += 1) {
      answer = await timed(visit, url, cap, memory);
    }
    process.stdout.write(JSON.stringify(answer) + "\n");
  }
  process.exit(0); // the benchmark has ended, in whatever way
};
