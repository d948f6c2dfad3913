// What the WebSocket interface does, case by case: the answers that the standard demands.
//
// Knows: https://websockets.spec.whatwg.org/ and the endpoints of tests/apps/browser_app.py.
// Must not know: which class is tried.
//
// A case is `async (Socket, url) => result`: a class with the interface, and the address of the
// server without a path (`ws://127.0.0.1:1234`). Its result is JSON. The second argument of
// `standard` is the result that the standard demands; `HOST` in it stands for the server's
// host and port. Where a browser's own class answers otherwise, different.py says so. The names
// are literals, as pytest reads them from this text.

import { bytes, closeAll, quiet, reported, show, soon, thrown, watch } from "/recorder.js"

const cases = new Map()

function standard(name, expected, run) {
  if (cases.has(name)) throw new Error(`two cases are called ${name}`)
  cases.set(name, { expected, run })
}

const SYNTAX = "DOMException SyntaxError 12"
const STATE = "DOMException InvalidStateError 11"
const ACCESS = "DOMException InvalidAccessError 15"

/** Opens a socket and waits until it is open. */
async function opened(Socket, address, ...more) {
  const seen = watch(new Socket(address, ...more))
  await seen.until("open")
  return seen
}

/** Makes a socket of which only the attributes matter. */
function made(Socket, address, ...more) {
  return watch(new Socket(address, ...more)).socket
}

// The class

const CONSTANTS = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 }

function constants(object) {
  return Object.fromEntries(Object.keys(CONSTANTS).map((name) => [name, object[name]]))
}

standard("constants of the class", CONSTANTS, async (Socket) => constants(Socket))

standard("constants of the prototype", CONSTANTS, async (Socket) => constants(Socket.prototype))

standard("constants of an object", CONSTANTS, async (Socket, url) =>
  constants(made(Socket, `${url}/echo`)),
)

standard("constants cannot be changed", ["TypeError", 1, "TypeError", 1], async (Socket) => {
  const first = thrown(() => (Socket.OPEN = 7))
  const second = thrown(() => (Socket.prototype.OPEN = 7))
  return [first, Socket.OPEN, second, Socket.prototype.OPEN]
})

standard("an object is an EventTarget", [true, true], async (Socket, url) => {
  const socket = made(Socket, `${url}/echo`)
  return [socket instanceof EventTarget, socket instanceof Socket]
})

standard("an object has no enumerable properties of its own", [], async (Socket, url) =>
  Object.keys(made(Socket, `${url}/echo`)),
)

standard(
  "the interface is enumerable on the prototype",
  [
    ...["CLOSED", "CLOSING", "CONNECTING", "OPEN", "binaryType", "bufferedAmount", "close"],
    ...["extensions", "onclose", "onerror", "onmessage", "onopen", "protocol", "readyState"],
    ...["send", "url"],
  ],
  async (Socket) => {
    const names = new Set()
    // `addEventListener` and its like are of EventTarget, which is not what is tried here.
    for (const name in Socket.prototype) if (!(name in EventTarget.prototype)) names.add(name)
    return [...names].sort()
  },
)

standard(
  "the names of the class",
  ["WebSocket", 1, "[object WebSocket]", "[object WebSocket]", [false, false, true], true],
  async (Socket, url) => {
    const { prototype } = Socket
    const tag = Object.getOwnPropertyDescriptor(prototype, Symbol.toStringTag)
    const strings = [prototype, made(Socket, `${url}/echo`)].map(String)
    const how = [tag.writable, tag.enumerable, tag.configurable]
    return [Socket.name, Socket.length, ...strings, how, prototype.constructor === Socket]
  },
)

const READ_ONLY = ["bufferedAmount", "extensions", "protocol", "readyState", "url"]
const SETTABLE = ["binaryType", "onclose", "onerror", "onmessage", "onopen"]

standard(
  "the names of the members",
  {
    ...Object.fromEntries(READ_ONLY.map((one) => [one, [`get ${one}`, 0]])),
    ...Object.fromEntries(SETTABLE.map((one) => [one, [`get ${one}`, 0, `set ${one}`, 1]])),
    ...{ send: ["send", 1], close: ["close", 0] },
  },
  async ({ prototype }) => {
    const found = {}
    for (const name of [...READ_ONLY, ...SETTABLE, "send", "close"]) {
      const { get, set, value } = Object.getOwnPropertyDescriptor(prototype, name)
      found[name] = [get, set, value].flatMap((one) => (one ? [one.name, one.length] : []))
    }
    return found
  },
)

standard(
  "surplus arguments are ignored",
  ["open", 'message "hello"', "open", 'message "hello"'],
  async (Socket, url) => {
    // Code that was written for `ws`, or for React Native, has options there.
    const options = { transports: "smoke", perMessageDeflate: false, headers: { "no name": "é" } }
    const seen = () => {
      throw new Error("it was looked at")
    }
    const trap = new Proxy({}, { get: seen, has: seen, ownKeys: seen })
    const found = []
    for (const more of [[options], [trap, trap]]) {
      const { socket, log, until } = await opened(Socket, `${url}/echo`, [], ...more)
      socket.send("hello")
      await until("message")
      found.push(...log)
    }
    return found
  },
)

