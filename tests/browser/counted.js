/**
 * Sends numbered messages and counts those that come; the server's half is
 * tests/apps/counted_app.py.
 */

/** Make the message with a number, as the server does. */
function message(number) {
  const size = number % 50 === 49 ? 20000 + number : (number * 37) % 300
  if (number % 3 === 0) {
    const bytes = new Uint8Array(4 + size).fill(number % 256)
    new DataView(bytes.buffer).setUint32(0, number)
    return bytes
  }
  return `${number}:` + ["é", "€", "x", "🛣"][number % 4].repeat(size)
}

function same(data, wanted) {
  if (typeof wanted === "string") return data === wanted
  if (!(data instanceof ArrayBuffer) || data.byteLength !== wanted.length) return false
  return new Uint8Array(data).every((one, index) => one === wanted[index])
}

const numberOf = (data) =>
  typeof data === "string" ? Number(data.split(":", 1)[0]) : new DataView(data).getUint32(0)

const TAIL = 60 // messages at the end of a session that goes on until it is told: one by one

/**
 * Talk until the server closes, and say when a message comes; return what was counted.
 *
 * Where `until` is a promise, the last message is not sent before it resolves.
 */
export function run(Socket, url, count, seconds, options, onReceived, until) {
  const began = performance.now()
  const told = { lost: 0, doubled: 0, reordered: 0, wrong: 0, received: 0, moves: [], errors: 0 }
  const socket = new Socket(`${url}/counted?count=${count}&seconds=${seconds}`, [], options)
  socket.binaryType = "arraybuffer"
  let sent = 0
  let kept = until ? 1 : 0
  until?.then(() => (kept = 0))
  const send = () => {
    const isSlow = kept && sent >= count - TAIL
    for (let burst = isSlow ? 19 : 0; burst < 20 && sent < count - kept; burst++) socket.send(message(sent++))
    if (sent < count && socket.readyState === 1) setTimeout(send, isSlow ? 100 : (seconds * 20000) / count)
  }
  socket.addEventListener("open", send)
  socket.addEventListener("transport", ({ detail }) => told.moves.push(detail))
  socket.addEventListener("error", () => told.errors++)
  const seen = new Set()
  socket.addEventListener("message", ({ data }) => {
    const number = numberOf(data)
    if (seen.has(number)) told.doubled++
    else if (number !== told.received) told.reordered++
    if (!same(data, message(number))) told.wrong++
    seen.add(number)
    told.received++
    onReceived?.()
  })
  return new Promise((resolve) => {
    socket.addEventListener("close", ({ code, reason, wasClean }) => {
      told.lost = count - seen.size
      const took = Math.round((performance.now() - began) / 100) / 10
      resolve({ ...told, code, reason, wasClean, took, buffered: socket.bufferedAmount, report: socket.report() })
    })
  })
}
