/**
 * Gives variables short names, in the order that compresses best.
 *
 * Terser hands out names from the outside in, in the order of the text. Here functions that know
 * only their own variables come first, so that these are called the same everywhere, which
 * compresses well; those that a whole socket shares follow, the most used of them first.
 *
 * Knows: variables and scopes.
 * Must not know: what the code does, nor the names of properties.
 */

import { parse } from "acorn";
import { analyze } from "eslint-scope";

const SYNTAX = { ecmaVersion: 2022, sourceType: "module", ranges: true };
// Found by trying: each change of byway.js shifts what is best by a few bytes.
const LETTERS = [..."etounlasfcwmyprg_AivMTdOIEDCNkbPqBUSjG$RJYxFzKXHLQhWVZ"];
const RESERVED = ["do", "if", "in", "of", "as", "is"];
const SHARED = 100; // variables from which on a function is the one in which everything stands

function* names() {
  yield* LETTERS;
  for (const first of LETTERS) for (const second of LETTERS) yield first + second;
}

/** Return the code with other names for all variables but the exported ones. */
export function rename(code) {
  const ast = parse(code, SYNTAX);
  const { scopes, globalScope } = analyze(ast, SYNTAX);
  const exported = ast.body.map(({ declaration }) => declaration?.id?.name ?? declaration?.name);
  const taken = new Set([...RESERVED, ...globalScope.through.map((one) => one.identifier.name)]);
  const variables = [];
  for (const scope of scopes) {
    for (const { name, identifiers, references } of scope.variables) {
      if (!identifiers.length || exported.includes(name)) continue; // `arguments`, and what others know
      const seenIn = new Set([scope]);
      for (const { from } of references) for (let at = from; at !== scope; at = at.upper) seenIn.add(at);
      const all = new Set([...identifiers, ...references.map((one) => one.identifier)]);
      const spots = [...all].map((one) => one.range).sort(([one], [two]) => one - two);
      const isShared = scope.type === "module" || scope.variables.length > SHARED;
      variables.push({ scope, seenIn, spots, isShared });
    }
  }
  variables.sort((one, two) => one.isShared - two.isShared ||
    (one.isShared && two.spots.length - one.spots.length) || one.spots[0][0] - two.spots[0][0]);
  const changes = [];
  variables.forEach((one, index) => {
    const rivals = variables.slice(0, index).filter((other) => one.seenIn.has(other.scope) || other.seenIn.has(one.scope));
    const used = new Set(rivals.map((other) => other.name));
    for (one.name of names()) if (!taken.has(one.name) && !used.has(one.name)) break;
    for (const [from, to] of one.spots) changes.push([from, to, one.name]);
  });
  for (const [from, to, name] of changes.sort(([one], [two]) => two - one)) {
    code = code.slice(0, from) + name + code.slice(to);
  }
  return code;
}
