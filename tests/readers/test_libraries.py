"""Other people's readers against byway: docs/how-to/readers.md has a table of what is seen here."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Final

import pytest
import pytest_asyncio

from tests.apps.library_app import COUNT, PROBES, SIZES
from tests.readers.front import Cut, Front, fronting
from tests.readers.libraries import ALONE, HELPED, LIBRARIES, Library, Run, need, release, run
from tests.server.test_readers import open_gate
from tests.support.browsers.page import Browser, Engine
from tests.support.process import ROOT
from tests.support.servers import Server, uvicorn

PAGE: Final = ROOT / "docs" / "how-to" / "readers.md"
BEGIN, END = "<!-- libraries -->\n", "<!-- end of libraries -->"
WRITES: Final = os.environ.get("BYWAY_WRITE_MATRIX") == "1"

BROKEN: Final = Cut(b"data: number 10 o", clean=False)
"""The connection ends inside of an event."""
CLEAN: Final = Cut(b"data: number 20 o", clean=True)
"""A proxy whose server has gone ends the response properly, inside of an event."""

SIDE_BY_SIDE: Final = 12
"""Programs that run at a time. Most of them wait."""

LIMIT: Final = 120.0
"""Seconds that one of them may take."""

NUMBERS: Final = [f"number {number} of {COUNT}" for number in range(COUNT)]


@dataclass
class Seen:
    """What was seen of a library.

    Attributes:
        broken: alone, its response was broken off.
        clean: alone, its response was ended on the way.
        helped: with what helps, both of it.
        gone: alone, answered 204.
        down: alone, a proxy answered 503.
        busy: alone, byway had no room.
        sizes: alone, with longer and longer texts.
    """

    broken: Run
    clean: Run
    helped: Run
    gone: Run
    down: Run
    busy: Run
    sizes: Run


Until = Callable[[Front], Awaitable[None]]


def statuses(*endings: list[int], least: int = 0) -> Until:
    """Wait until the last responses were one of these, or so many were given."""
    return lambda front: front.until_statuses(*endings, least=least)


class Measuring:
    """Runs a library in every way.

    Each run has a proxy of its own, and a name: what it leaves in the server concerns no other.
    """

    def __init__(self, server: Server, browsers: dict[str, Browser]) -> None:
        """Measure against this server."""
        self._server = server
        self._browsers = browsers
        self._places = asyncio.Semaphore(SIDE_BY_SIDE)
        self._pages = asyncio.Semaphore(4)  # programs with many processes

    async def see(self, library: Library) -> Seen:
        """Run one library in all ways, side by side."""
        again = statuses([204, 204])
        return Seen(
            *await asyncio.gather(
                self._run(library, ALONE, [BROKEN], again, "/all"),
                self._run(library, ALONE, [CLEAN], again, "/all"),
                self._run(library, HELPED, [BROKEN, CLEAN], statuses(least=20), "/all"),
                self._run(library, ALONE, [204] * 3, statuses(least=3), "/"),
                self._run(library, ALONE, [503], statuses([503, 200]), "/"),
                self._run(library, ALONE, [], statuses(least=2), "/busy"),
                self._run(library, ALONE, [], again, "/sizes"),
            )
        )

    async def _run(
        self,
        library: Library,
        mode: str,
        plan: Sequence[Cut | int | None],
        until: Until,
        path: str,
    ) -> Run:
        places = self._pages if library.kind == "page" else self._places
        async with places, asyncio.timeout(LIMIT):
            async with fronting(self._server.url("").rstrip("/"), plan) as front:
                gate = f"{library.name}-{front.port}"
                opening = asyncio.ensure_future(self._open(front, gate))
                try:
                    address = f"{path}?gate={gate}&name={gate}"
                    end = partial(until, front)
                    one = await run(library, mode, front, address, end, self._browsers)
                    one.statuses = front.statuses
                    return one
                finally:
                    opening.cancel()
                    await asyncio.gather(opening, return_exceptions=True)

    async def _open(self, front: Front, gate: str) -> None:
        await front.until_heartbeats(3)
        await open_gate(self._server, gate)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def seen(request: pytest.FixtureRequest) -> dict[str, Seen]:
    """Run all libraries."""
    for library in LIBRARIES:
        need(library)
    async with AsyncExitStack() as stack:
        browsers: dict[str, Browser] = {}
        for name in ("Chromium", "Firefox"):
            engine: Engine = request.getfixturevalue(name.lower())
            browsers[name] = await stack.enter_async_context(engine.browser())
        server = stack.enter_context(uvicorn("tests.apps.library_app:app"))
        found = await asyncio.gather(*map(Measuring(server, browsers).see, LIBRARIES))
    server.assert_quiet()
    return {library.name: one for library, one in zip(LIBRARIES, found, strict=True)}


def texts(events: list[list[str]]) -> list[str]:
    """Return the data of the events without a name."""
    return [data for name, data, _ in events if name == "message"]


def numbers(one: Run) -> list[str]:
    """Return the numbers that came."""
    return [text for text in texts(one.events) if text.startswith("number")]


def came_back(one: Run) -> str:
    """Say what a library did when a response had ended."""
    got = numbers(one)
    if got == NUMBERS:
        return "comes back"
    wrong = [text for text in got if text not in NUMBERS]
    done = ended(one) if len(one.statuses) == 1 else "comes back"
    if wrong:
        return f"{done}, hands out {json.dumps(wrong[0])}"
    lost = len(set(NUMBERS) - set(got))
    return done if len(one.statuses) == 1 or not lost else f"{done}, events lost: {lost}"


def ended(one: Run) -> str:
    """Say how a library ended."""
    if one.end.startswith("raised "):
        return f"`{one.end.removeprefix('raised ')}`"
    return {"returned": "ends", "": "goes on"}.get(one.end, one.end)


def asked_again(one: Run) -> str:
    """Say whether a library asked once more."""
    return "comes back" if len(one.statuses) > 1 else ended(one)


def changes(one: Run) -> str:
    """Say what a library takes from texts."""
    got = texts(one.events)[: len(PROBES)]
    wrong = [what for (what, text), came in zip(PROBES.items(), got, strict=True) if text != came]
    return ", ".join(wrong) or "–"


def largest(one: Run) -> str:
    """Say how long a text may be."""
    passed = [size for size in SIZES if f"{size} characters" in texts(one.events)]
    if len(passed) == len(SIZES):
        return "–"
    return f"{SIZES[len(passed)]:,} bytes ({ended(one)})"


def row(library: Library, one: Seen) -> str:
    """Return a library's line of the table."""
    first = one.busy.statuses[0]
    cells = [
        f"{library.name} {release(library)}".rstrip(),
        came_back(one.broken),
        came_back(one.clean),
        asked_again(one.down),
        asked_again(one.busy) + (f" ({first})" if first != 200 else ""),
        asked_again(one.gone),
        changes(one.helped),
        largest(one.sizes),
        library.helps,
    ]
    return f"| {' | '.join(cells)} |"


