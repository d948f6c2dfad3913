"""Chromium and Firefox through each proxy, with default settings: numbered messages, no loss."""

from __future__ import annotations

import asyncio

import pytest

from tests.apps.counted_app import DONE
from tests.browser.engines import only
from tests.proxies.matrix import SEEN
from tests.proxies.pages import count, talk, visit
from tests.proxies.variants import VARIANTS, Variant
from tests.proxies.world import World
from tests.support.browsers.page import Browser, Engine

MESSAGES = 100
"""Each way."""

AT_ONCE = 4
"""Pages that are at work at once."""

REVERSE = [one for one in VARIANTS if not one.forward]
FORWARD = [one for one in VARIANTS if one.forward]


async def judge(browser: Browser, world: World, variant: Variant) -> None:
    """Open a page behind a proxy and see that a session with default settings loses nothing."""
    page = await visit(browser, world.way(variant))
    first = await talk(page, "/echo", "hello")
    assert first.get("answer") == "hello", f"{variant}: {first}"
    told = await count(page, MESSAGES, 1.0)
    counts = {name: told[name] for name in ("lost", "doubled", "reordered", "wrong", "errors")}
    assert counts == dict.fromkeys(counts, 0), f"{variant}: {told}"
    assert (told["code"], told["reason"]) == (DONE, f"{MESSAGES} up, 0 wrong"), f"{variant}: {told}"
    assert told["moves"][-1] == (variant.pages or variant.default), f"{variant}: {told}"
    SEEN[variant.name].chosen[browser.name] = told["moves"][-1]


@only("chromium", "firefox")
@pytest.mark.timeout(150)
async def test_before_a_server(browser: Browser, proxies: World) -> None:
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(variant: Variant) -> None:
        async with slots:
            await judge(browser, proxies, variant)

    for variant in REVERSE:
        proxies.way(variant)
    async with asyncio.TaskGroup() as group:
        for variant in REVERSE:
            group.create_task(one(variant))


@only("chromium", "firefox")
@pytest.mark.parametrize("variant", FORWARD, ids=str)
async def test_as_the_browsers_proxy(engine: Engine, proxies: World, variant: Variant) -> None:
    async with engine.browser(proxies.way(variant).browsers_proxy) as browser:
        await judge(browser, proxies, variant)
