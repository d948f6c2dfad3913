/** What a foreign page can try at somebody else's endpoint, in every way that a browser knows. */

const KEY = "abcdefghijklmnopqrstuvwx"
let count = 0

/** A key of its own for each try: a second try must not join the first. */
const newKey = () => KEY + String(++count).padStart(4, "0") + Math.random().toString(36).slice(2, 10)

/** A HELLO, as docs/protocol.md has it: type 16, the length in four bytes, JSON. */
const hello = () => {
  const fields = { v: 1, session: newKey(), carrier: 1, received: 0, room: 1 << 20, answer: "poll", poll: 1 }
  const payload = new TextEncoder().encode(JSON.stringify(fields))
  return Uint8Array.of(16, 0, 0, payload.length >> 8, payload.length, ...payload)
}

const post = (body, more = {}) => ({
  method: "POST", body, credentials: "include", ...more,
  headers: { "content-type": "application/byway", byway: "1", ...more.headers },
})

/** Some attacks end in silence. */
const within = (promise) =>
  Promise.race([promise, new Promise((resolve) => setTimeout(resolve, 1500, "silence"))])

/** Return what came of a request: its status, "opaque", or why the browser did not send it. */
const outcome = (promise) =>
  within(promise.then((response) => response.type === "opaque" ? "opaque" : response.status, (error) => error.name))

const socket = (url, protocols) =>
  new Promise((resolve) => {
    const one = new WebSocket(url.replace("http", "ws"), protocols)
    one.onopen = () => {
      one.close()
      resolve("open")
    }
    one.onerror = () => resolve("error")
  })

/** A form that posts in a frame, as a click on a page of somebody's would. */
async function form(url, enctype) {
  const frame = document.createElement("iframe")
  frame.name = `frame${++count}`
  document.body.append(frame)
  const one = document.createElement("form")
  Object.assign(one, { action: url, method: "POST", target: frame.name, enctype })
  const field = document.createElement("input")
  field.name = "a"
  one.append(field)
  document.body.append(one)
  const loaded = new Promise((resolve) => (frame.onload = () => resolve("loaded")))
  one.submit()
  return within(loaded)
}

/** A frame without an origin, which tries a request and a WebSocket. */
async function sandbox(url, body) {
  const end = "</" + "script>"
  const frame = document.createElement("iframe")
  frame.sandbox = "allow-scripts"
  frame.srcdoc = `<script type="module">
    const within = ${within}
    const outcome = ${outcome}
    const socket = ${socket}
    const body = new Uint8Array([${body}])
    const headers = { "content-type": "application/byway", byway: "1" }
    const all = [
      await outcome(fetch("${url}", { method: "POST", body, headers, credentials: "include" })),
      await outcome(fetch("${url}", { method: "POST", body, headers, credentials: "omit" })),
      await socket("${url}", ["byway.1", "byway.1.${newKey()}.0.1000.1"]),
      await socket("${url}"),
    ]
    parent.postMessage(all, "*")
  ${end}`
  const told = new Promise((resolve) => addEventListener("message", ({ data }) => resolve(data), { once: true }))
  document.body.append(frame)
  return told
}

/** Try everything, and say what the page saw of each. */
export async function attack({ BywaySocket }, url) {
  const body = hello
  const blob = (type) => new Blob([body()], { type })
  const seen = {
    fetch: await outcome(fetch(url, post(body()))),
    without: await outcome(fetch(url, post(body(), { credentials: "omit" }))),
    up: await outcome(fetch(url, post(body(), { headers: { byway: "up" } }))),
    forwarded: await outcome(fetch(url, post(body(), { headers: { "x-forwarded-host": location.host } }))),
    opaque: await outcome(fetch(url, post(body(), { mode: "no-cors" }))),
    redirected: await outcome(fetch(`/redirect?to=${encodeURIComponent(url)}`, post(body()))),
    form: await form(url, "text/plain"),
    urlencoded: await form(url, "application/x-www-form-urlencoded"),
    beacon: navigator.sendBeacon(url, blob("application/byway")),
    text: navigator.sendBeacon(url, blob("text/plain")),
    socket: await within(socket(url, ["byway.1", `byway.1.${newKey()}.0.1000.1`])),
    instance: await within(socket(url, ["byway.1", `byway.1.${newKey()}.0.1000.1.anInstance`])),
    plain: await within(socket(url)),
    sandbox: await within(sandbox(url, body())),
  }
  const one = new BywaySocket(url, [], { memory: false, openTimeout: 4 })
  seen.byway = await new Promise((resolve) => {
    one.onopen = () => resolve(`open over ${one.transport}`)
    one.onclose = ({ code }) => resolve(code)
  })
  one.close()
  return seen
}

/** Say a word over one transport, or whichever comes, and wait for it to come back. */
export async function talk({ BywaySocket }, url, options) {
  const socket = new BywaySocket(url, [], { memory: false, openTimeout: 10, ...options })
  socket.onopen = () => socket.send("hello")
  const echo = await new Promise((resolve) => {
    socket.onmessage = ({ data }) => resolve(data)
    socket.onclose = ({ code }) => resolve(code)
  })
  const { transport } = socket
  socket.close()
  return [echo, transport, socket.report()]
}

/** Wait until a socket has come to a transport, then say a word over it. */
export async function promoted({ BywaySocket }, url, wanted, options) {
  const began = performance.now()
  const socket = new BywaySocket(url, [], { memory: false, openTimeout: 10, ...options })
  const moves = []
  await new Promise((resolve) => {
    socket.ontransport = ({ detail }) => moves.push(detail) && detail === wanted && resolve()
    socket.onclose = resolve
  })
  const seconds = (performance.now() - began) / 1000
  socket.send("hello")
  const echo = await new Promise((resolve) => {
    socket.onmessage = ({ data }) => resolve(data)
    socket.onclose = ({ code }) => resolve(code)
  })
  const { transport } = socket
  socket.close()
  return { echo, moves, seconds, transport }
}
