/**
 * Options: what each socket does by default, and what may be said instead (byway.d.ts).
 *
 * Knows: their names and what they may be.
 * Must not know: what they do.
 */

import { WRONG_OPTION } from "./codes.js";
import { KIB } from "./limits.js";
import { say } from "./messages.js";
import { ORDER } from "./runners.js";

const DEFAULTS = {
  transports: ORDER, patience: {}, headers: {}, credentials: "include", memory: true,
  openTimeout: 20, closeTimeout: 10, maxMessage: 16 * 1024 * KIB, plain: true,
};
export let installed; // the defaults of `install()`

/** Take other defaults from now on. */
export const installDefaults = (options) => {
  installed = options;
};

/** Check options, and add what is left out. */
export const checked = (options) => {
  const all = {};
  for (let [name, value = DEFAULTS[name]] of Object.entries({ ...DEFAULTS, ...installed, ...options })) {
    const names = name === "transports" ? String(value).split(/[\s,]+/) : [];
    const isWrong = ORDER.filter((one) => names.includes(one)).length < names.length; // one twice, or unknown
    // Numbers are not below 0.
    if (isWrong || !(name in DEFAULTS) || (DEFAULTS[name] > 1 && !(value >= 0))) throw new TypeError(say(WRONG_OPTION, name));
    if (names[0]) value = names;
    all[name] = value;
  }
  return all;
};
