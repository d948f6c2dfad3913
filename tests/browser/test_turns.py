"""A page on a path that lets requests through one at a time: it settles on visits."""

from __future__ import annotations

import asyncio
import statistics
from typing import Any

import pytest

from byway.testing import Latency, Network
from tests.support.browsers.page import Browser
from tests.support.servers import Server

TRIP = 0.04
"""Seconds of a round trip."""

TALK = """async (url, count, options) => {
  const { BywaySocket } = await import("/byway.js")
  const socket = new BywaySocket(url, [], { memory: false, ...options })
  const told = { moves: [], took: [] }
  socket.addEventListener("transport", ({ detail }) => told.moves.push(detail))
  await new Promise((resolve) => socket.addEventListener("open", resolve))
  for (let number = 0; number < count; number++) {
    const began = performance.now()
    const once = { once: true }
    const came = new Promise((resolve) => socket.addEventListener("message", resolve, once))
    socket.send(`${number}`)
    await came
    told.took.push((performance.now() - began) / 1000)
    if (number < 2) told.settled = told.moves.length
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
  const closed = new Promise((resolve) => socket.addEventListener("close", resolve))
  socket.close(1000)
  told.code = (await closed).code
  return told
}"""


@pytest.mark.timeout(60)
@pytest.mark.parametrize("options", [{}, {"transports": "poll"}], ids=["all", "poll"])
async def test_a_page_settles_on_visits(
    browser: Browser, byway_pages: Server, options: dict[str, Any]
) -> None:
    rules = ("one-at-a-time", Latency(ms=TRIP * 500))
    async with Network(byway_pages.port, *rules) as network:
        page = await browser.open(network.url + "/")
        page.expect("")  # what the network refuses
        async with asyncio.timeout(45):
            told = await page.evaluate(TALK, network.ws_url + "/echo", 20, options)
    assert max(told["took"]) < 5  # a poll that is held, or a stream, would hold it for 10 or 20 s
    assert told["moves"][-1] == "poll"
    assert told["settled"] == len(told["moves"])
    assert statistics.median(told["took"]) < 4 * TRIP + 0.1
    assert told["code"] == 1000
