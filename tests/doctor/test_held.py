"""Answers that begin live and are held back then: open is not up, and the doctor says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from byway import Verdict, diagnose
from tests.support.servers import Server


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


@asynccontextmanager
async def holding(port: int) -> AsyncIterator[str]:
    """Stand before a server; give the address."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        answers = asyncio.create_task(hold_after_the_first_chunk(far_reader, writer))
        try:
            while piece := await reader.read(65536):
                far_writer.write(piece)
                await far_writer.drain()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            answers.cancel()
            await asyncio.gather(answers, return_exceptions=True)
            far_writer.close()
            writer.close()

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
    async with holding(doctor_server.port) as url:
        report = await diagnose(
            f"{url}/chat", proxy=None, timeout=4.0, transports="stream, sse, poll"
        )
    for name in ("stream", "sse"):
        finding = report.finding(name)
        assert finding.evidence.opened is not None
        assert finding.evidence.opened < 2.0
        assert finding.verdict is Verdict.BUFFERED, finding.why
    assert report.preference == "poll"
