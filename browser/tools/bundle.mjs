/**
 * Makes the files that pages load of ../src: byway.js, byway.min.js and byway.global.js.
 *
 *     node bundle.mjs            write them
 *     node bundle.mjs --check    say whether they are there as they should be, and small enough
 *
 * esbuild joins the modules, terser makes them small. A socket has an instance of its own of the modules in
 * src/instance/: `byway:instance` is a function whose body is all of them, and which returns what
 * channel.js exports.
 *
 * Knows: the tools, the sizes.
 * Must not know: what the code does.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";
import { minify } from "terser";
import { sentences } from "../src/sentences.js";

const PAGE = "../../docs/reference/browser-errors.md";
const LIMIT = 9728; // bytes of byway.min.js, compressed with brotli at its best: 9.5 KiB
const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const { version, license } = JSON.parse(readFileSync(at("../package.json")));
const BANNER = `/*! byway ${version}, ${license} */`;
// Found by trying: a few dozen bytes less than with any other order.
const VARIABLES = "etnrolaisfucdbvThpZxDIRSMXYCzABGyVOLEFQHjWUPJkwqK$m_gN";
const PROPERTIES = "ceaor_RdHghKbfzNOJLDXBYpiAqjMImtTUuZlS$FWECwGVsPnQyvxk";
const GIVEN = ["socket", "address", "protocols", "chosen"]; // what a BywaySocket gives to its instance, in this order
const SHARED = { ignoreAnnotations: true, bundle: true, write: false, target: "es2022", charset: "utf8", logLevel: "warning" };

/** Return the module `byway:instance`: a function of what the modules in src/instance/ take from `byway:given`. */
async function instance() {
  const { outputFiles: [{ text }] } = await build({
    ...SHARED, format: "esm", entryPoints: [at("../src/instance/channel.js")],
    plugins: [{ name: "shared", setup: ({ onResolve }) =>
      onResolve({ filter: /^(\.\.\/|byway:given)/ }, ({ path }) => ({ path: path.replace("../", "./"), external: true })) }],
  });
  const given = /^import \{ ([\w, ]+) \} from "byway:given";\n/m;
  const [line, names] = text.match(given);
  if (`${names.split(", ").sort()}` !== `${[...GIVEN].sort()}`) throw new Error(`${names} is not what is given`);
  const imports = /^import [^;]*;\n/gm;
  const rest = text.replace(line, "");
  const body = rest.replace(imports, "").replace(/^export \{\n {2}(\w+) as default\n\};\n$/m, "return $1;\n");
  return `${rest.match(imports).join("")}\nexport default function instance(${GIVEN.join(", ")}) {\n${body}}\n`;
}

/** Join the modules that an entry imports. */
async function joined(entry, format, isSmall) {
  const plugin = ({ onResolve, onLoad }) => {
    onResolve({ filter: /^byway:instance$/ }, () => ({ path: "instance", namespace: "byway" }));
    onLoad({ filter: /./, namespace: "byway" }, async () => ({ contents: await instance(), resolveDir: at("../src") }));
    onResolve({ filter: /\/messages\.js$/ }, () => isSmall ? { path: at("../src/messages.small.js") } : undefined);
  };
  const { outputFiles: [{ text }] } = await build({
    ...SHARED, format, entryPoints: [at(`../src/${entry}`)], plugins: [{ name: "byway", setup: plugin }],
  });
  return text;
}

/** What terser asks for the n-th name: of letters in an order that compresses well, a few of them as second ones. */
const namer = (letters, seconds) => ({
  get(index) {
    const rest = index - letters.length;
    return letters[index] ?? letters[Math.floor(rest / seconds)] + letters[rest % seconds];
  },
  consider() {}, reset() {}, sort() {}, // how often letters occur is not what brotli sees
});

/** Make it small. */
async function small(text) {
  const shorter = text
    .replace(/\bconst (?=[\w[{])/g, "let ")
    // The types are the same, but for what is compared with undefined or null, or with an object made of it.
    .replace(/(?<!Object\(\w+\)) ([!=]=)= (?!undefined|null|void)/g, " $1 ");
  const names = JSON.parse(readFileSync(at("names.json")));
  const options = { ecma: 2022, module: true };
  const compressed = await minify(shorter, {
    ...options, mangle: false,
    compress: {
      // Nobody sees the difference but in what is handed out; see CONTRIBUTING.
      booleans_as_integers: true,
      inline: 1, keep_fargs: false, lhs_constants: false, passes: 3, pure_getters: true,
      unsafe: true, unsafe_arrows: true, unsafe_methods: true,
    },
  });
  // By itself, as terser names in the order in which it finds.
  const { code } = await minify(compressed.code, {
    ...options, compress: false,
    mangle: {
      reserved: ["BywaySocket"], // whose name others see
      nth_identifier: namer(VARIABLES, 18),
      properties: { builtins: true, regex: new RegExp(`^(${names.join("|")})$`), nth_identifier: namer(PROPERTIES, 18) },
    },
    format: { preamble: BANNER },
  });
  return `${code}\n`;
}

/** Return the page of docs/ that lists the codes. */
function page() {
  const before = readFileSync(at(PAGE), "utf8");
  const line = ([code, sentence]) => `| \`B${code}\` | ${sentence.replace("%", "…")} |\n`;
  const table = Object.entries(sentences).map(line).join("");
  return before.replace(/(?<=\| --- \| --- \|\n)(\|.*\n)*/, () => table);
}

async function outputs() {
  return {
    [PAGE]: page(),
    "../byway.js": `${BANNER}\n${await joined("byway.js", "esm")}`,
    "../byway.min.js": await small(await joined("byway.js", "esm", true)),
    "../byway.global.js": `${BANNER}\n${await joined("global.js", "iife")}`,
  };
}

async function main() {
  const isCheck = process.argv.includes("--check");
  for (const [path, text] of Object.entries(await outputs())) {
    const brotli = brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
    const isTooLarge = path.endsWith(".min.js") && brotli > LIMIT;
    if (path.endsWith(".js")) {
      console.log(`${path.slice(3)}: ${text.length} bytes, ${brotli} with brotli, ${gzipSync(text, { level: 9 }).length} with gzip`);
    }
    if (isTooLarge) console.error(`${path} is too large by ${brotli - LIMIT} bytes with brotli (the limit is ${LIMIT})`);
    if (isCheck && read(path) !== text) console.error(`${path} is not what src/ gives: run \`make browser\``);
    if (isTooLarge || (isCheck && read(path) !== text)) process.exitCode = 1;
    if (!isCheck) writeFileSync(at(path), text);
  }
}

/** Return what a file holds; nothing where it is missing. */
function read(path) {
  try {
    return readFileSync(at(path), "utf8");
  } catch {
    return "";
  }
}

await main();