standard("a class of one's own is made of it", [true, "[object WebSocket]", 7], async (
  Socket,
  url,
) => {
  class Own extends Socket {
    own = 7
  }
  const socket = made(Own, `${url}/echo`)
  return [socket instanceof Own && socket instanceof Socket, String(socket), socket.own]
})

standard("it cannot be called without new", "TypeError", async (Socket, url) =>
  thrown(() => Socket(`${url}/echo`)),
)

standard("it cannot be called without an address", "TypeError", async (Socket) =>
  thrown(() => new Socket()),
)

standard(
  "members of something else",
  ["TypeError", "TypeError", "TypeError", "TypeError"],
  async (Socket) => [
    thrown(() => Socket.prototype.readyState),
    thrown(() => (Socket.prototype.onopen = null)),
    thrown(() => Socket.prototype.send.call({}, "a")),
    thrown(() => Socket.prototype.close.call(new EventTarget())),
  ],
)

// The address

standard("an address that is none", [SYNTAX, SYNTAX, SYNTAX], async (Socket) =>
  ["ws://[", "ws://127.0.0.1:99999/", "ws://"].map((one) => thrown(() => new Socket(one))),
)

standard("an address with another scheme", [SYNTAX, SYNTAX, SYNTAX, SYNTAX], async (Socket) =>
  ["mailto:a@example.com", "ftp://127.0.0.1/", "about:blank", "data:,"].map((one) =>
    thrown(() => new Socket(one)),
  ),
)

standard("an address with a fragment", [SYNTAX, SYNTAX, SYNTAX], async (Socket, url) =>
  [`${url}/echo#part`, `${url}/echo#`, "#"].map((one) => thrown(() => new Socket(one))),
)

standard("an http address becomes ws", "ws://HOST/echo", async (Socket, url) =>
  made(Socket, `${url.replace("ws:", "http:")}/echo`).url,
)

standard("an https address becomes wss", "wss://HOST/echo", async (Socket, url) =>
  made(Socket, `${url.replace("ws:", "https:")}/echo`).url,
)

standard(
  "a relative address is one of the page's server",
  ["ws://HOST/echo", "ws://HOST/echo", "ws://HOST/echo?a"],
  async (Socket, url) =>
    ["/echo", "echo", `//${new URL(url).host}/echo?a`].map((one) => made(Socket, one).url),
)

standard("an empty address is the page's own", "ws://HOST/", async (Socket) => made(Socket, "").url)

standard("a relative address can be talked to", 'message "hello"', async (Socket) => {
  const { socket, log, until } = await opened(Socket, "/echo")
  socket.send("hello")
  await until("message")
  return log.at(-1)
})

standard("an address is put into its usual form", "ws://HOST/echo?a%20b", async (Socket, url) =>
  made(Socket, `${url.replace("ws:", "WS:")}/x/../echo?a b`).url,
)

standard(
  "an address with a user and a password",
  ["ws://user:p%40ss@HOST/basic", "ws://HOST", ["open", 'message "user:p@ss"']],
  async (Socket, url) => {
    const { socket, log, until } = watch(new Socket(`${url.replace("//", "//user:p%40ss@")}/basic`))
    let origin
    socket.onmessage = (event) => (origin = event.origin)
    await until("message")
    return [socket.url, origin, log]
  },
)

standard("an address may be a URL", "ws://HOST/echo", async (Socket, url) =>
  made(Socket, new URL(`${url}/echo`)).url,
)

// Subprotocols

standard("subprotocols that are none", Array(6).fill(SYNTAX), async (Socket, url) =>
  ["", "a b", "a,b", "é", "a\n", ["a", ""]].map((one) =>
    thrown(() => new Socket(`${url}/choose`, one)),
  ),
)

standard("a subprotocol twice", SYNTAX, async (Socket, url) =>
  thrown(() => new Socket(`${url}/choose`, ["a", "b", "a"])),
)

standard("the server's choice of a list", ["b", 'message "a,b,c"'], async (Socket, url) => {
  const { socket, log, until } = await opened(Socket, `${url}/choose?one=b`, ["a", "b", "c"])
  await until("message")
  return [socket.protocol, log.at(-1)]
})

standard("one subprotocol as a text", ["one", 'message "one"'], async (Socket, url) => {
  const { socket, log, until } = await opened(Socket, `${url}/choose?one=one`, "one")
  await until("message")
  return [socket.protocol, log.at(-1)]
})

standard("subprotocols are made texts", ["null", "7", "x"], async (Socket, url) => {
  const found = []
  for (const [given, chosen] of [[null, "null"], [7, "7"], [new Set(["x"]), "x"]]) {
    const { socket } = await opened(Socket, `${url}/choose?one=${chosen}`, given)
    found.push(socket.protocol)
  }
  return found
})

