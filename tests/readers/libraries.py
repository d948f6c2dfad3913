"""The libraries that read event streams, how each is run, and the line of code that helps it.

Knows: programs, browsers, the environments that hold the libraries.
Must not know: what is measured.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.browser.libraries.site import PACKAGES, version
from tests.readers.front import Front
from tests.support.browsers.page import Browser
from tests.support.environments import python_of
from tests.support.events import EventReader
from tests.support.process import ROOT, find_program, part_is_missing

ALONE: Final = "alone"
HELPED: Final = "helped"


@dataclass(frozen=True)
class Library:
    """A library.

    Attributes:
        name: of its package.
        kind: where it runs: `python`, `node`, `page` or `curl`.
        helps: what helps it, for the table; `clients.py`, `clients.mjs` and `PAGE_SCRIPT` do it.
    """

    name: str
    kind: str
    helps: str


RESUME: Final = 'send `headers={"Last-Event-ID": event.id}` in a loop of your own'

OPEN_AGAIN: Final = "`source.onerror = () => source.readyState === 2 && setTimeout(open, 5000)`"

LIBRARIES: Final = (
    Library("Chromium", "page", OPEN_AGAIN),
    Library("Firefox", "page", "the same"),
    Library(
        "eventsource",
        "node",
        "the same; `setInterval(() => {}, 1e9)`, or Node exits before it comes back",
    ),
    Library("eventsource-client", "node", "–"),
    Library(
        "@microsoft/fetch-event-source",
        "node",
        "`onclose() { throw Error() }`; abort its `signal` at the event `close`",
    ),
    Library("httpx-sse", "python", RESUME),
    Library("httpx2", "python", f"{RESUME}; `client.sse(url, max_event_size=None)`"),
    Library("niquests", "python", f'on the server `readers="events"`; {RESUME}'),
    Library(
        "requests-sse",
        "python",
        "`EventSource(url, latest_event_id=event.last_event_id)` in a loop of your own",
    ),
    Library(
        "aiohttp-sse-client2",
        "python",
        '`EventSource(url, headers={"Last-Event-ID": event.last_event_id}, on_error=fail)`, where '
        "`fail` raises `ConnectionError`, in a loop of your own",
    ),
    Library("sseclient-py", "python", f"{RESUME}; skip events without an `id`"),
    Library("curl", "curl", '`--fail -H "Last-Event-ID: …"` in a loop of your own'),
)

PAGE_SCRIPT: Final = """(url, helped) => {
  globalThis.seen = []
  const open = () => {
    const source = new EventSource(url)
    for (const name of ["message", "json", "binary", "lost", "close"]) {
      source.addEventListener(name, (event) => {
        const data = event.data.length < 1000 ? event.data : `${event.data.length} characters`
        seen.push([event.type, data, event.lastEventId])
        if (name === "close" && helped) { source.close(); stopped() }
      })
    }
    source.onerror = () => {
      if (source.readyState !== 2) return
      if (helped) setTimeout(open, 500)
      else stopped()
    }
  }
  globalThis.over = new Promise((resolve) => { globalThis.stopped = resolve })
  open()
}"""


@dataclass
class Run:
    """What a library has done.

    Attributes:
        events: names, data and ids of the events that it has handed out.
        end: how it ended by itself; empty where it went on.
        statuses: with what its requests were answered.
    """

    events: list[list[str]] = field(default_factory=list)
    end: str = ""
    statuses: list[int] = field(default_factory=list)


Condition = Callable[[], Awaitable[None]]


def release(library: Library) -> str:
    """Return the version of a library, "" of what is part of the machine."""
    if library.kind == "node":
        return version(library.name)
    if library.kind != "python":
        return ""
    code = f"import importlib.metadata as m; print(m.version({library.name!r}))"
    return subprocess.run(
        [python_of("readers"), "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def need(library: Library) -> None:
    """Skip what needs a library that is not installed."""
    if library.kind == "python":
        python_of("readers")
    if library.kind == "node" and not (PACKAGES / library.name).exists():
        part_is_missing("the npm packages of tests/browser/libraries are not installed: make test")


async def run(
    library: Library,
    mode: str,
    front: Front,
    path: str,
    until: Condition,
    browsers: dict[str, Browser],
) -> Run:
    """Have a library read until it ends by itself, or that is so.

    Args:
        library: the library.
        mode: ALONE or HELPED.
        front: what it asks.
        path: the path.
        until: waits until there is nothing more to see.
        browsers: the browsers, by name.
    """
    if library.kind == "page":
        return await _in_page(browsers[library.name], mode, front, path, until)
    if library.kind == "curl":
        return await _curl(mode, front.url(path))
    if library.kind == "node":
        script = Path(__file__).with_name("clients.mjs")
        command = [find_program("node"), script, PACKAGES.parent, library.name]
    else:
        command = [python_of("readers"), Path(__file__).with_name("clients.py"), library.name]
    async with _program([*map(str, command), mode, front.url(path)]) as program:
        output = asyncio.ensure_future(program.communicate())
        await _either(output, until())
        if program.returncode is None:
            program.kill()
        text, errors = await output
    seen = Run()
    for line in text.decode().rstrip("\n").split("\n"):
        if line.startswith("["):
            seen.events.append(json.loads(line))
        else:
            seen.end = line
    if program.returncode and program.returncode > 0:
        # Node says what a program that failed has thrown; the first word is the class.
        lines = [one for one in errors.decode().splitlines() if "Error" in one]
        seen.end = f"raised {lines[0].split(':')[0].split()[-1]}" if lines else errors.decode()
    return seen


@asynccontextmanager
async def _program(command: list[str]) -> AsyncIterator[asyncio.subprocess.Process]:
    program = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, cwd=ROOT)
    try:
        yield program
    finally:
        if program.returncode is None:
            program.kill()
            await program.wait()


async def _either(first: asyncio.Future[Any], second: Awaitable[None]) -> None:
    other = asyncio.ensure_future(second)
    try:
        await asyncio.wait({first, other}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        other.cancel()
        await asyncio.gather(other, return_exceptions=True)


async def _in_page(browser: Browser, mode: str, front: Front, path: str, until: Condition) -> Run:
    page = await browser.open(front.url("/page"))
    page.expect("")
    await page.evaluate(PAGE_SCRIPT, path, mode == HELPED)
    over: asyncio.Future[None] = asyncio.ensure_future(_over(page.evaluate))
    await _either(over, until())
    seen = Run(await page.evaluate("() => seen"))
    if over.done():
        seen.end = "returned"
    over.cancel()
    await asyncio.gather(over, return_exceptions=True)
    return seen


async def _over(evaluate: Callable[[str], Awaitable[object]]) -> None:
    # Short questions: a browser gives up on a command that lasts.
    wait = "() => Promise.race([over.then(() => true), new Promise((r) => setTimeout(r, 1000))])"
    while not await evaluate(wait):
        pass


async def _curl(mode: str, url: str) -> Run:
    """Run curl, again and again with the last id if it is helped."""
    seen, reader = Run(), EventReader()
    command = [find_program("curl"), "-sSN", "--fail", "--noproxy", "*"]
    command += ["-H", "Accept: text/event-stream", url]
    while not (mode == HELPED and seen.events and seen.events[-1][0] == "close"):
        more = ["-H", f"Last-Event-ID: {reader.last_id}"] if reader.last_id else []
        async with _program([*command, *more]) as program:
            text, _ = await program.communicate()
        reader = EventReader(reader.last_id)
        for one in reader.feed(text):
            shown = one.data if len(one.data) < 1000 else f"{len(one.data)} characters"
            seen.events.append([one.name, shown, one.last_id])
        if mode == ALONE:
            code = program.returncode
            seen.end = f"exit status {code}" if code else "returned"
            break
    return seen
