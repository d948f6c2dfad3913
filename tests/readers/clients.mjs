// Readers of event streams in JavaScript: `node clients.mjs LIBRARY alone|helped URL`.
// Each event is printed as a line of JSON: name, data (or its length), id. In a page, see `page.js`.
import { createRequire } from "node:module"
import { pathToFileURL } from "node:url"

const [, , packages, library, mode, url] = process.argv
const helped = mode === "helped"
const require = createRequire(`${packages}/package.json`)

const load = async (name) => await import(pathToFileURL(require.resolve(name)))

const show = (name, data, id) => {
  const shown = data.length < 1000 ? data : `${data.length} characters`
  console.log(JSON.stringify([name || "message", shown, id || ""]))
  return name === "close"
}

const readers = {
  async eventsource() {
    const { EventSource } = await load("eventsource")
    // While it waits to come back, it does not keep Node from exiting.
    const alive = setInterval(() => {}, 1e6)
    const open = () => {
      const source = new EventSource(url)
      for (const name of ["message", "json", "binary", "lost", "close"]) {
        source.addEventListener(name, (event) => {
          if (!show(event.type, event.data, event.lastEventId) || !helped) return
          source.close()
          clearInterval(alive)
        })
      }
      source.addEventListener("error", () => {
        if (source.readyState !== EventSource.CLOSED) return
        if (helped) setTimeout(open, 500)
        else clearInterval(alive)
      })
    }
    open()
  },

  async "eventsource-client"() {
    const { createEventSource } = await load("eventsource-client")
    const source = createEventSource({
      url,
      onMessage({ event, data, id }) {
        if (show(event, data, id) && helped) source.close()
      },
    })
  },

  async "@microsoft/fetch-event-source"() {
    // It is for pages: what it asks of one is here.
    globalThis.window = globalThis
    globalThis.document = { hidden: false, addEventListener() {}, removeEventListener() {} }
    const { fetchEventSource } = require("@microsoft/fetch-event-source")
    const done = new AbortController()
    const options = {
      onclose() {
        throw new Error("come back")
      },
      signal: done.signal,
    }
    await fetchEventSource(url, {
      onmessage({ event, data, id }) {
        if (show(event, data, id) && helped) done.abort()
      },
      ...(helped ? options : {}),
    })
  },
}

await readers[library]()
process.on("exit", () => console.log("returned"))