standard("no subprotocols", ['message ""', 'message ""'], async (Socket, url) => {
  const found = []
  for (const given of [undefined, []]) {
    const { log, until } = await opened(Socket, `${url}/choose`, given)
    await until("message")
    found.push(log.at(-1))
  }
  return found
})

standard(
  "subprotocols of which the server takes none",
  ["error", 'close 1006 "" unclean'],
  async (Socket, url) => {
    const { socket, log } = watch(new Socket(`${url}/choose`, ["a", "b"]))
    await new Promise((resolve) => (socket.onmessage = socket.onclose = resolve))
    return log
  },
)

// Attributes

standard(
  "attributes at the beginning",
  {
    ...{ readyState: 0, url: "ws://HOST/echo", protocol: "", extensions: "", bufferedAmount: 0 },
    ...{ binaryType: "blob", onopen: null, onmessage: null, onerror: null, onclose: null },
  },
  async (Socket, url) => {
    const socket = made(Socket, `${url}/echo`, [])
    const found = {}
    const names = ["readyState", "url", "protocol", "extensions", "bufferedAmount", "binaryType"]
    for (const name of [...names, "onopen", "onmessage", "onerror", "onclose"])
      found[name] = socket[name]
    return found
  },
)

standard("attributes that cannot be set", Array(5).fill("TypeError"), async (Socket, url) => {
  const socket = made(Socket, `${url}/echo`)
  return ["readyState", "url", "protocol", "extensions", "bufferedAmount"].map((name) =>
    thrown(() => (socket[name] = 3)),
  )
})

standard("what binaryType may be", ["arraybuffer", "arraybuffer", "blob"], async (Socket, url) => {
  const socket = made(Socket, `${url}/echo`)
  return ["arraybuffer", "Blob", "blob"].map((one) => {
    socket.binaryType = one
    return socket.binaryType
  })
})

standard("a wrong binaryType is ignored", Array(4).fill("arraybuffer"), async (Socket, url) => {
  const socket = made(Socket, `${url}/echo`)
  socket.binaryType = "arraybuffer"
  return ["", "text", null, undefined].map((one) => {
    socket.binaryType = one
    return socket.binaryType
  })
})

standard("readyState from the beginning to the end", [0, 1, 1, 2, 3], async (Socket, url) => {
  const { socket, until } = watch(new Socket(`${url}/echo`))
  const found = [socket.readyState]
  socket.onopen = socket.onmessage = socket.onclose = () => found.push(socket.readyState)
  await until("open")
  socket.send("a")
  await until("message")
  socket.close()
  found.push(socket.readyState)
  await until("close")
  return found
})

standard("nothing happens before the script has ended", [0, 0], async (Socket, url) => {
  const { socket, until } = watch(new Socket(`${url}/echo`))
  const found = [socket.readyState]
  await Promise.resolve()
  found.push(socket.readyState)
  await until("open")
  return found
})

// Events

standard(
  "a life in order",
  ["open", 'message "one"', 'message "two"', 'close 1000 "bye" clean'],
  async (Socket, url) => {
    const { socket, log, until } = await opened(Socket, `${url}/echo`)
    socket.send("one")
    socket.send("two")
    await until("message", 2)
    socket.close(1000, "bye")
    await until("close")
    return log
  },
)

standard(
  "what events are",
  {
    open: ["Event", false, false, true, true, 2],
    message: ["MessageEvent", false, false, true, true, 2],
    close: ["CloseEvent", false, false, true, true, 2],
  },
  async (Socket, url) => {
    const { socket, until } = watch(new Socket(`${url}/bye?words=a`))
    const found = {}
    for (const type of ["open", "message", "close"])
      socket.addEventListener(type, (event) => {
        const own = event.target === socket && event.currentTarget === socket
        const path = event.composedPath().length === 1
        const { bubbles, cancelable, eventPhase } = event
        found[type] = [event.constructor.name, bubbles, cancelable, own, path, eventPhase]
      })
    await until("close")
    return found
  },
)

standard("what an error is", ["Event", false, false, 3, undefined], async (Socket, url) => {
  const { socket, until } = watch(new Socket(`${url}/refuse`))
  const found = []
  socket.onerror = (event) => {
    found.push(event.constructor.name, event.bubbles, event.cancelable, socket.readyState)
    found.push(event.message)
  }
  await until("close")
  return found
})

standard("events are trusted", [true, true, true], async (Socket, url) => {
  const { socket, until } = watch(new Socket(`${url}/bye?words=a`))
  const found = []
  socket.onopen = socket.onmessage = socket.onclose = (event) => found.push(event.isTrusted)
  await until("close")
  return found
})

standard(
  "what a message says of itself",
  { data: "a", origin: "ws://HOST", lastEventId: "", source: null, ports: 0 },
  async (Socket, url) => {
    const { socket, until } = await opened(Socket, `${url}/echo`)
    let found
    socket.onmessage = ({ data, origin, lastEventId, source, ports }) => {
      found = { data, origin, lastEventId, source, ports: ports.length }
    }
    socket.send("a")
    await until("message")
    return found
  },
)

