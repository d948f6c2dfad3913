/** Tries each transport, and all of them together, in a network: does a word come back? */

/** Open, send a word and wait for its echo; return what became of it. */
async function echo(Socket, url, options, seconds) {
  const began = performance.now()
  const socket = new Socket(`${url}/echo`, [], { memory: false, openTimeout: seconds, ...options })
  const came = await new Promise((resolve) => {
    socket.addEventListener("open", () => socket.send("hello"))
    socket.addEventListener("message", ({ data }) => resolve(data === "hello"))
    socket.addEventListener("close", () => resolve(false))
    setTimeout(resolve, seconds * 1000, false)
  })
  return { socket, came, took: (performance.now() - began) / 1000 }
}

/** Return what is used by default, and which transports work when nothing else is allowed. */
export async function examine(Socket, url, transports, seconds) {
  const first = await echo(Socket, url, {}, seconds)
  // The race goes on behind the first; what is killed after a second is still there.
  await new Promise((resolve) => setTimeout(resolve, 600))
  for (let left = 100; !first.socket.transport && left; left--) {
    await new Promise((resolve) => setTimeout(resolve, 50)) // one has just ended
  }
  const told = { came: first.came, took: first.took, used: first.socket.transport, alone: {} }
  first.socket.close()
  // By itself, as some networks let one request of a client through at a time.
  for (const isUsed of [true, false]) { // where nothing was used, all are tried beside each other
    const names = transports.filter((one) => (one === told.used) === isUsed)
    const alone = names.map((one) => echo(Socket, url, { transports: [one] }, seconds))
    for (const { socket, came } of await Promise.all(alone)) {
      told.alone[socket.report().transports[0].transport] = came
      socket.close()
    }
  }
  return told
}
