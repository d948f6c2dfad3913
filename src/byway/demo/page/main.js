// The page: joins the traffic, the network's buttons and what is shown of them.
//
// Knows: all of the page's modules, and the elements of index.html.
// Must not know: how any of them does its work.

import { LaneChart, LineChart } from "./chart.js";
import { Moves } from "./moves.js";
import { Network } from "./network.js";
import { Samples } from "./samples.js";
import {
  NAMES, clock, element, milliseconds, say, showCounts, showMachine, showMoves, showReport,
} from "./tables.js";
import { Traffic } from "./traffic.js";

const LOOK = 100; // milliseconds between two looks at which transport is in use
const seconds = () => performance.now() / 1000;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

const settings = await (await fetch("/settings.json")).json();
const network = new Network(settings);
const traffic = new Traffic(settings.transports);
const moves = new Moves();
const roundTrips = new Samples(0.25);
const pushes = new Samples(1);
const echoes = new Samples(1);
const began = seconds();
let over = null;

// What the traffic tells ---------------------------------------------------------------------------

traffic.addEventListener("echo", ({ detail }) => {
  roundTrips.add(detail, seconds());
  echoes.add(1, seconds());
});
traffic.addEventListener("push", () => pushes.add(1, seconds()));
traffic.addEventListener("machine", ({ detail }) => {
  const any = showMachine(element("machine"), detail);
  if (!any) say(element("machine-note"), "This system does not tell its figures as Linux does.");
});
traffic.addEventListener("move", ({ detail }) => {
  moves.moved(detail, seconds());
  moves.carriedBy(detail, seconds());
  const shown = element("transport");
  say(shown, NAMES[detail]);
  shown.dataset.transport = detail;
  showMoves(element("moves"), moves.list, began);
});
traffic.addEventListener("over", ({ detail }) => {
  over = detail;
  const shown = element("transport");
  shown.dataset.transport = "";
  say(shown, "closed");
  const why = detail.reason || (detail.code === 1006 ? "the server is gone" : "the session is over");
  say(element("since"), `${why} (${detail.code}); reload the page for another`);
});

// The buttons --------------------------------------------------------------------------------------

const buttons = [...element("buttons").querySelectorAll("button")];

function showNetwork(problem) {
  const { words, state } = network;
  for (const button of buttons) {
    const { change, value } = button.dataset;
    if (change) button.ariaPressed = String(value ? state[change] === value : state[change]);
  }
  const where = element("network");
  where.classList.toggle("hindered", words.length > 0 || Boolean(problem));
  const now = words.join(", ").replace(/^./, (first) => first.toUpperCase());
  say(where, problem ?? `${now || "Nothing is in the way"}.`);
}

async function press(button) {
  const { change, value, act } = button.dataset;
  const name = button.querySelector("strong").textContent;
  const isOn = button.ariaPressed === "true";
  moves.pressed(isOn ? `${name}: off` : name, seconds(), { cuts: act === "cut" });
  try {
    if (act) await network[act]();
    else await network.change({ [change]: value ? (isOn ? "pass" : value) : !isOn });
    showNetwork();
  } catch (error) {
    showNetwork(`The controls do not answer (${error.message}): has the demo been ended?`);
  }
}

for (const button of buttons) button.addEventListener("click", () => press(button));
// Another tab, or the same page before it was reloaded, may have left something in the way.
network.read().then(() => showNetwork(), () => showNetwork("The controls do not answer."));

// What is drawn ------------------------------------------------------------------------------------

const LANES = ["websocket", "stream", "sse", "poll"].filter((one) => settings.transports.includes(one));
const timeline = new LaneChart(element("timeline"), [...LANES, "network"]);
const roundTripChart = new LineChart(element("round-trips"), { unit: " ms", least: 2 });
const rateChart = new LineChart(element("rates"), { least: 25 });

function look() {
  moves.carriedBy(traffic.socket.transport, seconds());
  moves.hinderedBy(network.words, seconds());
}

function draw() {
  const now = seconds();
  look();
  showCounts(element("counts"), traffic);
  showReport(element("report"), traffic.socket.report());
  const { wrong } = traffic;
  for (const [name, value] of Object.entries(wrong)) say(element(name), value.toLocaleString("en"));
  element("verdict").classList.toggle("bad", wrong.lost + wrong.doubled + wrong.reordered > 0);
  const all = traffic.down.received + traffic.echoes.received + traffic.up.received;
  say(element("sum"), `of ${all.toLocaleString("en")} messages in ${clock(now - began)}`);
  if (!over) showSince(now);
  const spans = [
    ...moves.spans.map((one) => ({ ...one, lane: one.name, class: one.name })),
    ...moves.hindrances.map((one) => ({ ...one, lane: "network", class: "hindrance" })),
  ];
  timeline.draw(spans, moves.cuts.map((at) => ({ at, lane: "network", class: "cut" })), now);
  roundTripChart.draw([{ class: "round-trip", points: roundTrips.spread() }], now);
  const rates = { pushes: pushes.rates(now), echoes: echoes.rates(now) };
  rateChart.draw(Object.entries(rates).map(([name, points]) => ({ class: name, points })), now);
  const median = roundTrips.median(2, now);
  say(element("round-trip"), median === undefined ? "nothing comes back" : milliseconds(median));
  for (const [name, points] of Object.entries(rates)) {
    say(element(`${name}-now`), String(points.at(-1)?.[1] ?? 0));
  }
}

function showSince(now) {
  const [last] = moves.list;
  const hasCarrier = traffic.socket.transport !== null;
  const words = last ? `for ${clock(now - last.at)}${hasCarrier ? "" : ", reconnecting…"}` : "\u00a0";
  say(element("since"), words);
}

// A page that moves less is still as true.
let drawing;
function schedule() {
  clearInterval(drawing);
  drawing = setInterval(draw, calm.matches ? 1000 : 250);
}
calm.addEventListener("change", schedule);
setInterval(look, LOOK);
schedule();
draw();
