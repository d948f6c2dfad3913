/**
 * Odd servers, networks and users, played to `BywaySocket` in Node by a `fetch` and a `WebSocket` of its own.
 *
 *     node odd.mjs CASE
 *
 * Prints what was seen as JSON. Node ends by itself where no timer and no request is left.
 */

const log = []
const wait = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000))

/** Waits until something is so, or for ten seconds. */
async function until(condition) {
  for (const end = performance.now() + 10_000; !condition() && performance.now() < end; ) await wait(0.01)
}

const utf8 = (text) => new TextEncoder().encode(text)

function frame(kind, payload = new Uint8Array()) {
  const whole = new Uint8Array(5 + payload.length)
  whole[0] = kind
  new DataView(whole.buffer).setUint32(1, payload.length)
  whole.set(payload, 5)
  return whole
}

function numbers(...all) {
  const view = new DataView(new ArrayBuffer(4 * all.length))
  all.forEach((number, index) => view.setUint32(4 * index, number))
  return new Uint8Array(view.buffer)
}

const join = (...all) => Uint8Array.from(all.flatMap((one) => [...one]))
const next = (number) => frame(18, numbers(0, number))
const ack = (received) => frame(19, numbers(0, received, 1 << 20))
const close = (code) => frame(4, Uint8Array.of(code >> 8, code & 255))
const open = (more) => frame(17, utf8(JSON.stringify({
  v: 1, instance: "abc", transport: "stream", received: 0, room: 1 << 20, heartbeat: 10, window: 30, silence: 25,
  part: 16384, batch: 65536, transports: ["websocket", "stream", "sse", "poll"], ...more,
})))

/** A server: `answer(kind, count)` gives the bytes of each answer, `up` what was received. */
class Server {
  up = 0
  counts = {}
  carriers = new Set()
  streams = []
  notAborted = 0

  constructor(answer) {
    globalThis.fetch = async (_, { body, signal, keepalive }) => {
      const hello = this.take(body)
      this.carriers.add(hello.carrier)
      const count = (this.counts[hello.answer] = (this.counts[hello.answer] ?? 0) + 1)
      if (!keepalive) this.notAborted++
      signal.addEventListener("abort", () => this.notAborted--)
      await wait(0.001)
      if (signal.aborted) throw signal.reason
      const { answer: kind } = hello
      if (kind === "ack") {
        this.notAborted -= !keepalive
        return new Response(answer(kind, count) ?? ack(this.up), { headers: { byway: kind } })
      }
      let leave = () => {}
      const stream = new ReadableStream({
        start: (writer) => {
          const bytes = answer(kind, count)
          if (bytes) writer.enqueue(bytes)
          if (kind === "poll") {
            this.notAborted--
            if (bytes) writer.close()
            else writer.error(new TypeError("cut"))
          } else {
            this.streams.push(writer)
            leave = () => (this.streams = this.streams.filter((one) => one !== writer))
            signal.addEventListener("abort", () => {
              leave()
              writer.error(signal.reason)
            })
          }
        },
        cancel: () => leave(), // which may come before the abort: there is nobody to write to
      })
      return new Response(stream, { headers: { byway: kind } })
    }
  }

  /** Count the numbered frames of a request; return its HELLO. */
  take(body) {
    let hello = null
    let number = 0
    const view = new DataView(body.buffer, body.byteOffset, body.length)
    for (let at = 0; at < body.length; ) {
      const kind = body[at]
      const stop = at + 5 + view.getUint32(at + 1)
      if (kind === 16) hello = JSON.parse(new TextDecoder().decode(body.subarray(at + 5, stop)))
      else if (kind === 18) number = view.getUint32(at + 9)
      else if (kind < 16 && number++ === this.up + 1) this.up++
      at = stop
    }
    return hello
  }

  push(...frames) {
    this.streams.at(-1)?.enqueue(join(...frames))
  }
}

