"""What `install()` puts in the place of `WebSocket`, and what it leaves as it was."""

from __future__ import annotations

import asyncio
import subprocess

import pytest

import byway.browser
from tests.apps.browser_app import ROOT
from tests.support.browsers.page import Browser
from tests.support.process import find_program
from tests.support.servers import Server

MODULES = [name for name in byway.browser.FILES if name != "byway.global.js"]

SCRIPT = """async (module, url) => {
  const { BywaySocket } = await import(module)
  const { name, prototype } = BywaySocket
  const before = WebSocket
  const undo = BywaySocket.install({ transports: "stream", memory: false })
  const installed = WebSocket
  const foreign = new WebSocket(`${url}/echo`, [], { transports: "poll" })
  const own = new BywaySocket(`${url}/echo`, [], { transports: "poll" })
  const both = [foreign, own]
  const told = {
    names: [name, WebSocket.name, String(own), String(foreign), foreign.constructor.name],
    instances: both.map((one) => one instanceof BywaySocket && one instanceof WebSocket),
    install: typeof WebSocket.install,
    called: [() => WebSocket(`${url}/echo`), () => new WebSocket()].map((call) => {
      try {
        call()
      } catch (error) {
        return error.name
      }
    }),
  }
  await Promise.all(both.map((one) => new Promise((resolve) => (one.onopen = resolve))))
  told.transports = both.map((one) => one.transport)
  for (const one of both) one.close()
  undo()
  told.after = [WebSocket === before, installed === before, prototype.constructor === BywaySocket]
  return told
}"""


NODE = """
const { BywaySocket } = await import(process.argv[1])
const undo = BywaySocket.install({ transports: "stream", memory: false })
class Own extends WebSocket {}
for (const one of [WebSocket, Own]) {
  const socket = new one(process.argv[2], [], { transports: "smoke" })
  const told = await new Promise((resolve) => {
    socket.onopen = () => socket.send("hello")
    socket.onmessage = ({ data }) => resolve(data)
    socket.onerror = () => resolve("error")
  })
  console.log(one.name, told, socket instanceof EventTarget)
  socket.close()
}
undo()
"""


@pytest.mark.parametrize("module", MODULES)
def test_it_works_in_node(byway_pages: Server, module: str) -> None:
    """There an object is an EventTarget if its constructor says so."""
    url = byway_pages.url("/echo", scheme="ws")
    path = (ROOT / "browser" / module).as_uri()
    command = [find_program("node"), "--input-type=module", "-e", NODE, path, url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    lines = ["WebSocket hello true", "Own hello true"]
    assert done.stdout.splitlines() == lines, done.stderr


@pytest.mark.parametrize("module", MODULES)
async def test_the_class_that_it_puts_in_place(
    browser: Browser, byway_pages: Server, module: str
) -> None:
    page = await browser.open(byway_pages.url())
    page.expect("")
    async with asyncio.timeout(15):
        told = await page.evaluate(SCRIPT, f"/{module}", byway_pages.url("", scheme="ws"))
    assert told == {
        "names": ["BywaySocket", "WebSocket", *["[object WebSocket]"] * 2, "WebSocket"],
        "instances": [True, True],
        "install": "undefined",
        "called": ["TypeError", "TypeError"],
        "transports": ["stream", "poll"],
        "after": [True, False, True],
    }
