/**
 * What a page does behind a proxy, as `globalThis.kit`; tests/proxies/pages.py calls it.
 *
 * An expression, since it is evaluated in a page that is there: the modules come from its origin. Of
 * byway.js the one that pages load: what reads well is tried in tests/browser.
 */
async () => {
  const { BywaySocket } = await import("/byway.min.js")
  const { run } = await import("/counted.js")
  const kept = []
  const keep = (one) => kept.push(one) - 1
  const only = (name, more) => ({ memory: false, ...(name && { transports: [name] }), ...more })

  /** Open a session, and note which carriers it uses and how it ends. */
  const open = (url, name, more) => {
    const socket = new BywaySocket(url, [], only(name, more))
    socket.binaryType = "arraybuffer"
    const one = { name, socket, moves: [] }
    socket.addEventListener("transport", ({ detail }) => one.moves.push(detail))
    one.ended = new Promise((resolve) => socket.addEventListener("close", ({ code }) =>
      resolve({ name, code, report: socket.report() })))
    return one
  }

  /** The next that a session brings, or that it has ended. */
  const said = ({ socket, ended }) => Promise.race([
    new Promise((resolve) =>
      socket.addEventListener("message", ({ data }) => resolve(data), { once: true })),
    ended.then(({ code }) => `closed with ${code}`),
  ])

  /** Say a session's first words; return what comes then. */
  const greet = (one, words) => {
    one.socket.addEventListener("open", () => words && one.socket.send(words), { once: true })
    return said(one)
  }

  globalThis.kit = {
    jobs: [],

    async talk(url, words, options) {
      const one = open(url, null, options)
      const answer = await greet(one, words)
      const { transport } = one.socket
      one.socket.close()
      return { answer, transport, protocol: performance.getEntriesByType("navigation")[0].nextHopProtocol }
    },

    /** Exchange numbered messages. The default begins alone: it is to choose as if it were. */
    async numbered(url, names, count, seconds, waits) {
      let release
      const until = waits ? new Promise((resolve) => (release = resolve)) : undefined
      const start = (name) => {
        let come
        const begun = new Promise((resolve) => (come = resolve))
        const done = run(BywaySocket, url, count, seconds, only(name), come, until)
        done.then(come)
        return { begun, release, done: done.then((told) => ({ name, ...told })) }
      }
      const ones = names.filter((name) => !name).map(start)
      await ones[0]?.begun
      ones.push(...names.filter(Boolean).map(start))
      return keep(ones)
    },
    begun: (id) => Promise.all(kept[id].map(({ begun }) => begun)).then(() => true),
    release: async (id) => kept[id].forEach(({ release }) => release()),
    done: (id) => Promise.all(kept[id].map(({ done }) => done)),

    /** Try what does not get through. */
    async vain(url, name, openTimeout) {
      const began = performance.now()
      const told = await open(url, name, { openTimeout }).ended
      return { ...told, seconds: (performance.now() - began) / 1000 }
    },

    async firstEcho(url) {
      const began = performance.now()
      const one = open(url)
      const answer = await greet(one, "hello")
      const seconds = (performance.now() - began) / 1000
      one.socket.close()
      return { answer, seconds }
    },

    /** Send a long message; return what is wrong with its echo. */
    async long(url, name, size) {
      const message = Uint8Array.from({ length: size }, (_, index) => index % 251)
      const one = open(url, name)
      const back = await greet(one, message)
      const report = one.socket.report()
      one.socket.close()
      const bytes = typeof back === "string" ? [] : new Uint8Array(back)
      const isSame = bytes.length === size && bytes.every((each, index) => each === message[index])
      return isSame ? "" : `${bytes.length} bytes came; ${JSON.stringify(report)}`
    },

    /** Open sessions, say something over each and keep them. */
    async hold(url, names, words) {
      const ones = names.map((name) => open(url, name))
      const answers = await Promise.all(ones.map((one) => greet(one, words)))
      return { id: keep(ones), answers }
    },
    ends: (id) => Promise.all(kept[id].map((one) => one.ended)),

    /** Say something more over those that are kept; return the answers and the carriers used. */
    goOn: (id, words) => Promise.all(kept[id].map(async (one) => {
      const answer = said(one)
      one.socket.send(words)
      const told = { name: one.name, answer: await answer, moves: one.moves }
      one.socket.close()
      return told
    })),
  }
}
