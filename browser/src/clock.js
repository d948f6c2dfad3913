/**
 * Time and chance.
 *
 * Knows: the clock that goes on when the wall's is set.
 * Must not know: what happens when.
 */

export const now = () => performance.now() / 1000;
export const between = (low, high) => low + Math.random() * (high - low);

/** Return a text that nobody guesses: 192 random bits, in no more than 64 characters. */
export const random = () =>
  crypto.getRandomValues(new Uint32Array(6)).reduce((text, one) => text + one.toString(36), "");
