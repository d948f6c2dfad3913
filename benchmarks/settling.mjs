/** What settling.py measures, in the browser's module: `node settling.mjs URL TRANSPORTS WAIT ECHOES TALKS`. */

import { BywaySocket } from "../browser/byway.js"

const [url, transports, wait, echoes, talks] = process.argv.slice(2)
const socket = new BywaySocket(url, [], { memory: false, openTimeout: 60, ...(transports && { transports }) })
const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000))
await new Promise((resolve, reject) => {
  socket.onopen = resolve
  socket.onclose = () => reject(new Error(JSON.stringify(socket.report())))
})

/** Send a message and return the seconds until it is back. */
async function echo() {
  const began = performance.now()
  await new Promise((resolve) => {
    socket.onmessage = resolve
    socket.send("hello")
  })
  return (performance.now() - began) / 1000
}

/** Send messages, one a second. */
async function some(count) {
  const took = []
  while (took.length < count) {
    took.push(await echo())
    await sleep(Math.max(0, 1 - took.at(-1)))
  }
  return took
}

if (talks === "1") await some(Number(wait))
else await sleep(Number(wait))
const took = await some(Number(echoes))
console.log(JSON.stringify({ took, transport: socket.transport }))
socket.close()
