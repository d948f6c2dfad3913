/**
 * Makes ../byway.min.js of ../byway.js.
 *
 *     node minify.mjs            write it
 *     node minify.mjs --check    say whether it is there as it should be, and small enough
 *
 * Only the names of properties in names.json are shortened, so one that is missing there costs some
 * bytes and breaks nothing. What must not stand there (whatever is on the wire, public, or
 * a browser's) is for tests/browser/test_package.py to tell.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { minify } from "terser";
import { arrows } from "./arrows.mjs";
import { dissolve } from "./dissolve.mjs";
import { named, renamed } from "./rename.mjs";

const LIMIT = 9728; // bytes, compressed with brotli at its best
const at = (path) => new URL(path, import.meta.url);
const { version, license } = JSON.parse(readFileSync(at("../package.json")));
const names = JSON.parse(readFileSync(at("names.json")));
const compressed = (text) =>
  brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;

/** Return the code of byway.min.js, but for the names. */
async function unnamed() {
  // The vectors need what a page does not.
  const source = readFileSync(at("../byway.js"), "utf8").replace(/\n\/\*\* For the test vectors[^]*$/, "\n");
  const terse = async (code, options) =>
    `${(await minify(code, { ecma: 2022, module: true, mangle: false, ...options })).code}\n`;
  const whole = await terse(dissolve(source), {
    compress: {
      // Nobody sees the difference but in what is handed out; see CONTRIBUTING.
      booleans_as_integers: true,
      passes: 5, comparisons: false, keep_fargs: false, lhs_constants: false, pure_getters: true,
      unsafe: true, unsafe_arrows: true, unsafe_methods: true,
    },
  });
  return terse(arrows(whole), {
    compress: { defaults: false, join_vars: true, sequences: true },
    format: { preamble: `/*! byway ${version}, ${license} */`, shorthand: false }, // a variable has two names else
  });
}

async function main() {
  const code = await unnamed();
  const text = renamed(code, named(code, names));
  const brotli = compressed(text);
  const gzip = gzipSync(text, { level: 9 }).length;
  console.log(`byway.min.js: ${text.length} bytes, ${brotli} with brotli (the limit: below ${LIMIT}), ${gzip} with gzip`);

  if (!process.argv.includes("--check")) return writeFileSync(at("../byway.min.js"), text);
  let found;
  try {
    found = readFileSync(at("../byway.min.js"), "utf8");
  } catch {
    // It is missing.
  }
  if (found !== text) console.error("byway.min.js is not what byway.js gives: run `make browser`");
  if (brotli >= LIMIT) console.error(`byway.min.js is too large by ${brotli - LIMIT + 1} bytes`);
  process.exitCode = Number(found !== text || brotli >= LIMIT);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
