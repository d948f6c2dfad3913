"""Where a socket may be made beside a page: in a worker, and where the origin is opaque."""

from __future__ import annotations

import asyncio

import pytest

from tests.browser.engines import only
from tests.support.browsers.page import Browser
from tests.support.servers import Server, uvicorn

WORKER = """async (url, transport) => {
  const code = `
    import { BywaySocket } from "${location.origin}/byway.js"
    const socket = new BywaySocket("${url}", [], { transports: "${transport}", memory: false })
    socket.onopen = () => postMessage("open")
    socket.onmessage = ({ data }) => postMessage(data)
    onmessage = ({ data }) => socket.send(data)
  `
  const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }))
  const worker = new Worker(address, { type: "module" })
  const seen = []
  worker.onerror = (event) => {
    event.preventDefault()
    seen.push(`error: ${event.message}`)
  }
  const next = () => new Promise((resolve) => (worker.onmessage = ({ data }) => resolve(data)))
  seen.push(await next())
  // What a tab says that has no connection and is seen.
  new BroadcastChannel("byway").postMessage(`byway ${location.origin} `)
  await new Promise((resolve) => setTimeout(resolve, 200))
  worker.postMessage("hello")
  seen.push(await next())
  worker.terminate()
  return seen
}"""

SANDBOX = """async (url, transport) => {
  const source = await (await fetch("/byway.js")).text()
  const text = JSON.stringify(source).replaceAll("<", "\\x3c")
  const code = `
    const blob = new Blob([${text}], { type: "text/javascript" })
    const address = URL.createObjectURL(blob)
    const { BywaySocket } = await import(address)
    const options = { transports: "${transport}", credentials: "omit", openTimeout: 4 }
    const socket = new BywaySocket("${url}", [], options)
    const tell = (what) => parent.postMessage([what, socket.transport, origin], "*")
    socket.onopen = () => tell("open")
    socket.onclose = () => tell(socket.report())
  `
  const frame = document.createElement("iframe")
  frame.sandbox = "allow-scripts"
  const end = "</" + "script>"
  frame.srcdoc = `<script type="module">${code}${end}`
  const told = new Promise((resolve) => {
    addEventListener("message", ({ data }) => resolve(data), { once: true })
  })
  document.body.append(frame)
  const answer = await told
  frame.remove()
  return answer
}"""


@pytest.mark.parametrize("transport", ["websocket", "stream"])
async def test_in_a_worker(browser: Browser, byway_pages: Server, transport: str) -> None:
    page = await browser.open(byway_pages.url())
    page.expect("")
    async with asyncio.timeout(15):
        url = byway_pages.url("/echo", scheme="ws")
        assert await page.evaluate(WORKER, url, transport) == ["open", "hello"]


@pytest.mark.parametrize("transport", ["websocket", "stream", "sse", "poll"])
@only("chromium", "firefox")
async def test_in_a_frame_of_an_opaque_origin(
    browser: Browser, byway_pages: Server, transport: str
) -> None:
    """There are neither Web Locks nor a localStorage."""
    with uvicorn("tests.apps.browser_app:shared") as server:
        page = await browser.open(byway_pages.url())
        page.expect("")
        url = server.url("/echo", scheme="ws")
        async with asyncio.timeout(15):
            told = await page.evaluate(SANDBOX, url, transport)
        assert told == ["open", transport, "null"]


@only("chromium", "firefox")
async def test_sockets_that_are_opened_while_others_close(
    browser: Browser, byway_pages: Server
) -> None:
    """On HTTP/1.1, four at a time keep a connection busy, those that close among them."""
    page = await browser.open(byway_pages.url())
    page.expect("")
    script = """async (url) => {
      const { BywaySocket } = await import("/byway.js")
      const options = { memory: false, transports: "sse" }
      const sockets = Array.from({ length: 4 }, () => new BywaySocket(url, [], options))
      await Promise.all(sockets.map((one) => new Promise((resolve) => (one.onopen = resolve))))
      for (const one of sockets) one.close()
      const next = new BywaySocket(url, [], options)
      return new Promise((resolve) => {
        next.onopen = () => resolve("open")
        next.onclose = () => resolve(next.report())
      })
    }"""
    assert await page.evaluate(script, byway_pages.url("/echo", scheme="ws")) == "open"
