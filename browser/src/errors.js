/**
 * The errors: what ends a carrier or an attempt at one, and what a program that is wrong gets.
 *
 * Knows: codes, how they are said.
 * Must not know: who catches what.
 */

import { BAD_FRAMES } from "./codes.js";
import { say } from "./messages.js";

/** An error that ends a carrier, or an attempt at one: `{status, mark, isNetwork}` say more. */
export const lost = (code, details, detail) => Object.assign(new Error(say(code, detail)), details);

/** End a carrier that brings what it may not. */
export const badIf = (isBad) => {
  if (isBad) throw lost(BAD_FRAMES);
};

/** Refuse what a program asks for, as the standard does. */
export const refuse = (code, detail, name = "SyntaxError") => {
  throw new DOMException(say(code, detail), name);
};
