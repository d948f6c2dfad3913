"""A proxy in front of a server that cuts responses, and answers some requests by itself.

Knows: HTTP, one request a connection; what it is to do with each.
Must not know: byway, libraries.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

PAGE = b"<!doctype html><title>reader</title>"
"""What is served at /page, so that a script of the same origin can run."""

_HOP_BY_HOP = frozenset({"connection", "transfer-encoding", "keep-alive", "host", "content-length"})


@dataclass(frozen=True)
class Cut:
    """A response is passed on up to these bytes, and then ends.

    Attributes:
        behind: the bytes.
        clean: with a proper end, as proxies do whose server has gone; else without one.
    """

    behind: bytes
    clean: bool


@dataclass
class Front:
    """The proxy.

    Attributes:
        target: the server, as `http://host:port`.
        plan: what becomes of each request in turn: it is passed on (None), passed on and cut, or
            answered with a status. Those after the plan are passed on.
        port: where it listens, on 127.0.0.1.
        statuses: with what the requests were answered; one for each that came.
        resumed: whether each request had a `Last-Event-ID`.
        heartbeats: how many pieces were nothing but comments.
    """

    target: str
    plan: Sequence[Cut | int | None] = ()
    port: int = 0
    statuses: list[int] = field(default_factory=list)
    resumed: list[bool] = field(default_factory=list)
    heartbeats: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def url(self, path: str) -> str:
        """Return an address on it."""
        return f"http://127.0.0.1:{self.port}{path}"

    async def until_heartbeats(self, count: int) -> None:
        """Wait until so many have passed."""
        async with self.changed:
            await self.changed.wait_for(lambda: self.heartbeats >= count)

    async def until_statuses(self, *endings: list[int], least: int = 0) -> None:
        """Wait until the last responses were one of these, or so many were given."""
        async with self.changed:
            await self.changed.wait_for(
                lambda: (
                    (least and len(self.statuses) >= least)
                    or any(self.statuses[-len(one) :] == one for one in endings)
                )
            )

    async def note(self, status: int) -> None:
        """Keep a status."""
        async with self.changed:
            self.statuses.append(status)
            self.changed.notify_all()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.rstrip().split("\r\n")
            path = first.split()[1]
            headers = dict(line.split(": ", 1) for line in lines)
            if path in ("/page", "/favicon.ico"):
                await self._whole(writer, 200, PAGE)
                return
            at = len(self.resumed)
            self.resumed.append(any(name.lower() == "last-event-id" for name in headers))
            step = self.plan[at] if at < len(self.plan) else None
            if isinstance(step, int):
                await self.note(step)
                await self._whole(writer, step, b"" if step == 204 else b"no server\n")
            else:
                await self._pass_on(path, headers, step, reader, writer)
        except (OSError, httpx.HTTPError, asyncio.IncompleteReadError):
            pass  # the client has left, or the server
        finally:
            writer.close()

    async def _whole(self, writer: asyncio.StreamWriter, status: int, body: bytes) -> None:
        length = "" if status == 204 else f"content-length: {len(body)}\r\n"
        head = f"HTTP/1.1 {status} -\r\ncontent-type: text/html\r\nretry-after: 1\r\n{length}"
        writer.write(head.encode() + b"\r\n" + body)
        await writer.drain()

    async def _pass_on(
        self,
        path: str,
        headers: dict[str, str],
        cut: Cut | None,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        headers = {k: v for k, v in headers.items() if k.lower() not in _HOP_BY_HOP}
        headers["host"] = f"127.0.0.1:{self.port}"
        async with httpx.AsyncClient(trust_env=False, timeout=None) as client:
            async with client.stream("GET", self.target + path, headers=headers) as answer:
                await self.note(answer.status_code)
                head = [f"HTTP/1.1 {answer.status_code} -"]
                head += [
                    f"{name}: {value}"
                    for name, value in answer.headers.items()
                    if name not in _HOP_BY_HOP
                ]
                if answer.status_code != 204:
                    head.append("transfer-encoding: chunked")
                # No `Connection: close`: Node takes a cut response that has it for a whole one.
                writer.write("\r\n".join([*head, "\r\n"]).encode("latin-1"))
                gone = asyncio.ensure_future(reader.read())
                body = asyncio.ensure_future(self._body(answer, cut, writer))
                try:
                    await asyncio.wait({gone, body}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for task in (gone, body):
                        task.cancel()
                    await asyncio.gather(gone, body, return_exceptions=True)

    async def _body(
        self, answer: httpx.Response, cut: Cut | None, writer: asyncio.StreamWriter
    ) -> None:
        if answer.status_code == 204:
            await writer.drain()
            return
        seen = b""
        async for piece in answer.aiter_raw():
            if set(piece) <= set(b":\n"):
                async with self.changed:
                    self.heartbeats += piece.count(b":")
                    self.changed.notify_all()
            if cut is not None:
                before, seen = len(seen), seen + piece
                end = seen.find(cut.behind)
                if end >= 0:
                    rest = seen[before : end + len(cut.behind)]
                    writer.write(b"%x\r\n%b\r\n" % (len(rest), rest))
                    if cut.clean:
                        writer.write(b"0\r\n\r\n")
                    await writer.drain()
                    return
            if piece:
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()


@asynccontextmanager
async def fronting(target: str, plan: Sequence[Cut | int | None] = ()) -> AsyncIterator[Front]:
    """Run a proxy in front of a server."""
    front = Front(target, plan)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await front.serve(reader, writer)
        except asyncio.CancelledError:
            pass  # the end of the test
        finally:
            tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    front.port = server.sockets[0].getsockname()[1]
    try:
        yield front
    finally:
        server.close()
        for task in tasks.copy():
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
