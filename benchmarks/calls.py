"""Count the Python calls inside byway for one small echo, and list them in order.

    python -m benchmarks.calls [TRANSPORT…] [--echoes N] [--list] [--top N] [--json] [--docs]

Client and server share one process and one event loop. After `SETTLING` seconds a client sends 32
bytes and waits for their echo, `--echoes` times. Each call of a Python function in a file of byway
counts, and so does each time that a coroutine or generator is resumed (`sys.setprofile`). What the
interpreter, the server and the libraries call does not count. `--docs` writes the list into
`docs/explanation/architecture.md`.

Knows: how to tell the stations of an echo apart.
Must not know: what any of the functions does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

import uvicorn

import byway
from byway.channel import Channel
from byway.transports.base import Event, Receive, Scope, Send

ROOT: Final = Path(__file__).resolve().parents[1]

PAGE: Final = ROOT / "docs/explanation/architecture.md"

OWN: Final = {"src/byway": "", "transports": "transports/", "negotiation": "negotiation/"}
"""Folders whose functions count, and what their modules' names begin with."""

TRANSPORTS: Final = ("websocket", "stream", "sse", "poll")

SETTLING: Final = 1.5
"""Seconds between the first messages and the ones that are counted."""

WARMING: Final = 20
"""Echoes before that: enough for an upload to be tried."""

TEXT: Final = "0123456789abcdef0123456789abcdef"

STATIONS: Final = ("client sends", "server receives", "server sends", "client receives")
_BY_SIDE: Final = {
    ("client", False): STATIONS[0],
    ("server", False): STATIONS[1],
    ("server", True): STATIONS[2],
    ("client", True): STATIONS[3],
}


@dataclass(slots=True, eq=False)
class _Request:
    """One call of the server's application, and what it was answered."""

    kind: str
    calls: int = 0


_side: ContextVar[str] = ContextVar("side", default="client")
_request: ContextVar[_Request | None] = ContextVar("request", default=None)


@dataclass(slots=True)
class Count:
    """What one transport calls.

    Attributes:
        transport: its name.
        stations: calls an echo, by station.
        requests: calls a request on the server, by the `Byway` header of its response.
        path: the functions that the last echo passed through, in order, each with its station.
        functions: calls an echo, by function.
    """

    transport: str
    stations: dict[str, float] = field(default_factory=dict)
    requests: dict[str, float] = field(default_factory=dict)
    path: list[tuple[str, str]] = field(default_factory=list)
    functions: dict[str, float] = field(default_factory=dict)

    @property
    def calls(self) -> float:
        """Calls for one echo, all stations together."""
        return sum(self.stations.values())


class _Counter:
    """Counts while it is switched on."""

    def __init__(self) -> None:
        self.downwards = False
        self.stations: Counter[str] = Counter()
        self.functions: Counter[str] = Counter()
        self.path: list[tuple[str, str]] = []
        self.requests: list[_Request] = []
        self._names: dict[CodeType, str] = {}

    @contextmanager
    def on(self) -> Iterator[None]:
        """Count in this block."""
        sys.setprofile(self._called)
        try:
            yield
        finally:
            sys.setprofile(None)

    def _called(self, frame: FrameType, event: str, _: Any) -> None:
        if event != "call":
            return
        code = frame.f_code
        name = self._names.get(code)
        if name is None:
            name = self._names[code] = _name(code)
        if not name:
            return
        station = _BY_SIDE[_side.get(), self.downwards]
        self.stations[station] += 1
        self.functions[name] += 1
        self.path.append((station, name))
        if (request := _request.get()) is not None:
            request.calls += 1


def _name(code: CodeType) -> str:
    """Return the name of a function of byway's; "" for another's."""
    for folder, prefix in OWN.items():
        root = f"{ROOT / folder}/"
        if code.co_filename.startswith(root):
            module = code.co_filename[len(root) :].removesuffix(".py")
            return f"{prefix}{module}: {code.co_qualname.replace('.<locals>', '')}"
    return ""


