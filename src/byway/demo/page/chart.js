// Charts of the last minute, in SVG: axes with units, lines, bands, and lanes of spans.
//
// Knows: SVG, scales.
// Must not know: what the values mean. Colours are the style sheet's.

export const SHOWN = 60; // seconds
const LEFT = 70;
const RIGHT = 8;
const TOP = 8;
const BOTTOM = 20;

/** Make an element of SVG. */
function shape(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

/** The least round number that is not below a value, and whose half is round too. */
function round(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 3, 4, 6, 8, 10].find((one) => one * power >= value * 0.999) * power;
}

class Plot {
  constructor(svg, height) {
    this.svg = svg;
    this.height = height;
    svg.setAttribute("height", height);
  }

  /** Begin a drawing; returns the scale of time. */
  begin(now) {
    // Drawn in the page's own pixels, so that letters and lines are the same on every width.
    this.width = Math.max(this.svg.clientWidth, 200);
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);
    this.drawn = [];
    const span = this.width - LEFT - RIGHT;
    const x = (time) => LEFT + span * Math.max(0, Math.min(1, 1 - (now - time) / SHOWN));
    const step = span < 300 ? 30 : 10;
    for (let ago = 0; ago <= SHOWN; ago += step) {
      const at = x(now - ago);
      this.add("line", { class: "grid", x1: at, x2: at, y1: TOP, y2: this.height - BOTTOM });
      const anchor = ago ? (ago === SHOWN ? "start" : "middle") : "end";
      const words = ago ? `−${ago} s` : "now";
      this.add("text", { class: "axis", x: at, y: this.height - 4, "text-anchor": anchor }, words);
    }
    return x;
  }

  add(...shapeOf) {
    this.drawn.push(shape(...shapeOf));
  }

  end() {
    this.svg.replaceChildren(...this.drawn);
  }
}

/** Lines, and a band from least to most, over a scale that begins at 0. */
export class LineChart extends Plot {
  constructor(svg, { unit = "", least }) {
    super(svg, 132);
    this.unit = unit;
    this.least = least;
  }

  /** Draw `{class, points: [[time, value, low, high]]}`; a time without a value is a gap. */
  draw(lines, now) {
    const x = this.begin(now);
    const shown = lines.map((line) => ({
      ...line, points: line.points.filter(([time]) => time > now - SHOWN),
    }));
    const values = shown.flatMap(({ points }) => points.map((one) => one[3] ?? one[1] ?? 0));
    const top = round(Math.max(this.least, ...values) * 1.05);
    const y = (value) => TOP + (this.height - TOP - BOTTOM) * (1 - value / top);
    for (const value of [0, top / 2, top]) {
      this.add("line", { class: "grid", x1: LEFT, x2: this.width - RIGHT, y1: y(value), y2: y(value) });
      const words = value ? `${value.toLocaleString("en")}${this.unit}` : "0";
      this.add("text", { class: "axis", x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, words);
    }
    for (const { points, class: kind } of shown) {
      for (const run of runs(points)) {
        if (run[0].length > 2) {
          const upper = run.map(([time, , , high]) => `${x(time)},${y(high)}`);
          const lower = run.map(([time, , low]) => `${x(time)},${y(low)}`).reverse();
          this.add("polygon", { class: `band ${kind}`, points: [...upper, ...lower].join(" ") });
        }
        const points = run.map(([time, value]) => `${x(time)},${y(value)}`).join(" ");
        this.add("polyline", { class: `line ${kind}`, points });
      }
    }
    this.end();
  }
}

/** Split points where a value is missing. */
function runs(points) {
  const found = [[]];
  for (const point of points) {
    if (point[1] === null) found.push([]);
    else found.at(-1).push(point);
  }
  return found.filter((run) => run.length);
}

/** A lane for each name, and what was in it when. */
export class LaneChart extends Plot {
  constructor(svg, lanes) {
    super(svg, TOP + BOTTOM + 24 * lanes.length);
    this.lanes = lanes;
  }

  /** Draw `{lane, class, from, until}`, and moments as `{lane, class, at}`. */
  draw(spans, moments, now) {
    const x = this.begin(now);
    const y = (lane) => TOP + 24 * this.lanes.indexOf(lane);
    for (const lane of this.lanes) {
      this.add("line", { class: "grid", x1: LEFT, x2: this.width - RIGHT, y1: y(lane) + 12, y2: y(lane) + 12 });
      this.add("text", { class: "axis", x: LEFT - 8, y: y(lane) + 16, "text-anchor": "end" }, lane);
    }
    for (const { lane, class: kind, from, until } of spans) {
      if (until < now - SHOWN) continue;
      const [start, end] = [x(from), x(until)];
      const width = Math.max(end - start, 2);
      this.add("rect", { class: `span ${kind}`, x: start, y: y(lane) + 5, width, height: 14, rx: 3 });
    }
    for (const { lane, class: kind, at } of moments) {
      if (at < now - SHOWN) continue;
      this.add("line", { class: kind, x1: x(at), x2: x(at), y1: y(lane), y2: y(lane) + 24 });
    }
    this.end();
  }
}