standard("messages are tasks of their own", ["1", "micro", "2", "micro"], async (Socket, url) => {
  const { socket, until } = await opened(Socket, `${url}/echo`)
  const found = []
  socket.addEventListener("message", (event) => {
    found.push(event.data)
    Promise.resolve().then(() => found.push("micro"))
  })
  socket.send("1")
  socket.send("2")
  await until("message", 2)
  await quiet(0)
  return found
})

standard("an event of the page's own", ["message 5", "close 7"], async (Socket, url) => {
  const { socket } = await opened(Socket, `${url}/echo`)
  const found = []
  socket.onmessage = (event) => found.push(`message ${event.data}`)
  socket.onclose = (event) => found.push(`close ${event.code}`)
  socket.dispatchEvent(new MessageEvent("message", { data: 5 }))
  socket.dispatchEvent(new CloseEvent("close", { code: 7 }))
  return found
})

// Handlers

standard(
  "what a handler attribute may be",
  [true, null, null, null, true, null],
  async (Socket, url) => {
    const socket = made(Socket, `${url}/echo`)
    const handler = () => {}
    const object = {}
    const found = []
    socket.onmessage = handler
    found.push(socket.onmessage === handler)
    for (const one of [5, "text", null]) {
      socket.onmessage = one
      found.push(socket.onmessage)
    }
    socket.onmessage = object // kept, though it cannot be called
    found.push(socket.onmessage === object)
    socket.onmessage = undefined
    found.push(socket.onmessage)
    return found
  },
)

standard("a handler replaced keeps its place", ["new", "listener"], async (Socket, url) => {
  const { socket, until } = await opened(Socket, `${url}/echo`)
  const found = []
  socket.onmessage = () => found.push("old")
  socket.addEventListener("message", () => found.push("listener"))
  socket.onmessage = () => found.push("new")
  socket.send("a")
  await until("message")
  return found
})

standard("a handler removed loses its place", ["listener", "new"], async (Socket, url) => {
  const { socket, until } = await opened(Socket, `${url}/echo`)
  const found = []
  socket.onmessage = () => found.push("old")
  socket.addEventListener("message", () => found.push("listener"))
  socket.onmessage = null
  socket.onmessage = () => found.push("new")
  socket.send("a")
  await until("message")
  return found
})

standard("a handler's this and event", [true, true], async (Socket, url) => {
  const { socket, until } = await opened(Socket, `${url}/echo`)
  let found
  socket.onmessage = function (event) {
    found = [this === socket, event === globalThis.event]
  }
  socket.send("a")
  await until("message")
  return found
})

standard(
  "listeners",
  ["once", "twice added", "object true", "twice added", "object true"],
  async (Socket, url) => {
    const { socket, until } = await opened(Socket, `${url}/echo`)
    const found = []
    const twice = () => found.push("twice added")
    const object = {
      handleEvent() {
        found.push(`object ${this === object}`)
      },
    }
    socket.addEventListener("message", () => found.push("once"), { once: true })
    socket.addEventListener("message", twice)
    socket.addEventListener("message", twice)
    socket.addEventListener("message", object)
    socket.addEventListener("message", null)
    socket.send("a")
    await until("message")
    socket.send("a")
    await until("message", 2)
    return found
  },
)

standard("a listener with a signal", ["1"], async (Socket, url) => {
  const { socket, until } = await opened(Socket, `${url}/echo`)
  const found = []
  const controller = new AbortController()
  const { signal } = controller
  socket.addEventListener("message", (event) => found.push(event.data), { signal })
  socket.send("1")
  await until("message")
  controller.abort()
  socket.send("2")
  await until("message", 2)
  return found
})

standard("listeners that come and go meanwhile", ["first"], async (Socket, url) => {
  const { socket, until } = await opened(Socket, `${url}/echo`)
  const found = []
  const second = () => found.push("removed")
  socket.addEventListener("message", () => {
    found.push("first")
    socket.removeEventListener("message", second)
    socket.addEventListener("message", () => found.push("added"))
  })
  socket.addEventListener("message", second)
  socket.send("a")
  await until("message")
  return found
})

standard("a listener that stops the others", ["first"], async (Socket, url) => {
  const { socket, until } = await opened(Socket, `${url}/echo`)
  const found = []
  socket.addEventListener("message", (event) => {
    found.push("first")
    event.stopImmediatePropagation()
  })
  socket.onmessage = () => found.push("second")
  socket.send("a")
  await until("message")
  return found
})

standard(
  "handlers that throw",
  { errors: ["open", "first", "first"], log: ["b", "b"] },
  async (Socket, url) => {
    const log = []
    const errors = await reported(async () => {
      const { socket, until } = watch(new Socket(`${url}/echo`))
      socket.onopen = () => {
        throw new Error("open")
      }
      await until("open")
      socket.onmessage = () => {
        throw new Error("first")
      }
      socket.addEventListener("message", () => log.push("b"))
      socket.send("1")
      socket.send("2")
      await until("message", 2)
    })
    return { errors, log }
  },
)

