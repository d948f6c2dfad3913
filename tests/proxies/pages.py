"""What a page is made to do behind a proxy.

Knows: the functions of pages.js, and how pages are put through the cases of all clients.
Must not know: which proxy is on the way.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

from tests.apps.counted_app import DONE
from tests.proxies.clients import COMPLETE, OPEN_TIMEOUT, SILENCE, Client, Name, Visit
from tests.proxies.world import Way
from tests.support.browsers.page import Browser, BrowserError, Engine, Page

_LOAD: Final = Path(__file__).with_suffix(".js").read_text()

_CALL: Final = "(name, ...all) => kit[name](...all)"

_BEGIN: Final = """(name, ...all) => {
  const job = kit[name](...all)
  job.catch(() => {}) // whoever waits for it is told
  return kit.jobs.push(job) - 1
}"""

_WAIT: Final = """(id, seconds) => Promise.race([
  kit.jobs[id].then((value) => [value]),
  new Promise((resolve) => setTimeout(resolve, seconds * 1000, null)),
])"""

TRIES: Final = 3
"""How often a page asks for its modules where Hypercorn has them: it lets an HTTP/2 connection hang
now and then. From elsewhere they have to come at once."""


async def load(browser: Browser, url: str, origin: str) -> Page:
    """Open an empty page and what it does behind a proxy.

    Args:
        browser: in which.
        url: of the page.
        origin: what serves it, as variants name it.
    """
    page = await browser.open(url)
    page.expect("")  # browsers complain of every connection that fails
    for left in reversed(range(TRIES if origin.startswith("hypercorn") else 1)):
        try:
            await page.evaluate(_LOAD)
            break
        except BrowserError:
            if not left:
                raise
    return page


async def work(page: Page, name: str, *arguments: Any) -> Any:
    """Call a function of pages.js that may take longer than a browser's one command."""
    job = await page.evaluate(_BEGIN, name, *arguments)
    async with asyncio.timeout(COMPLETE):
        while (told := await page.evaluate(_WAIT, job, 5)) is None:
            pass
    return told[0]


def socket_url(url: str) -> str:
    """Return the address of a WebSocket."""
    return url.replace("http", "ws", 1)


async def talk(page: Page, way: Way, path: str, words: str, **options: Any) -> dict[str, Any]:
    """Say one thing and wait for the first message; return what was seen.

    Args:
        page: of the origin.
        way: to it.
        path: of the endpoint.
        words: what to say.
        options: of BywaySocket.
    """
    url = socket_url(way.url(path))
    told: dict[str, Any] = await page.evaluate(_CALL, "talk", url, words, options)
    return told


class PageVisit(Visit):
    """A page behind a proxy, or one that looks there from elsewhere."""

    def __init__(self, way: Way, page: Page, port: int | None) -> None:
        """Keep where to connect to."""
        super().__init__(way, way.variant.works_in_pages)
        self._page = page
        self._port = port

    async def _work(self, name: str, path: str, *arguments: Any) -> Any:
        """Do something with an endpoint."""
        return await work(
            self._page, name, socket_url(self.way.url(path, port=self._port)), *arguments
        )

    async def numbered(
        self,
        forced: Iterable[Name],
        count: int,
        seconds: float,
        begun: asyncio.Event | None = None,
        until: asyncio.Event | None = None,
    ) -> dict[Name, list[str]]:
        waits = until is not None
        sessions = await self._work("numbered", "", list(forced), count, seconds, waits)
        if begun is not None:
            await work(self._page, "begun", sessions)
            begun.set()
        if until is not None:
            await until.wait()
            await work(self._page, "release", sessions)
        told = await work(self._page, "done", sessions)
        for one in told:
            wrong = [one[name] for name in ("lost", "doubled", "reordered", "wrong", "errors")]
            assert not any(wrong), f"{self.way.variant}: {one}"
            ended = (one["code"], one["reason"])
            assert ended == (DONE, f"{count} up, 0 wrong"), f"{self.way.variant}: {one}"
        return {one["name"]: one["moves"] for one in told}

    async def in_vain(self, transport: str) -> None:
        told = await self._work("vain", "/echo", transport, OPEN_TIMEOUT)
        (found,) = told["report"]["transports"]
        assert told["code"] == 1006, told
        assert found["verdict"] in ("refused", "failed"), told
        assert found["why"], told

    async def first_echo(self) -> float:
        told = await self._work("firstEcho", "/echo")
        assert told["answer"] == "hello", told
        seconds: float = told["seconds"]
        return seconds

    async def long_message(self, transport: str, size: int) -> None:
        wrong = await self._work("long", "/echo", transport, size)
        assert not wrong, f"{self.way.variant} {transport}: {wrong}"

    async def ends(
        self, forced: Iterable[Name], opened: asyncio.Event
    ) -> dict[Name, tuple[Any, str]]:
        names = list(forced)
        held = await self._work("hold", "/echo", names, "hello")
        assert held["answers"] == ["hello"] * len(names), held
        opened.set()
        told = await work(self._page, "ends", held["id"])
        return {one["name"]: (one["code"], json.dumps(one["report"])) for one in told}

    async def silent(self, opening: asyncio.Semaphore) -> dict[str, str]:
        async with opening:
            held = await self._work("hold", "/quiet", self.works, "before")
        assert held["answers"] == ["before"] * len(self.works), f"{self.way.variant}: {held}"
        await asyncio.sleep(SILENCE)
        told = await work(self._page, "goOn", held["id"], "after")
        assert all(one["answer"] == "after" for one in told), f"{self.way.variant}: {told}"
        # A page hears of each carrier that comes into use.
        return {one["name"]: "went on" if one["moves"][1:] else "lasted" for one in told}


class Pages(Client):
    """The pages of one browser."""

    def __init__(self, browser: Browser) -> None:
        """Begin with an empty profile."""
        self.name = browser.name
        self._browser = browser
        self._homes: dict[str, asyncio.Task[Page]] = {}

    @asynccontextmanager
    async def at(
        self, way: Way, *, port: int | None = None, home: str | None = None
    ) -> AsyncIterator[Visit]:
        async with AsyncExitStack() as stack:
            browser = self._browser
            if way.variant.forward:
                through = f"127.0.0.1:{port or way.proxy.port}"
                browser = await stack.enter_async_context(browser.beside(through))
            elif home is not None:
                # One page for all that look from there.
                if home not in self._homes:
                    self._homes[home] = asyncio.create_task(load(browser, home, "uvicorn"))
                yield PageVisit(way, await self._homes[home], port)
                return
            page = await load(browser, way.url("/", port=port), way.variant.origin)
            yield PageVisit(way, page, port)
            await page.close()


@asynccontextmanager
async def pages(engine: Engine) -> AsyncIterator[Client]:
    """Start them."""
    async with engine.browser() as browser:
        yield Pages(browser)