HEADS: Final = (
    "library",
    "cut off",
    "ended on the way",
    "503 of a proxy",
    "no room",
    "204",
    "changes",
    "stops at",
    "what helps",
)


@pytest.mark.timeout(300)
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("library", LIBRARIES, ids=lambda one: one.name)
async def test_nothing_is_lost_with_what_helps(library: Library, seen: dict[str, Seen]) -> None:
    one = seen[library.name].helped
    assert numbers(one) == NUMBERS
    assert one.events[-1][:2] == ["close", '{"code": 4000, "reason": "done"}']
    extra = len(one.events) - len(NUMBERS) - len(PROBES) - 1
    assert extra == 0, "no heartbeat is handed out"


@pytest.mark.timeout(300)
@pytest.mark.asyncio(loop_scope="module")
async def test_the_page_says_what_was_seen(seen: dict[str, Seen]) -> None:
    lines = [f"| {' | '.join(HEADS)} |", f"|{' --- |' * len(HEADS)}"]
    lines += [row(library, seen[library.name]) for library in LIBRARIES]
    table = "\n".join(lines)
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    wanted = f"{before}{BEGIN}{table}\n{END}{after}"
    if WRITES:
        PAGE.write_text(wanted)
        return
    assert text == wanted, f"make reader-table writes:\n{table}"
