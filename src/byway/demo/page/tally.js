// The tally: which numbers of a counted stream came, and what was wrong with them.
//
// Knows: numbers from 1 upwards.
// Must not know: messages, who counts. ../tally.py is the same for the other side.

export class Tally {
  received = 0;
  doubled = 0;
  reordered = 0;
  #next = 1;
  #missing = new Set();

  /** How many have not come though a later one has, or the other side says it sent them. */
  get lost() {
    return this.#missing.size;
  }

  note(number) {
    this.received += 1;
    if (number >= this.#next) this.settle(number - 1), (this.#next = number + 1);
    else if (this.#missing.delete(number)) this.reordered += 1;
    else this.doubled += 1;
  }

  /** Take note that all up to a number were sent before this was said, in the same stream. */
  settle(sent) {
    for (; this.#next <= sent; this.#next += 1) this.#missing.add(this.#next);
  }
}
