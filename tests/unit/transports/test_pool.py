"""The pool of connections: one that is given up while it opens is closed, whatever it waits for."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

import pytest

from byway.http_library import httpx
from byway.transports.lookup import Names
from byway.transports.pool import pool

Answer = Callable[[asyncio.StreamWriter], None]


def _nothing(_: asyncio.StreamWriter) -> None:
    """Take the connection and say nothing."""


def _tunnel(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")


def _method(writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x05\x00")


class Mute:
    """A server, or proxy, that stops saying anything at some step of opening a connection."""

    def __init__(self, answer: Answer) -> None:
        """Say one thing to what comes first."""
        self._answer = answer
        self.asked = asyncio.Event()  # for what is not answered any more
        self.closed = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one connection."""
        await reader.read(65536)
        if self._answer is not _nothing:
            self._answer(writer)
            await reader.read(65536)
        self.asked.set()
        while await reader.read(65536):
            pass
        self.closed.set()
        writer.close()


@pytest.mark.parametrize(
    ("url", "proxy", "answer"),
    [
        pytest.param("https://127.0.0.1:{port}/", None, _nothing, id="tls"),
        pytest.param("http://127.0.0.1:{port}/", None, _nothing, id="http"),
        pytest.param("https://a.test/", "http://127.0.0.1:{port}", _nothing, id="connect"),
        pytest.param("https://a.test/", "http://127.0.0.1:{port}", _tunnel, id="tls-in-tunnel"),
        pytest.param("https://a.test/", "https://127.0.0.1:{port}", _nothing, id="tls-of-proxy"),
        pytest.param("http://a.test/", "socks5h://127.0.0.1:{port}", _nothing, id="socks"),
        pytest.param("http://a.test/", "socks5://127.0.0.1:{port}", _method, id="socks-connect"),
    ],
)
async def test_what_is_given_up_while_it_opens_is_closed(
    url: str, proxy: str | None, answer: Answer
) -> None:
    """Not when the session is over, or by chance: whoever is asked sees it end."""
    if proxy is not None and proxy.startswith("socks"):
        pytest.importorskip("python_socks")
    mute = Mute(answer)
    server = await asyncio.start_server(mute.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    made = pool(
        Names(),
        ssl=ssl.create_default_context(),
        http2=False,
        proxy=proxy and proxy.format(port=port),
    )
    async with server, httpx.AsyncClient(transport=made, timeout=30) as client:
        attempt = asyncio.create_task(client.get(url.format(port=port)))
        async with asyncio.timeout(10):
            await mute.asked.wait()
            attempt.cancel()
            with pytest.raises(asyncio.CancelledError):
                await attempt
            await mute.closed.wait()
