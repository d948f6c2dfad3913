// Watches a socket, and writes down what happens to it in words that can be compared.
//
// Knows: the events of the WebSocket interface.
// Must not know: any case, nor which class it watches.

// Longer than any case waits for anything when all is well.
const TIMEOUT = 4_000

/** The sockets of the case that runs now, so that none outlives it. */
const watched = new Set()

/**
 * Watches a socket.
 *
 * `log` has a line for each event, `data` what the messages brought; `until(type, count)` waits
 * until so many events of a type have been seen since the beginning.
 */
export function watch(socket) {
  const log = []
  const data = []
  const counts = { open: 0, message: 0, error: 0, close: 0 }
  const waits = new Set()
  watched.add(socket)
  for (const type of Object.keys(counts)) {
    socket.addEventListener(type, (event) => {
      counts[type] += 1
      log.push(line(event))
      if (type === "message") data.push(event.data)
      for (const look of [...waits]) look()
    })
  }
  const until = (type, count = 1) =>
    new Promise((resolve, reject) => {
      const look = () => {
        if (counts[type] < count) return
        waits.delete(look)
        clearTimeout(timer)
        setTimeout(resolve) // in a task of its own, when every other listener has had its turn
      }
      const timer = setTimeout(() => {
        waits.delete(look)
        reject(new Error(`waited for ${count} × ${type}, saw: ${log.join(", ")}`))
      }, TIMEOUT)
      waits.add(look)
      look()
    })
  return { socket, log, data, until }
}

/** Closes what a case left open. */
export function closeAll() {
  for (const socket of watched) {
    try {
      socket.close()
    } catch {
      // A class that cannot be closed fails in the cases about that.
    }
  }
  watched.clear()
}

/** Describes an event in a line. */
function line(event) {
  if (event.type === "message") return `message ${show(event.data)}`
  if (event.type !== "close") return event.type
  const how = event.wasClean ? "clean" : "unclean"
  return `close ${event.code} ${JSON.stringify(event.reason)} ${how}`
}

/** Describes what a message brought. */
export function show(data) {
  if (typeof data === "string") return JSON.stringify(data)
  if (data instanceof ArrayBuffer) {
    if (data.byteLength > 32) return `ArrayBuffer of ${data.byteLength}`
    return `ArrayBuffer [${new Uint8Array(data)}]`
  }
  if (data instanceof Blob) return `Blob of ${data.size}`
  return String(data)
}

/** Reads the bytes of a Blob. */
export async function bytes(blob) {
  return [...new Uint8Array(await blob.arrayBuffer())]
}

/** Calls a function and describes what it throws. */
export function thrown(call) {
  try {
    call()
  } catch (error) {
    return error instanceof DOMException ? `DOMException ${error.name} ${error.code}` : error.name
  }
  return "nothing"
}

/** Ends a wait that `until` does not bound. */
export function soon(promise) {
  const late = quiet(TIMEOUT * 2).then(() => {
    throw new Error("the case does not end")
  })
  return Promise.race([promise, late])
}

/** Lets time pass in which nothing should happen. */
export function quiet(milliseconds = 60) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

/** Collects what reaches `window.onerror` while a function runs. */
export async function reported(run) {
  const found = []
  const take = (event) => {
    event.preventDefault() // the console need not have it too
    found.push(event.error.message)
  }
  addEventListener("error", take)
  try {
    await run()
  } finally {
    removeEventListener("error", take)
  }
  return found
}
