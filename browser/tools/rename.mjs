/**
 * Gives variables and properties the short names that compress best.
 *
 * Each gets the first free one: functions that know only their own variables come first, so that
 * these are called the same everywhere, which compresses well; those that a whole socket shares
 * follow, the most used of them first.
 *
 * Knows: variables, scopes, and which properties nobody else knows.
 * Must not know: what the code does.
 */

import { parse } from "acorn";
import { analyze } from "eslint-scope";

const SYNTAX = { ecmaVersion: 2022, sourceType: "module", ranges: true };
const LETTERS = [..."etnrolaisfucdhwbpmygvMTOkSEACNjPB$q_xDULRIJGFHzKQVWXYZ"];
const SECOND = LETTERS.slice(0, 9);
const RESERVED = ["do", "if", "in", "of", "as", "is"];
const SHARED = 100; // variables from which on a function is the one in which everything stands

const childrenOf = (node) => Object.values(node).flat().filter((one) => one?.type);
const byPlace = ([one], [two]) => one - two;

/** All names, the shortest first; few second letters compress better than many. */
const NAMES = [...LETTERS, ...LETTERS.flatMap((first) => SECOND.map((second) => first + second))];

function variablesOf(ast) {
  const { scopes, globalScope } = analyze(ast, SYNTAX);
  const exported = ["BywaySocket"]; // whose name others see
  const taken = new Set([...RESERVED, ...globalScope.through.map((one) => one.identifier.name)]);
  const variables = [];
  for (const scope of scopes) {
    for (const { name, identifiers, references } of scope.variables) {
      if (!identifiers.length || exported.includes(name)) continue; // `arguments`, and what others know
      const seenIn = new Set([scope]);
      for (const { from } of references) for (let at = from; at !== scope; at = at.upper) seenIn.add(at);
      const all = new Set([...identifiers, ...references.map((one) => one.identifier)]);
      const spots = [...all].map((one) => one.range).sort(byPlace);
      const isShared = scope.type === "module" || scope.variables.length > SHARED;
      variables.push({ called: name.replace(/\$\d+$/, ""), scope, seenIn, spots, isShared, taken });
    }
  }
  variables.sort((one, two) => one.isShared - two.isShared ||
    (one.isShared && two.spots.length - one.spots.length) || byPlace(...[one, two].map(({ spots }) => spots[0])));
  const meet = (one, two) => one !== two && (one.seenIn.has(two.scope) || two.seenIn.has(one.scope));
  for (const one of variables) one.rivals = variables.filter((other) => meet(one, other));
  return variables;
}

/** The properties that may be shortened, and private ones. */
function propertiesOf(ast, names) {
  const found = new Map();
  const taken = new Set(RESERVED);
  const look = (node) => {
    const key = node.computed ? null : node.type === "MemberExpression" ? node.property : node.key;
    const isPrivate = key?.type === "PrivateIdentifier";
    if (isPrivate || names.includes(key?.name)) {
      const called = isPrivate ? `#${key.name}` : `.${key.name}`;
      const [from, to] = key.range;
      found.set(called, [...found.get(called) ?? [], [from + isPrivate, to]]);
    } else if (key?.type === "Identifier") taken.add(key.name);
    childrenOf(node).forEach(look);
  };
  look(ast);
  const properties = [...found].map(([called, spots]) => ({ called, spots, taken }))
    .sort((one, two) => two.spots.length - one.spots.length);
  const kind = (one) => one.called[0];
  for (const one of properties) one.rivals = properties.filter((other) => other !== one && kind(other) === kind(one));
  return properties;
}

/** Return all that has a name to be chosen, with that name. */
export function named(code, names) {
  const ast = parse(code, SYNTAX);
  const all = [...variablesOf(ast), ...propertiesOf(ast, names)];
  const isFree = (one, name) => !one.taken.has(name) && one.rivals.every((other) => other.name !== name);
  for (const one of all) one.name = NAMES.find((name) => isFree(one, name));
  return all;
}

/** Return the code with these names. */
export function renamed(code, all) {
  const changes = all.flatMap(({ spots, name }) => spots.map(([from, to]) => [from, to, name])).sort(byPlace);
  let at = 0;
  const pieces = changes.flatMap(([from, to, name]) => {
    const before = code.slice(at, from);
    at = to;
    return [before, name];
  });
  return [...pieces, code.slice(at)].join("");
}