async def count(transport: str, echoes: int) -> Count:
    """Count the calls of echoes over one transport."""
    counter = _Counter()

    async def echo(channel: Channel) -> None:
        await channel.accept()
        while (message := await channel.receive()) is not None:
            counter.downwards = True
            await channel.send(message)

    wrapped = byway.Endpoint(echo)

    async def labelled(scope: Scope, receive: Receive, send: Send) -> None:
        request = _Request("websocket" if scope["type"] == "websocket" else "")
        counter.requests.append(request)
        _request.set(request)

        async def labelling(event: Event) -> None:
            for name, value in event.get("headers", ()):
                if name == b"byway":
                    request.kind = value.decode()
            await send(event)

        await wrapped(scope, receive, labelling)

    server = uvicorn.Server(uvicorn.Config(labelled, log_level="warning", lifespan="off"))
    listening = socket.create_server(("127.0.0.1", 0))  # who connects now waits until it serves
    port = listening.getsockname()[1]
    _side.set("server")
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    _side.set("client")
    try:
        async with byway.connect(
            f"ws://127.0.0.1:{port}/", transports=transport, proxy=None, memory=False
        ) as channel:
            for _ in range(WARMING):
                await channel.send(TEXT)
                await channel.receive()
            await asyncio.sleep(SETTLING)
            before = len(counter.requests)
            with counter.on():
                for _ in range(echoes):
                    counter.downwards = False
                    counter.path.clear()
                    await channel.send(TEXT)
                    await channel.receive()
            requests = counter.requests[before:-2]  # the last two may not be answered yet
    finally:
        server.should_exit = True
        await serving
    result = Count(transport, path=list(counter.path))
    result.stations = {name: counter.stations[name] / echoes for name in STATIONS}
    for kind in sorted({one.kind for one in requests}):
        calls = [one.calls for one in requests if one.kind == kind]
        if len(calls) >= echoes / 2:
            result.requests[kind] = sum(calls) / len(calls)
    result.functions = {name: number / echoes for name, number in counter.functions.most_common()}
    return result


def listed(result: Count) -> str:
    """Return the functions that one echo passes through, in order, as Markdown."""
    lines = []
    before = ("", "")
    times = 1
    for step in [*result.path, ("", "")]:
        if step == before:
            times += 1
            continue
        if before[1]:
            lines.append(f"  - `{before[1]}`" + (f" × {times}" if times > 1 else ""))
        if step[0] and step[0] != before[0]:
            lines.append(f"- {step[0]}:")
        before, times = step, 1
    return "\n".join(lines)


def table(results: Sequence[Count]) -> str:
    """Return the counts as a Markdown table."""
    lines = [
        "| transport | " + " | ".join(STATIONS) + " | together | on the server, a request |",
        "| --- |" + " ---: |" * (len(STATIONS) + 1) + " --- |",
    ]
    for one in results:
        requests = ", ".join(f"{kind} {calls:.0f}" for kind, calls in one.requests.items())
        cells = " | ".join(f"{one.stations[name]:.0f}" for name in STATIONS)
        lines.append(f"| `{one.transport}` | {cells} | {one.calls:.0f} | {requests} |")
    return "\n".join(lines)


def write(results: Sequence[Count]) -> None:
    """Write the table, and the list of each transport, between their marks in the page."""
    text = PAGE.read_text()
    parts = {"table": table(results), **{one.transport: listed(one) for one in results}}
    for name, part in parts.items():
        begin, end = f"<!-- calls: {name} -->\n", f"<!-- end of calls: {name} -->\n"
        if begin in text:
            head, _, rest = text.partition(begin)
            text = head + begin + "\n" + part + "\n\n" + end + rest.partition(end)[2]
    PAGE.write_text(text)


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("transports", nargs="*", default=TRANSPORTS, metavar="TRANSPORT")
    parser.add_argument("--echoes", type=int, default=100, help="echoes to count (default: 100)")
    parser.add_argument("--list", action="store_true", help="list the functions in order")
    parser.add_argument("--top", type=int, default=0, metavar="N", help="show the N most called")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--docs", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    options = parser.parse_args()
    results = [asyncio.run(count(one, options.echoes)) for one in options.transports]
    if options.json:
        print(json.dumps({one.transport: one.stations | one.requests for one in results}, indent=2))
    else:
        print(table(results))
        for one in results:
            for name, number in list(one.functions.items())[: options.top]:
                print(f"{one.transport:10} {number:7.2f}  {name}")
            if options.list:
                print(f"\n{one.transport}\n{listed(one)}")
    if options.docs:
        write(results)


if __name__ == "__main__":
    main()
