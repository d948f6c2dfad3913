/** Runs counted.js in Node: `node node.mjs URL COUNT SECONDS OPTIONS`; prints what was counted. */

import { BywaySocket } from "../../browser/byway.js"
import { run } from "./counted.js"

const [url, count, seconds, options] = process.argv.slice(2)
console.log(JSON.stringify(await run(BywaySocket, url, Number(count), Number(seconds), JSON.parse(options))))
