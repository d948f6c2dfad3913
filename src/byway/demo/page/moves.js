// The moves between transports: what was in use when, and why.
//
// Knows: a clock, names of transports.
// Must not know: how any of it is drawn.

const KEPT = 90; // seconds
const CAUSE = 15; // seconds after which a press of a button explains no move

export class Moves {
  spans = []; // {name, from, until}: what carried when; `until` is now for the last
  hindrances = []; // the same of what stood in the way
  cuts = []; // moments
  list = []; // {at, from, to, why}, the newest first
  #cause = null;

  /** Say what is so now; null for nothing. */
  static #note(spans, name, now) {
    const last = spans.at(-1);
    if (last && last.open) last.until = now;
    if ((last?.open ? last.name : null) !== name) {
      if (last) last.open = false;
      if (name) spans.push({ name, from: now, until: now, open: true });
    }
    while (spans.length && spans[0].until < now - KEPT) spans.shift();
  }

  carriedBy(name, now) {
    Moves.#note(this.spans, name, now);
  }

  hinderedBy(words, now) {
    Moves.#note(this.hindrances, words.join(", ") || null, now);
    while (this.cuts.length && this.cuts[0] < now - KEPT) this.cuts.shift();
  }

  /** Say which button was pressed. */
  pressed(what, now, { cuts = false } = {}) {
    this.#cause = { what, at: now };
    if (cuts) this.cuts.push(now);
  }

  /** Say that another transport came into use. */
  moved(to, now) {
    const from = this.list[0]?.to ?? null;
    const because = this.#cause && now - this.#cause.at < CAUSE ? this.#cause.what : "";
    this.list.unshift({ at: now, from, to, why: from ? because : "the race at the start" });
    this.list.length = Math.min(this.list.length, 50);
  }
}