// Sending

standard("sending before it is open", [STATE, 0, 0], async (Socket, url) => {
  const socket = made(Socket, `${url}/echo`)
  return [thrown(() => socket.send("a")), socket.bufferedAmount, socket.readyState]
})

standard("sending nothing at all", "TypeError", async (Socket, url) => {
  const { socket } = await opened(Socket, `${url}/echo`)
  return thrown(() => socket.send())
})

async function echoed(Socket, url, messages) {
  const { socket, log, until } = await opened(Socket, `${url}/echo`)
  socket.binaryType = "arraybuffer"
  for (const one of messages) socket.send(one)
  await until("message", messages.length)
  return log.slice(1)
}

// The last begins with what a decoder takes for a mark of the byte order, unless told not to.
const TEXTS = ["plain", "", "é€𝄞", "\u0000\r\n", "\u2028", "\ufeffmarked"]

standard("texts", TEXTS.map((one) => `message ${show(one)}`), async (Socket, url) =>
  echoed(Socket, url, TEXTS),
)

standard("half of a surrogate pair", ['message "a\ufffdb\ufffd"'], async (Socket, url) =>
  echoed(Socket, url, ["a\ud800b\udfff"]),
)

standard(
  "what is no text is made one",
  ["5", "null", "undefined", "true", "[object Object]", "1,2"].map((one) => `message "${one}"`),
  async (Socket, url) => echoed(Socket, url, [5, null, undefined, true, {}, [1, 2]]),
)

standard("a symbol cannot be sent", "TypeError", async (Socket, url) => {
  const { socket } = await opened(Socket, `${url}/echo`)
  return thrown(() => socket.send(Symbol("a")))
})

standard(
  "binary messages of every kind",
  [
    ...["[1,2,3]", "[2,3]", "[2,3]", "[5,6]", "[]"].map((one) => `message ArrayBuffer ${one}`),
    "message ArrayBuffer [104,105]",
  ],
  async (Socket, url) => {
    const { buffer } = new Uint8Array([1, 2, 3, 4])
    return echoed(Socket, url, [
      new Uint8Array([1, 2, 3]).buffer,
      new Uint8Array(buffer, 1, 2),
      new DataView(buffer, 1, 2),
      new Uint16Array(new Uint8Array([1, 1, 5, 6, 9, 9]).buffer, 2, 1),
      new ArrayBuffer(0),
      new Blob(["h", "i"]),
    ])
  },
)

standard(
  "binary messages of another window",
  ["message ArrayBuffer [1]", "message ArrayBuffer [2]", "message ArrayBuffer [51]"],
  async (Socket, url) => {
    const frame = document.createElement("iframe")
    document.body.append(frame)
    try {
      // Its classes are not those of this window: `instanceof` does not know them.
      const { Uint8Array, Blob } = frame.contentWindow
      const messages = [new Uint8Array([1]), new Uint8Array([2]).buffer, new Blob(["3"])]
      return await echoed(Socket, url, messages)
    } finally {
      frame.remove()
    }
  },
)

standard("an empty Blob", ["message ArrayBuffer []"], async (Socket, url) =>
  echoed(Socket, url, [new Blob([])]),
)

standard(
  "Blobs keep their place",
  ['"1"', "ArrayBuffer [50]", '"3"', "ArrayBuffer [52]", "ArrayBuffer [5]", '"6"'].map(
    (one) => `message ${one}`,
  ),
  async (Socket, url) =>
    echoed(Socket, url, ["1", new Blob(["2"]), "3", new Blob(["4"]), new Uint8Array([5]), "6"]),
)

standard("a Blob sent just before the end arrives", ["1", "2"], async (Socket, url) => {
  const id = Math.random()
  const { socket, until } = await opened(Socket, `${url}/keep?id=${id}`)
  socket.send(new Blob(["1"]))
  socket.send("2")
  socket.close()
  await until("close")
  const { data, until: untilToo } = watch(new Socket(`${url}/kept?id=${id}`))
  await untilToo("message")
  return JSON.parse(data[0])
})

standard("a buffer changed after it was sent", ["message ArrayBuffer [1,2]"], async (
  Socket,
  url,
) => {
  const { socket, log, until } = await opened(Socket, `${url}/echo`)
  socket.binaryType = "arraybuffer"
  const message = new Uint8Array([1, 2])
  socket.send(message)
  message.fill(9)
  await until("message")
  return log.slice(1)
})

const MEGABYTE = 1024 * 1024

function counted(length) {
  return new Uint8Array(length).map((_, index) => index % 256)
}

