#!/usr/bin/env bash
# Node.js 20.20.2 and 22.12.0 (npm package `node`), 2026-11-30
#
# `EventTarget.prototype.dispatchEvent` throws ERR_INVALID_THIS on a real EventTarget whose `constructor`
# property leads to a function that does not inherit from EventTarget. `addEventListener` takes the same object.
# By the DOM standard and in browsers the brand of the object counts, and `constructor` is a property
# like any other: a class that stands in for another one (`prototype.constructor = standIn`) dispatches
# there, and throws in Node until `Object.setPrototypeOf(standIn, EventTarget)`.
#
# Output seen, with both:
#   as it is: dispatched
#   another constructor: ERR_INVALID_THIS
#   another that inherits from EventTarget: dispatched
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > ask.mjs <<'JS'
class Mine extends EventTarget {}
function standIn() {}
const one = new Mine();
const told = [];
let heard = 0;
one.addEventListener("x", () => heard++);
const dispatch = (about) => {
  try {
    one.dispatchEvent(new Event("x"));
    told.push(`${about}: dispatched`);
  } catch (error) {
    told.push(`${about}: ${error.code}`);
  }
};
dispatch("as it is");
Mine.prototype.constructor = standIn;
dispatch("another constructor");
Object.setPrototypeOf(standIn, EventTarget);
dispatch("another that inherits from EventTarget");
console.log(told.join("\n"));
process.exitCode = Number(heard !== 2 || told[1] !== "another constructor: ERR_INVALID_THIS");
JS
for version in 20.20.2 22.12.0; do
  npm install --silent --no-audit --no-fund --prefix "$version" "node@$version" >/dev/null
  echo "Node.js $("$version/node_modules/.bin/node" --version)"
  timeout 20 "$version/node_modules/.bin/node" ask.mjs
done
