/**
 * Looks for names that compress better, by trying, and writes them into letters.json.
 *
 *     node tune.mjs [SECONDS]        then `make browser`
 *
 * What it finds is for byway.js as it is now, and fades as that changes. The longer it runs the
 * less it finds.
 */

import { writeFileSync } from "node:fs";
import { at, compressed, names, readLetters, unnamed } from "./minify.mjs";
import { NAMES, named, renamed } from "./rename.mjs";

const seconds = Number(process.argv[2] ?? 60);
const WARM = 1; // bytes that a change for the worse may cost in the beginning
const FEW = 400; // names that are tried

const code = await unnamed();
const all = named(code, names, readLetters());
const any = (list) => list[Math.floor(Math.random() * list.length)];
const sizeNow = () => compressed(renamed(code, all));
const isFree = (one, name, but) => !one.taken.has(name) &&
  one.rivals.every((other) => other === but || other.name !== name);

let size = sizeNow(), best = Infinity;
const begin = Date.now(), end = begin + seconds * 1000;
console.log(`${size} bytes`);
const keep = () => {
  best = size;
  writeFileSync(at("letters.json"), `${JSON.stringify(Object.fromEntries(
    all.map(({ id, name }) => [id, name]).sort()), null, 0).replaceAll(",", ",\n")}\n`);
};
keep();
while (Date.now() < end) {
  const one = any(all);
  const { name } = one;
  const wanted = any([any(one.rivals)?.name, any(NAMES.slice(0, FEW)), any(NAMES.slice(0, 54))]) ?? name;
  const others = one.rivals.filter((other) => other.name === wanted);
  // They change places, if they can.
  if (wanted === name || others[1] || !isFree(one, wanted, others[0]) || (others[0] && !isFree(others[0], name, one))) continue;
  one.name = wanted;
  if (others[0]) others[0].name = name;
  const next = sizeNow();
  const warmth = WARM * (end - Date.now()) / (end - begin);
  if (next <= size || Math.random() < Math.exp((size - next) / warmth)) {
    size = next;
    if (size < best) keep();
  } else {
    one.name = name;
    if (others[0]) others[0].name = wanted;
  }
}
console.log(`${best} bytes`);
