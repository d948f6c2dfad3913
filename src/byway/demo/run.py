"""The run of the demonstration: each transport on each path, a row of the table each.

Knows: how a row comes about and when the whole has failed.
Must not know: how the servers are started, how a row is printed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from typing import Any

import byway
from byway.demo.processes import WORKERS, ProcessFailed, find_nginx, nginx, uvicorn
from byway.negotiation import DEFAULT_ORDER

ROUTE = "/websocket_handler"
ROW_TIMEOUT = 120.0
"""Seconds that one row may take."""

SESSIONS = 6
"""Sessions that are open at once where there are several workers."""

NO_NGINX = "nginx is not installed here (on Debian: apt-get install nginx-light)"


@dataclass(slots=True)
class Row:
    """What became of one transport on one path.

    Attributes:
        transport: its name; `any` for what `connect` finds by itself.
        path: `direct`, `nginx`, or `workers`: four of them, and several sessions.
        opened: seconds until the channel was open.
        echo: seconds from the first line sent to its echo.
        rate: lines echoed a second, all on their way at once.
        sent: lines sent.
        returned: lines that came back as they should.
        refused: why there is no channel, and who said so.
        chosen: the transport that carried the lines.
        expected: whether a refusal belongs to the demonstration.
        note: what is shown beside it, where nothing failed.
    """

    transport: str
    path: str
    opened: float | None = None
    echo: float | None = None
    rate: float | None = None
    sent: int = 0
    returned: int = 0
    refused: str = ""
    chosen: str = ""
    expected: bool = False
    note: str = ""

    @property
    def failed(self) -> bool:
        """Whether anything was lost, or a transport did not work that should have."""
        return self.returned < self.sent or bool(self.refused and not self.expected)

    def as_json(self) -> dict[str, Any]:
        """Return it for `--json`."""
        return {**asdict(self), "failed": self.failed}


Progress = Callable[[Row], None]


async def rows(
    lines: Sequence[str], transports: Sequence[str], progress: Progress
) -> AsyncGenerator[Row, None]:
    """Run the demonstration and give its rows as they come.

    Args:
        lines: what to send.
        transports: names of the transports.
        progress: called now and then with the row that is being made.

    Raises:
        ProcessFailed: a server did not start.
    """
    async with AsyncExitStack() as stack:
        origin = await stack.enter_async_context(uvicorn())
        ports: dict[str, int | None] = {"direct": origin, "nginx": None, "workers": None}
        program = find_nginx()
        if program is not None:
            ports["nginx"] = await stack.enter_async_context(nginx(program, origin))
        ports["workers"] = await stack.enter_async_context(uvicorn(workers=WORKERS))
        for path, port in ports.items():
            for name in (*transports, *(["any"] if path == "nginx" else [])):
                row = Row(name, path)
                if port is None:
                    row.refused, row.expected = NO_NGINX, True
                else:
                    # A plain proxy_pass forwards no Upgrade: here that is the point.
                    row.expected = path == "nginx" and name == "websocket"
                    wanted = DEFAULT_ORDER if name == "any" else (name,)
                    fill = _fill_several if path == "workers" else _fill
                    await fill(row, f"http://127.0.0.1:{port}{ROUTE}", wanted, lines, progress)
                yield row


async def _fill(
    row: Row, url: str, transports: Sequence[str], lines: Sequence[str], progress: Progress
) -> None:
    progress(row)
    start = time.perf_counter()
    try:
        async with asyncio.timeout(ROW_TIMEOUT):
            async with byway.connect(
                url, transports=transports, proxy=None, memory=False
            ) as channel:
                row.opened = time.perf_counter() - start
                row.chosen = channel.transport or ""
                await _echo(row, channel, lines, progress)
    except byway.ConnectError as error:
        row.refused = "; ".join(one.error for one in error.attempts) or str(error)
    except TimeoutError:
        row.refused = f"not done within {ROW_TIMEOUT:g} s"


async def _fill_several(
    row: Row, url: str, transports: Sequence[str], lines: Sequence[str], progress: Progress
) -> None:
    """Share the lines out among sessions that are open side by side.

    Any request of any of them may reach any of the workers.
    """
    shares = [share for i in range(SESSIONS) if (share := lines[i::SESSIONS])]
    parts = [Row(row.transport, row.path) for _ in shares]

    def all_progress(_: Row) -> None:
        row.returned = sum(part.returned for part in parts)
        progress(row)

    start = time.perf_counter()
    await asyncio.gather(
        *(
            _fill(part, url, transports, share, all_progress)
            for part, share in zip(parts, shares, strict=True)
        )
    )
    took = time.perf_counter() - start
    row.sent, row.returned = len(lines), sum(part.returned for part in parts)
    row.opened = max((part.opened for part in parts if part.opened is not None), default=None)
    row.echo = max((part.echo for part in parts if part.echo is not None), default=None)
    row.rate = row.returned / took
    row.refused = "; ".join(dict.fromkeys(part.refused for part in parts if part.refused))
    row.chosen = parts[0].chosen
    row.note = f"{len(parts)} sessions, spread over {WORKERS} workers"


async def _echo(row: Row, channel: byway.Channel, lines: Sequence[str], progress: Progress) -> None:
    async def send() -> None:
        for line in lines[1:]:
            await channel.send(line)
            row.sent += 1

    start = time.perf_counter()
    row.sent = 1
    await channel.send(lines[0])
    await _check(row, channel, lines[0])
    row.echo = time.perf_counter() - start
    start = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(send())
        for number, line in enumerate(lines[1:], 1):
            if not await _check(row, channel, line):
                sending.cancel()
                row.refused = f"closed with {channel.code} {channel.reason}".rstrip()
                break
            if number % 500 == 0:
                progress(row)
    row.sent = len(lines)
    row.rate = (len(lines) - 1) / (time.perf_counter() - start)


async def _check(row: Row, channel: byway.Channel, line: str) -> bool:
    got = await channel.receive()
    if got == f"You said: {line}":
        row.returned += 1
    return got is not None


__all__ = ["ProcessFailed", "Row", "rows"]
