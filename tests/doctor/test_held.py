"""Answers that are held back or ended once they have begun: open is not up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from byway import Verdict, diagnose
from tests.support.servers import Server

Pass = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Passes a connection's answers on, or does not."""


async def hold_after_the_first_chunk(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Pass answers on; of a chunked one the head and the first chunk, and the rest at its end."""
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        lower = head.lower()
        if b"transfer-encoding: chunked" in lower:
            size = await reader.readuntil(b"\r\n")
            writer.write(size + await reader.readexactly(int(size, 16) + 2))
            await writer.drain()
            writer.write(await reader.readuntil(b"0\r\n\r\n"))
        elif b"content-length:" in lower:
            length = int(lower.split(b"content-length:")[1].split(b"\r\n")[0])
            writer.write(await reader.readexactly(length))
        await writer.drain()


def end_the_first(chunks: int) -> Pass:
    """End the first chunked answer after so many chunks, as if it were whole; pass others on."""
    ended = False

    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal ended
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        if not ended and b"transfer-encoding: chunked" in head.lower():
            ended = True
            for _ in range(chunks):
                size = await reader.readuntil(b"\r\n")
                writer.write(size + await reader.readexactly(int(size, 16) + 2))
            writer.write(b"0\r\n\r\n")
            writer.close()
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()

    return answers


@asynccontextmanager
async def between(port: int, answers: Pass) -> AsyncIterator[str]:
    """Stand before a server; give the address."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        down = asyncio.ensure_future(answers(far_reader, writer))
        try:
            while piece := await reader.read(65536):
                far_writer.write(piece)
                await far_writer.drain()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            far_writer.close()
            writer.close()
            down.cancel()
            await asyncio.gather(down, return_exceptions=True)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_an_answer_that_is_held_after_its_beginning_is_buffered(
    doctor_server: Server,
) -> None:
    async with between(doctor_server.port, hold_after_the_first_chunk) as url:
        report = await diagnose(
            f"{url}/chat", proxy=None, timeout=4.0, transports="stream, sse, poll"
        )
    for name in ("stream", "sse"):
        finding = report.finding(name)
        assert finding.evidence.opened is not None
        assert finding.evidence.opened < 2.0
        assert finding.verdict is Verdict.BUFFERED, finding.why
    assert report.preference == "poll"


@pytest.mark.parametrize(("chunks", "transport"), [(0, "stream"), (1, "sse"), (4, "stream")])
async def test_one_answer_that_ends_by_chance_is_not_the_verdict(
    doctor_server: Server, chunks: int, transport: str
) -> None:
    """Caddy 2.6 ends about one endless answer of a hundred before or after its first frame."""
    async with between(doctor_server.port, end_the_first(chunks)) as url:
        report = await diagnose(f"{url}/chat", proxy=None, timeout=10.0, transports=transport)
    assert report.finding(transport).outcome == "works", report
