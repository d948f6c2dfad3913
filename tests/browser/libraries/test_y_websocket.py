"""y-websocket, whose server is pycrdt-websocket, over `BywaySocket.install()`."""

from __future__ import annotations

import asyncio

import pytest

from tests.browser.libraries.conftest import Tab, Visit, Way

APP = "tests.browser.libraries.yjs_app:app"

# "connecting" is said before anybody can listen; a second one would be heard.
CONNECTED = ["connected"]


@pytest.fixture
async def tabs(request: pytest.FixtureRequest, visit: Visit, way: Way) -> list[Tab]:
    """Give two tabs with one document: the second behind a network that is open."""
    # Documents stay on the server as long as anybody is there, so each test has its own.
    path = f"/?{abs(hash(request.node.nodeid))}"
    tabs = [await visit(way.profile, path), await visit("open", path)]
    for tab in tabs:
        await tab.page.evaluate("() => until(() => provider.synced)")
    return tabs


async def test_two_tabs_edit_at_once(tabs: list[Tab], way: Way) -> None:
    words = [[f"{name}{number}" for number in range(60)] for name in "ab"]
    await asyncio.gather(
        *(tab.page.evaluate("type", mine) for tab, mine in zip(tabs, words, strict=True))
    )
    await all_have(tabs, sorted(words[0] + words[1]))
    assert await tabs[0].transports() == [way.transport]
    assert await tabs[1].transports() == ["websocket"]
    await unnoticed(tabs)


async def test_who_is_there(tabs: list[Tab], way: Way) -> None:
    await all_know(tabs, "ann", "bob")
    await tabs[0].page.evaluate("() => provider.disconnect()")
    await tabs[1].page.evaluate("() => until(() => users().join() === 'bob')")
    await tabs[0].page.evaluate("() => until(() => sockets[0].notes.at(-1).startsWith('close'))")
    (notes,) = await tabs[0].notes()
    assert notes[-1] == "close 1005"
    assert way.transport in notes
    # And with it again, which takes another socket. Who has left has to say something new: what
    # was said before is no news to the others (with the browser's own class neither).
    await tabs[0].page.evaluate("() => provider.connect()")
    await tabs[0].page.evaluate("() => until(() => provider.synced)")
    await all_know(tabs, "anna", "bobby")
    assert await tabs[0].transports() == [None, way.transport]


async def test_nothing_is_lost_when_connections_are_cut(tabs: list[Tab], way: Way) -> None:
    words = [[f"{name}{number}" for number in range(100)] for name in "ab"]
    typing = [
        asyncio.ensure_future(tab.page.evaluate("type", mine))
        for tab, mine in zip(tabs, words, strict=True)
    ]
    other = ["words().filter((one) => one[0] === 'b').length", "words().length"]
    for tab, count in zip(tabs, other, strict=True):
        await tab.cut_while(count, times=2)
    await asyncio.gather(*typing)
    await all_have(tabs, sorted(words[0] + words[1]))
    await unnoticed(tabs)


async def all_know(tabs: list[Tab], *names: str) -> None:
    """Give each tab a name, and wait until all know all names."""
    for tab, name in zip(tabs, names, strict=True):
        await tab.page.evaluate("call", name)
    for tab in tabs:
        await tab.page.evaluate("(all) => until(() => users().join() === all)", ",".join(names))


async def all_have(tabs: list[Tab], words: list[str]) -> None:
    """Wait until every tab has these words, and check that they stand in one order."""
    for tab in tabs:
        await tab.page.evaluate("(count) => until(() => words().length >= count)", len(words))
        assert await tab.page.evaluate("words") == words
    first, *others = [await tab.page.evaluate("() => text.toString()") for tab in tabs]
    assert others == [first]


async def unnoticed(tabs: list[Tab]) -> None:
    """Check that the library had one connection and saw none end."""
    for tab in tabs:
        assert await tab.page.evaluate("() => events") == CONNECTED
        (notes,) = await tab.notes()
        assert not any(one.startswith(("close", "error")) for one in notes)