async function socket(options, protocols = []) {
  const { BywaySocket } = await import("../../browser/byway.js")
  const one = new BywaySocket("ws://odd.test/", protocols, { transports: "stream", memory: false, ...options })
  one.binaryType = "arraybuffer"
  one.onopen = () => log.push("open")
  one.onmessage = ({ data }) => log.push(`message ${data}`)
  one.onclose = ({ code, wasClean }) => log.push(`close ${code} ${wasClean}`)
  return one
}

const opened = (one) => new Promise((resolve) => one.addEventListener("open", resolve))
process.on("uncaughtException", ({ message }) => log.push(`uncaught: ${message}`))

const cases = {
  async closed_at_once(transports) {
    const server = new Server((kind) => (kind === "ack" ? null : open()))
    const { BywaySocket } = await import("../../browser/byway.js")
    const one = new BywaySocket("ws://odd.test/", [], { transports, memory: false })
    one.onclose = ({ code, wasClean }) => log.push(`close ${code} ${wasClean}`)
    one.close()
    await wait(0.2)
    return { log, asked: Object.keys(server.counts).length, notAborted: server.notAborted }
  },

  async a_plain_server_later() {
    const server = new Server(() => open())
    globalThis.WebSocket = class {
      protocol = ""
      readyState = 0
      constructor() {
        setTimeout(() => this.onopen?.(), 500)
      }
      close() {}
      send() {}
    }
    const one = await socket({ transports: "websocket, stream" })
    await opened(one)
    await wait(0.5)
    server.push(next(1), frame(1, utf8("still here")))
    await wait(0.1)
    return { log, transport: one.transport, plain: one.report().plain }
  },

  async a_plain_socket() {
    globalThis.WebSocket = class {
      protocol = ""
      extensions = "permessage-deflate"
      readyState = 0
      bufferedAmount = 0
      constructor() {
        setTimeout(() => {
          this.readyState = 1
          this.onopen()
          this.onmessage({ data: "hello" })
          this.onmessage({ data: Uint8Array.of(1, 2).buffer })
        }, 10)
      }
      send(data) {
        log.push(`sent ${data}`)
      }
      close(...given) {
        log.push(`closing ${given}`)
        this.readyState = 2
        setTimeout(() => {
          this.readyState = 3
          this.onclose({ wasClean: true, code: 1000, reason: "" })
        }, 10)
      }
    }
    const one = await socket({ transports: "websocket" })
    const transports = [one.transport]
    await opened(one)
    transports.push(one.transport)
    await wait(0.05)
    one.send("x")
    one.close()
    await wait(0.05)
    transports.push(one.transport, one.report().transport)
    return { log, transports, plain: one.report().plain, extensions: one.extensions, state: one.readyState }
  },

  async subprotocols_without_end() {
    new Server(() => null)
    const names = (count, length) => Array.from({ length: count }, (_, index) => `${index}`.padEnd(length, "x"))
    const found = []
    for (const offered of [names(32, 64), names(33, 2), names(1, 2048), names(1, 2049), names(32, 65)]) {
      try {
        const one = await socket({}, offered)
        one.close()
        found.push("taken")
      } catch (error) {
        found.push(error.name)
      }
    }
    return { found }
  },

  async many_polls() {
    const alive = []
    globalThis.AbortController = class extends AbortController {
      constructor() {
        super()
        alive.push(new WeakRef(this))
      }
    }
    new Server((kind, count) => (kind === "ack" ? null : count === 1 ? open() : frame(24)))
    await socket({ transports: "poll" })
    await wait(1)
    globalThis.gc()
    await wait(0.05)
    globalThis.gc()
    return { polls: alive.length, alive: alive.filter((one) => one.deref()).length }
  },

  async a_poll_cut_in_its_body() {
    const server = new Server((kind, count) => (kind === "ack" ? null : count === 1 ? open() : count !== 5 && frame(24)))
    await socket({ transports: "poll" })
    await wait(0.3)
    return { carriers: server.carriers.size }
  },

  async no_subprotocol() {
    const server = new Server((kind) => (kind === "ack" ? null : open()))
    await socket({}, ["chat"])
    await wait(0.2)
    return { log, notAborted: server.notAborted }
  },

  async options_that_are_undefined() {
    const server = new Server((kind) => (kind === "ack" ? null : open()))
    const names = ["transports", "patience", "headers", "credentials", "memory", "openTimeout", "closeTimeout", "maxMessage"]
    const { BywaySocket } = await import("../../browser/byway.js")
    const one = new BywaySocket("ws://odd.test/", [], Object.fromEntries(names.map((name) => [name, undefined])))
    await opened(one)
    one.close()
    return { asked: server.counts.stream }
  },

  async options_that_are_wrong() {
    const { BywaySocket } = await import("../../browser/byway.js")
    const wrong = { openTimeout: [NaN, -1, "x"], closeTimeout: [NaN, -1], maxMessage: [NaN, -1] }
    const taken = []
    for (const [name, values] of Object.entries(wrong)) {
      for (const value of values) {
        try {
          new BywaySocket("ws://odd.test/", [], { [name]: value }).close()
          taken.push(`${name} ${value}`)
        } catch (error) {
          log.push(error.name)
        }
      }
    }
    return { taken }
  },

  async fields_of_open(name, value) {
    let most = 0
    const { setTimeout: real } = globalThis
    globalThis.setTimeout = (...given) => {
      most++
      return real(...given)
    }
    const server = new Server((kind) => (kind === "ack" ? null : open({ [name]: JSON.parse(value) })))
    const one = await socket({ openTimeout: 0.5 })
    one.addEventListener("open", () => one.send("hello"))
    await wait(1)
    return { log, requests: server.counts.ack ?? 0, busy: most > 100 }
  },

  async closes_that_cross_slowly() {
    let mute = true
    const server = new Server((kind) => (kind === "ack" ? (mute ? frame(24) : null) : open()))
    const one = await socket({})
    await opened(one)
    await wait(0.1)
    mute = "long"
    const { fetch: real } = globalThis
    globalThis.fetch = async (...given) => {
      await wait(2.5)
      return real(...given)
    }
    one.close(3001)
    await wait(2.3)
    server.push(next(1), close(4002))
    await wait(0.1)
    mute = false
    await wait(3)
    return { log, up: server.up }
  },

  async answers_that_acknowledge_nothing() {
    Math.random = () => 0.99 // the longest pauses
    const server = new Server((kind) => (kind === "ack" ? frame(24) : open({ heartbeat: 0.3 })))
    const one = await socket({})
    await opened(one)
    setInterval(() => server.push(frame(24)), 50) // so that no carrier ends for its silence
    one.send("hello")
    const began = performance.now()
    await wait(0.5)
    const { ack } = server.counts
    const few = ack < 20 * ((performance.now() - began) / 1000) // the wait may have been longer
    await until(() => server.counts.ack > ack && server.carriers.size > 1)
    return { log, few, goesOn: server.counts.ack > ack, moves: server.carriers.size > 1 }
  },

  async answers_that_acknowledge_one_more_each() {
    Math.random = () => 0.99
    const server = new Server((kind, count) => (kind === "ack" ? ack(Math.min(count, 30)) : open()))
    const one = await socket({})
    await opened(one)
    for (let count = 0; count < 30; count++) one.send("tiny")
    await wait(2) // pauses would last for longer
    return { left: one.bufferedAmount, carriers: server.carriers.size }
  },

  async a_text_that_was_garbled() {
    const server = new Server((kind) => (kind === "ack" ? null : open()))
    const one = await socket({})
    await opened(one)
    server.push(next(1), frame(1, Uint8Array.of(0xff)))
    await wait(0.5)
    server.push(next(1), frame(1, utf8("first")), frame(1, utf8("second")))
    await wait(0.1)
    server.push(frame(4, Uint8Array.of(0x0f, 0xa1, 0xff)))
    await wait(0.5)
    server.push(next(3), close(4001))
    await wait(0.3)
    return { log, streams: server.counts.stream }
  },

  async messages_without_room() {
    const server = new Server((kind) => (kind === "ack" ? null : open()))
    const one = await socket({})
    await opened(one)
    log.length = 0
    one.onmessage = () => log.push("message")
    const long = frame(2, new Uint8Array(60000))
    server.push(next(1), ...Array(100).fill(long))
    await wait(0.5)
    return { messages: log.filter((one) => one === "message").length }
  },

  async many_messages_behind_a_blob() {
    new Server((kind) => (kind === "ack" ? null : open()))
    const one = await socket({})
    await opened(one)
    const began = performance.now()
    one.send(new Blob(["x"]))
    for (let count = 0; count < 300000; count++) one.send("tiny")
    await wait(0.01)
    return { seconds: (performance.now() - began) / 1000 }
  },

  async a_message_with_open() {
    new Server((kind) => (kind === "ack" ? null : join(open(), next(1), frame(2, new Uint8Array(1000)))))
    const one = await socket({})
    let seen
    one.onmessage = ({ data }) => (seen = new WeakRef(data))
    await wait(0.2)
    globalThis.gc()
    await wait(0.05)
    globalThis.gc()
    return { came: Boolean(seen), alive: Boolean(seen?.deref()) }
  },

  async a_slow_machine() {
    const { setTimeout: real } = globalThis
    let negative = 0
    globalThis.setTimeout = (run, after, ...more) => {
      negative += after < 0
      return real(run, after, ...more)
    }
    globalThis.WebSocket = class {
      constructor() {
        for (const until = Date.now() + 50; Date.now() < until; );
      }
      close() {}
    }
    await socket({ transports: "websocket", openTimeout: 0.01 })
    await wait(0.3)
    return { log, negative }
  },

  async a_page_with_many_marks() {
    const { performance } = globalThis
    const { getEntriesByType } = performance
    let looked = 0
    for (let count = 0; count < 1000; count++) performance.mark(`mark ${count}`)
    const seen = (entries) => {
      looked = Math.max(looked, entries.length)
      return entries
    }
    performance.getEntries = () => seen(getEntriesByType.call(performance, "mark"))
    performance.getEntriesByType = (type) => seen(getEntriesByType.call(performance, type))
    globalThis.location = new URL("http://odd.test/")
    new Server((kind) => (kind === "ack" ? null : open()))
    const one = await socket({})
    await opened(one)
    for (let count = 0; count < 10; count++) {
      one.send("hello")
      await wait(0.05)
    }
    return { left: one.bufferedAmount, looked }
  },

  async an_event_in_small_pieces() {
    const { eventDecoder } = await import("../../browser/src/eventstream.js")
    const bytes = Buffer.from(frame(2, new Uint8Array(16384))).toString("base64")
    const event = utf8(`event: frames\ndata: ${bytes}\n\n`)
    const decode = eventDecoder()
    const frames = []
    for (let at = 0; at < event.length; at += 100) frames.push(...decode(event.subarray(at, at + 100)))
    return { lengths: frames.map(([, payload]) => payload.length) }
  },

  async no_open_in_time() {
    globalThis.fetch = () => new Promise(() => {})
    const one = await socket({ transports: "stream, sse, poll", openTimeout: 0.6 })
    await wait(0.8)
    return { log, verdicts: one.report().transports.map(({ verdict }) => verdict) }
  },
}

const [name, ...given] = process.argv.slice(2)
console.log(JSON.stringify(await cases[name](...given)))
if (!name.startsWith("closed") && name !== "no_subprotocol") process.exit()
