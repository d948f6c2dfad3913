// Samples: values that came one by one, put together into steps of time.
//
// Knows: numbers and times.
// Must not know: what is measured, how it is drawn.

const KEPT = 64; // seconds

/** Keeps, for each step of time, the values that came in it. */
export class Samples {
  #step;
  #steps = []; // {number, values}, of those in which any came

  constructor(step) {
    this.#step = step;
    this.began = performance.now() / 1000;
  }

  add(value, now) {
    const number = Math.floor(now / this.#step);
    if (this.#steps.at(-1)?.number !== number) this.#steps.push({ number, values: [] });
    this.#steps.at(-1).values.push(value);
    while ((number - this.#steps[0].number) * this.#step > KEPT) this.#steps.shift();
  }

  /** Each whole step as `[time, median, least, most]`; null where nothing came for a while. */
  spread() {
    const points = [];
    let before = null;
    for (const { number, values } of this.#steps) {
      const time = (number + 0.5) * this.#step;
      if (before !== null && number - before > 1 / this.#step) points.push([time, null]);
      before = number;
      const sorted = [...values].sort((one, two) => one - two);
      points.push([time, sorted[sorted.length >> 1], sorted[0], sorted.at(-1)]);
    }
    return points;
  }

  /** Each whole step as `[time, how many a second]`, steps in which none came included. */
  rates(now) {
    const found = new Map(this.#steps.map(({ number, values }) => [number, values.length]));
    const last = Math.floor(now / this.#step); // is not over
    const first = Math.max(Math.ceil(this.began / this.#step), last - KEPT / this.#step);
    const points = [];
    for (let number = first; number < last; number += 1) {
      points.push([(number + 0.5) * this.#step, (found.get(number) ?? 0) / this.#step]);
    }
    return points;
  }

  /** The median of the last so many seconds; undefined of nothing. */
  median(seconds, now) {
    const from = (now - seconds) / this.#step;
    const values = this.#steps.filter(({ number }) => number >= from).flatMap((one) => one.values);
    values.sort((one, two) => one - two);
    return values[values.length >> 1];
  }
}