standard(
  "large messages to the server",
  [`message "text ${MEGABYTE}"`, `message "binary ${MEGABYTE} counted"`],
  async (Socket, url) => {
    const { socket, log, until } = await opened(Socket, `${url}/measure`)
    socket.send("x".repeat(MEGABYTE))
    socket.send(counted(MEGABYTE))
    await until("message", 2)
    return log.slice(1)
  },
)

standard("large messages from the server", [MEGABYTE / 2, true, MEGABYTE, true], async (
  Socket,
  url,
) => {
  const { socket, data, until } = watch(new Socket(`${url}/large`))
  socket.binaryType = "arraybuffer"
  await until("message", 2)
  const right = counted(MEGABYTE)
  const array = new Uint8Array(data[1])
  return [
    data[0].length,
    data[0] === "é".repeat(MEGABYTE / 2),
    array.length,
    array.every((value, index) => value === right[index]),
  ]
})

standard("many messages keep their order", true, async (Socket, url) => {
  const { socket, data, until } = await opened(Socket, `${url}/echo`)
  for (let number = 0; number < 500; number += 1) socket.send(String(number))
  await until("message", 500)
  return data.every((text, number) => text === String(number))
})

standard("bufferedAmount counts bytes until they are sent", [0, 2, 102, 107, 0], async (
  Socket,
  url,
) => {
  const { socket, until } = await opened(Socket, `${url}/echo`)
  const found = [socket.bufferedAmount]
  for (const one of ["é", new Uint8Array(100), new Blob(["12345"])]) {
    socket.send(one)
    found.push(socket.bufferedAmount)
  }
  await until("message", 3)
  found.push(socket.bufferedAmount)
  return found
})

// Receiving

const GREETINGS = ['message "text"', 'message ""', 'message "last"']

standard(
  "what comes as Blobs",
  { log: ["Blob of 3", "Blob of 0"], first: [1, 2, 255], type: "" },
  async (Socket, url) => {
    const { log, data, until } = watch(new Socket(`${url}/greet`))
    await until("message", 5)
    const blobs = data.filter((one) => one instanceof Blob)
    return {
      log: log.filter((one) => one.includes("Blob")).map((one) => one.replace("message ", "")),
      first: await bytes(blobs[0]),
      type: blobs[0].type,
    }
  },
)

standard(
  "what comes as ArrayBuffers",
  [
    ...["open", GREETINGS[0], "message ArrayBuffer [1,2,255]", GREETINGS[1]],
    ...["message ArrayBuffer []", GREETINGS[2]],
  ],
  async (Socket, url) => {
    const { socket, log, until } = watch(new Socket(`${url}/greet`))
    socket.binaryType = "arraybuffer"
    await until("message", 5)
    return log
  },
)

standard(
  "binaryType changed between messages",
  ["message Blob of 1", "message ArrayBuffer [1]", "message Blob of 1"],
  async (Socket, url) => {
    const { socket, log, until } = await opened(Socket, `${url}/echo`)
    for (const [index, type] of ["blob", "arraybuffer", "blob"].entries()) {
      socket.binaryType = type
      socket.send(new Uint8Array([1]))
      await until("message", index + 1)
    }
    return log.slice(1)
  },
)

standard(
  "binaryType changed by a message",
  ["message ArrayBuffer [1]", "message Blob of 1"],
  async (Socket, url) => {
    const { socket, log, until } = await opened(Socket, `${url}/echo`)
    socket.binaryType = "arraybuffer"
    socket.onmessage = () => (socket.binaryType = "blob")
    socket.send(new Uint8Array([1]))
    socket.send(new Uint8Array([2]))
    await until("message", 2)
    return log.slice(1)
  },
)

standard("many messages at once", true, async (Socket, url) => {
  const { data, until } = watch(new Socket(`${url}/numbers?count=1000`))
  await until("message", 1000)
  return data.every((text, number) => text === String(number))
})

// Closing by the page

standard("codes that a page may not use", Array(9).fill(ACCESS), async (Socket, url) => {
  const { socket } = await opened(Socket, `${url}/echo`)
  return [0, 999, 1001, 1005, 1006, 2999, 5000, 66536, NaN].map((code) =>
    thrown(() => socket.close(code)),
  )
})

standard(
  "codes that a page may use",
  [1000, 3000, 4999, 1000, 3000].map((code) => `close ${code} "" clean`),
  async (Socket, url) => {
    const found = []
    // Numbers are rounded, texts are made numbers.
    for (const code of [1000, 3000, 4999, 1000.4, "3000"]) {
      const { socket, log, until } = await opened(Socket, `${url}/echo`)
      socket.close(code)
      await until("close")
      found.push(log.at(-1))
    }
    return found
  },
)

standard("a reason that is too long", [SYNTAX, SYNTAX, 1], async (Socket, url) => {
  const { socket } = await opened(Socket, `${url}/echo`)
  const long = thrown(() => socket.close(1000, "x".repeat(124)))
  const encoded = thrown(() => socket.close(1000, "é".repeat(62)))
  return [long, encoded, socket.readyState]
})

