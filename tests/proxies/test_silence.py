"""65 s in which nobody says a word, through every proxy at once: no session ends, nothing is lost.

It takes a little over those 65 s, since all of it happens at the same time.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

import byway
from byway.client.connect import ClientChannel
from tests.proxies.matrix import SEEN
from tests.proxies.together import UNCLOSED, settle, together
from tests.proxies.variants import VARIANTS
from tests.proxies.world import Way, World
from tests.support.browsers.page import Engine, Page

pytestmark = UNCLOSED

SILENCE = 65.0
"""Seconds: beyond the 60 s, 50 s and 15 s after which proxies cut."""

AT_ONCE = 8
"""Sessions that are opened at once."""

LISTEN = """(urls, seconds) => {
  globalThis.told = null
  const one = async (BywaySocket, url) => {
    const socket = new BywaySocket(url, [], { memory: false })
    const said = () => new Promise((resolve) => {
      socket.addEventListener("message", ({ data }) => resolve(data), { once: true })
      socket.addEventListener("close", ({ code }) => resolve(`${code}`), { once: true })
    })
    socket.addEventListener("open", () => socket.send("before"), { once: true })
    const told = [await said()]
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
    const answer = said()
    socket.send("after")
    told.push(await answer)
    socket.close()
    return told
  }
  import("/byway.js").then(async ({ BywaySocket }) => {
    globalThis.told = await Promise.all(urls.map((url) => one(BywaySocket, url)))
  })
}"""


def carrier(channel: byway.Channel) -> int:
    """Return the number of the carrier in use."""
    selected = cast(ClientChannel, channel)._live.core.selected
    return 0 if selected is None else selected.id


async def silent(way: Way, transport: str, opening: asyncio.Semaphore) -> tuple[str, str]:
    """Say something before and after the silence; return whether one carrier lasted."""
    connecting = byway.connect(
        way.url("/echo"), transports=transport, memory=False, **way.options()
    )
    async with opening:
        channel = await connecting.__aenter__()
    try:
        await channel.send("before")
        assert await channel.receive() == "before"
        before = carrier(channel)
        await asyncio.sleep(SILENCE)
        await channel.send("after")
        async with asyncio.timeout(20):
            assert await channel.receive() == "after", f"{transport}: {channel.code}"
        return transport, "lasted" if carrier(channel) == before else "went on"
    finally:
        await connecting.__aexit__(None, None, None)


async def listen(engine: Engine, urls: list[str], home: str) -> None:
    """Let a page be silent on all of them."""
    async with engine.browser() as browser:
        page: Page = await browser.open(home)
        page.expect("")
        await page.evaluate(LISTEN, urls, SILENCE)
        told: list[Any] | None = None
        async with asyncio.timeout(SILENCE + 40):
            while told is None:
                await asyncio.sleep(0.5)
                told = await page.evaluate("() => globalThis.told")
    wrong = {url: one for url, one in zip(urls, told, strict=True) if one != ["before", "after"]}
    assert not wrong, f"{engine.name}: {wrong}"


@pytest.mark.timeout(200)
def test_silence_ends_nothing(proxies: World, chromium: Engine, firefox: Engine) -> None:
    opening = asyncio.Semaphore(AT_ONCE)
    reverse = [proxies.way(one) for one in VARIANTS if not one.forward]
    urls = [one.url("/quiet").replace("http", "ws", 1) for one in reverse]

    async def one(way: Way) -> None:
        async with asyncio.TaskGroup() as group:
            if way.variant is VARIANTS[0]:  # one page is silent on all ways
                for engine in (chromium, firefox):
                    home = proxies.origin("uvicorn").url("/")
                    group.create_task(listen(engine, urls, home))
            sessions = [group.create_task(silent(way, name, opening)) for name in way.variant.works]
        SEEN[way.variant.name].silence = dict(one.result() for one in sessions)

    outcomes = together(proxies, VARIANTS, one, at_once=len(VARIANTS))
    for variant in VARIANTS:
        settle(outcomes, variant)
