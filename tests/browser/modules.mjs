/**
 * Gives tests instances of their own of the modules in browser/src/instance, as each socket has one.
 *
 * A module's address with a query of its own is another module, and what it imports of that folder
 * gets the same query. The test says what takes the place of those that it leaves out.
 *
 * Knows: how Node resolves modules.
 * Must not know: what they do.
 */

import { register } from "node:module";

const HOOKS = `
export async function resolve(specifier, context, next) {
  const [, query] = context.parentURL?.match(/\\/instance\\/[^?]*(\\?.*)$/) ?? [];
  if (!query || !specifier.startsWith("./")) return next(specifier, context);
  const asked = new URLSearchParams(query);
  const names = asked.get(specifier.slice(2, -3));
  if (names === null) return { ...await next(specifier + query, context) };
  const place = "globalThis.replaced[" + asked.get("n") + "][" + JSON.stringify(specifier.slice(2, -3)) + "]";
  const code = names.split(",").filter(Boolean).map((name) => "export const " + name + " = " + place + "." + name).join(";");
  return { url: "data:text/javascript," + encodeURIComponent(code), shortCircuit: true };
}`;

let count = 0;
globalThis.replaced = [];
register(`data:text/javascript,${encodeURIComponent(HOOKS)}`);

/**
 * Return some of the modules, by name, in a new instance.
 *
 * @param {string[]} names of the modules
 * @param {object} others what takes the place of those that they import, by name
 */
export async function fresh(names, others = {}) {
  globalThis.replaced[++count] = others;
  const query = new URLSearchParams([["n", count], ...Object.entries(others).map(([name, its]) => [name, Object.keys(its).join()])]);
  const found = await Promise.all(
    names.map((name) => import(new URL(`../../browser/src/instance/${name}.js?${query}`, import.meta.url))));
  return Object.fromEntries(names.map((name, index) => [name, found[index]]));
}