standard("the longest reason", `close 1000 "${"é".repeat(61)}x" clean`, async (Socket, url) => {
  const { socket, log, until } = await opened(Socket, `${url}/echo`)
  socket.close(1000, `${"é".repeat(61)}x`)
  await until("close")
  return log.at(-1)
})

standard("half of a surrogate pair as a reason", 'close 1000 "\ufffd" clean', async (
  Socket,
  url,
) => {
  const { socket, log, until } = await opened(Socket, `${url}/echo`)
  socket.close(1000, "\ud800")
  await until("close")
  return log.at(-1)
})

standard(
  "reasons are made texts",
  ["null", "5", "", "\ufeffmarked"].map((one) => `close 1000 ${show(one)} clean`),
  async (Socket, url) => {
    const found = []
    for (const reason of [null, 5, undefined, "\ufeffmarked"]) {
      const { socket, log, until } = await opened(Socket, `${url}/echo`)
      socket.close(1000, reason)
      await until("close")
      found.push(log.at(-1))
    }
    return found
  },
)

standard("closing without a code", 'close 1005 "" clean', async (Socket, url) => {
  const { socket, log, until } = await opened(Socket, `${url}/echo`)
  socket.close()
  await until("close")
  return log.at(-1)
})

standard("closing with undefined for a code", 'close 1005 "" clean', async (Socket, url) => {
  const { socket, log, until } = await opened(Socket, `${url}/echo`)
  socket.close(undefined)
  await until("close")
  return log.at(-1)
})

standard("closing with a reason and no code", 'close 1000 "why" clean', async (Socket, url) => {
  const { socket, log, until } = await opened(Socket, `${url}/echo`)
  socket.close(undefined, "why")
  await until("close")
  return log.at(-1)
})

standard("closing twice", ["open", 'close 4001 "first" clean'], async (Socket, url) => {
  const { socket, log, until } = await opened(Socket, `${url}/echo`)
  socket.close(4001, "first")
  socket.close(4002, "second")
  await until("close")
  socket.close(4003, "third")
  await quiet()
  return log
})

// RFC 6455, section 7.1.5: a request without an event loop stops the page until the server has
// closed, so that the server's CLOSE is on its way when the page says its own.
async function crossing(Socket, url, ...given) {
  const id = Math.random()
  const { socket, log, until } = await opened(Socket, `${url}/crossing?id=${id}`)
  const request = new XMLHttpRequest()
  request.open("GET", `/crossed?id=${id}`, false)
  request.send()
  socket.close(...given)
  await until("close")
  return log
}

const LOGGED_OUT = ["open", 'close 4001 "logged out" clean']

standard("closes that cross", LOGGED_OUT, (Socket, url) => crossing(Socket, url, 4000, "bye"))

standard("closes that cross, one without a code", LOGGED_OUT, (Socket, url) =>
  crossing(Socket, url),
)

standard("a wrong code when it is closed already", [ACCESS, SYNTAX], async (Socket, url) => {
  const { socket, until } = await opened(Socket, `${url}/echo`)
  socket.close()
  await until("close")
  return [
    thrown(() => socket.close(1)),
    thrown(() => socket.close(1000, "x".repeat(124))),
  ]
})

standard(
  "closing before it is open",
  [2, ["error", 'close 1006 "" unclean'], 3],
  async (Socket, url) => {
    const { socket, log, until } = watch(new Socket(`${url}/echo`))
    socket.close(1000, "never mind")
    const state = socket.readyState
    await until("close")
    await quiet()
    return [state, log, socket.readyState]
  },
)

standard(
  "closing while the server makes up its mind",
  [2, ["error", 'close 1006 "" unclean']],
  async (Socket, url) => {
    const { socket, log, until } = watch(new Socket(`${url}/silent`))
    await quiet()
    socket.close()
    const state = socket.readyState
    await until("close")
    return [state, log]
  },
)

standard("closing in a handler", ["open", 'close 4000 "" clean'], async (Socket, url) => {
  const { socket, log, until } = watch(new Socket(`${url}/numbers?count=10`))
  socket.onopen = () => socket.close(4000)
  await until("close")
  await quiet()
  return log
})

standard(
  "messages that come after close()",
  ["open", 'message "0"', "close 1000"],
  async (Socket, url) => {
    const { socket, log, until } = watch(new Socket(`${url}/numbers?count=100`))
    socket.onmessage = () => socket.close(1000)
    await until("close")
    return log.map((one) => one.replace(' "" clean', ""))
  },
)

standard("what was sent before close() arrives", ["0", "1", "2", "3", "4"], async (Socket, url) => {
  const id = Math.random()
  const { socket, until } = await opened(Socket, `${url}/keep?id=${id}`)
  for (const one of "01234") socket.send(one)
  socket.close(1000)
  await until("close")
  const { data, until: untilToo } = watch(new Socket(`${url}/kept?id=${id}`))
  await untilToo("message")
  return JSON.parse(data[0])
})

