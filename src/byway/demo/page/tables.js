// The tables and lists of the page.
//
// Knows: elements, and how numbers are written.
// Must not know: the socket, the network.

export const element = (id) => document.getElementById(id);

/** Set a text; only when it is another, so that nobody reads out or lays out the same again. */
export function say(where, text) {
  if (where.textContent !== text) where.textContent = text;
}

function made(name, text, kind) {
  const one = document.createElement(name);
  if (text !== undefined) one.textContent = text;
  if (kind) one.className = kind;
  return one;
}

export const NAMES = {
  websocket: "WebSocket", stream: "HTTP stream", sse: "Server-sent events", poll: "Long-polling",
};

const count = (number) => number.toLocaleString("en");

/** Minutes and seconds. */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export function milliseconds(value) {
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

/** Write the counts: rows of what went up, and what came down. */
export function showCounts(table, { sent, pushed, up, down }) {
  const rows = [
    [sent, Math.max(pushed, down.received)], [up.received, down.received], [up.lost, down.lost],
    [up.doubled, down.doubled], [up.reordered, down.reordered],
  ];
  rows.forEach((row, index) => row.forEach((value, column) => {
    const cell = table.tBodies[0].rows[index].cells[column + 1];
    say(cell, count(value));
    if (index > 1) cell.className = value ? "bad" : "good";
  }));
}

/** Write what became of each transport. */
export function showReport(table, { transports }) {
  const news = JSON.stringify(transports);
  if (table.dataset.shown === news) return;
  table.dataset.shown = news;
  table.tBodies[0].replaceChildren(...transports.map(({ transport, verdict, status, seconds, why }) => {
    const row = made("tr");
    const name = made("th", transport, `mark ${transport}`);
    name.scope = "row";
    const words = made("td");
    words.append(made("span", status ? `${verdict} (${status})` : verdict, verdict === "in use" ? "good" : ""));
    if (why && why !== `it ${verdict}`) words.append(made("small", why));
    row.append(name, words, made("td", seconds === undefined ? "" : seconds.toFixed(2)));
    return row;
  }));
}

/** Write the moves, the newest first. */
export function showMoves(list, moves, began) {
  list.replaceChildren(...moves.slice(0, 4).map(({ at, from, to, why }) => {
    const item = made("li");
    item.append(made("time", clock(at - began)), made("span", from === to ? `${to} again` : from ? `${from} → ${to}` : to, `mark ${to}`));
    if (why) item.append(made("small", why));
    return item;
  }));
}

const size = (bytes) => {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let index = 0;
  for (; bytes >= 1024 && index < units.length - 1; index += 1) bytes /= 1024;
  return `${bytes.toFixed(bytes < 10 && index ? 1 : 0)} ${units[index]}`;
};

/** Write the machine's figures; what the system does not tell is left out. */
export function showMachine(list, figures) {
  const rows = [];
  const row = (name, text, share) => rows.push({ name, text, share });
  if ("cpu" in figures) {
    row("Processor", `${Math.round(figures.cpu * 100)} % of ${figures.cores} cores`, figures.cpu);
  }
  if ("memory" in figures) {
    const { memory, memoryTotal } = figures;
    row("Memory", `${size(memory)} of ${size(memoryTotal)}`, memory / memoryTotal);
  }
  if ("load1" in figures) {
    row("Load", ["load1", "load5", "load15"].map((one) => figures[one].toFixed(2)).join("  "));
  }
  if ("networkIn" in figures) {
    row("Network", `${size(figures.networkIn)}/s in, ${size(figures.networkOut)}/s out`);
    row("Loopback", `${size(figures.loopback)}/s`);
  }
  list.replaceChildren(...rows.map(({ name, text, share }) => {
    const item = made("div");
    item.append(made("dt", name), made("dd", text));
    if (share !== undefined) {
      const bar = made("meter");
      Object.assign(bar, { value: share, ariaHidden: "true" }); // the text says it too
      item.append(bar);
    }
    return item;
  }));
  return rows.length > 0;
}