standard("sending after close()", [3, 8, 10, true], async (Socket, url) => {
  const { socket, until } = await opened(Socket, `${url}/echo`)
  socket.close()
  const found = []
  for (const one of ["abc", new Uint8Array(5), new Blob(["de"])]) {
    socket.send(one)
    found.push(socket.bufferedAmount)
  }
  await until("close")
  await quiet()
  return [...found, socket.bufferedAmount === 10]
})

standard("sending after the end", [3, 5, 5], async (Socket, url) => {
  const { socket, until } = watch(new Socket(`${url}/bye`))
  await until("close")
  const found = []
  for (const one of ["abc", "é"]) {
    socket.send(one)
    found.push(socket.bufferedAmount)
  }
  await quiet()
  return [...found, socket.bufferedAmount]
})

standard("sending after it has failed", [2, ["error", 'close 1006 "" unclean']], async (
  Socket,
  url,
) => {
  const { socket, log, until } = watch(new Socket(`${url}/refuse`))
  await until("close")
  socket.send("ab")
  await quiet()
  return [socket.bufferedAmount, log]
})

standard("protocol and address stay after the end", ["a", "ws://HOST/choose?one=a", 3], async (
  Socket,
  url,
) => {
  const { socket, until } = await opened(Socket, `${url}/choose?one=a`, "a")
  socket.close()
  await until("close")
  return [socket.protocol, socket.url, socket.readyState]
})

// Closing by the server

function serverCloses(name, code, reason) {
  const expected = [`close ${code} ${JSON.stringify(reason)} clean`, 3]
  standard(name, expected, async (Socket, url) => {
    const { socket, log, until } = await opened(Socket, `${url}/asked`)
    socket.send(`${code} ${reason}`)
    await until("close")
    return [log.at(-1), socket.readyState]
  })
}

serverCloses("the server closes with 1000", 1000, "")
serverCloses("the server closes with 1000 and a reason", 1000, "enough")
serverCloses("the server closes with 1001", 1001, "")
serverCloses("the server closes with 1011", 1011, "broken")
serverCloses("the server closes with 1012", 1012, "later")
serverCloses("the server closes with 3000", 3000, "")
serverCloses("the server closes with 4001 and a reason", 4001, "é€")
serverCloses("the server closes with a marked reason", 4001, "\ufeffmarked")
serverCloses("the server closes with the longest reason", 4999, "x".repeat(123))

standard(
  "the server closes at once",
  ["open", 'close 4002 "no time" clean'],
  async (Socket, url) => {
    const { log, until } = watch(new Socket(`${url}/bye?code=4002&reason=no%20time`))
    await until("close")
    await quiet()
    return log
  },
)

standard(
  "last words come before the end",
  ["open", 'message "farewell"', 'close 1000 "" clean'],
  async (Socket, url) => {
    const { log, until } = watch(new Socket(`${url}/bye?words=farewell`))
    await until("close")
    return log
  },
)

standard("the server refuses", ["error", 'close 1006 "" unclean', 3], async (Socket, url) => {
  const { socket, log, until } = watch(new Socket(`${url}/refuse`))
  await until("close")
  await quiet()
  return [...log, socket.readyState]
})

standard("nobody is at the address", ["error", 'close 1006 "" unclean'], async (Socket, url) => {
  const { log, until } = watch(new Socket(`${url}/nowhere`))
  await until("close")
  return log
})

standard("nobody listens at the port", ["error", 'close 1006 "" unclean'], async (Socket) => {
  // Above the ports that systems give to those who ask for any.
  const { log, until } = watch(new Socket("ws://127.0.0.1:64999/"))
  await until("close") // within 4 s, also where only HTTP may be tried
  return log
})

standard("nothing comes after the end", ["open", 'close 1000 "" clean'], async (Socket, url) => {
  const { socket, log, until } = watch(new Socket(`${url}/bye`))
  await until("close")
  socket.send("a")
  socket.close()
  await quiet(150)
  return log
})

// Several

standard("sockets do not know of each other", ["0", "1", "2", "3"], async (Socket, url) => {
  const all = [0, 1, 2, 3].map(() => watch(new Socket(`${url}/echo`)))
  await Promise.all(all.map(({ until }) => until("open")))
  all.forEach(({ socket }, index) => socket.send(String(index)))
  await Promise.all(all.map(({ until }) => until("message")))
  return all.map(({ data }) => data.join())
})

/** The names of the cases and what the standard demands of each. */
export function expectations() {
  return [...cases].map(([name, { expected }]) => [name, JSON.parse(plain(expected))])
}

/** Tries the cases with a class, all or some by name, and returns their results by name. */
export async function run(Socket, url, names = [...cases.keys()]) {
  const results = {}
  for (const name of names) {
    try {
      const result = await soon(cases.get(name).run(Socket, url))
      results[name] = JSON.parse(plain(result).replaceAll(new URL(url).host, "HOST"))
    } catch (error) {
      results[name] = `failed: ${error}`
    }
    closeAll()
  }
  return results
}

function plain(value) {
  return JSON.stringify(value) ?? "null"
}
