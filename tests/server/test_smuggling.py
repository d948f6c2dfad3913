"""Requests whose end two programs could see in two places, as raw bytes to real servers.

A proxy and a server that do not agree where a body ends let a client hide a request in another's
body. Where a body ends is the server's to say; these show that what uvicorn and hypercorn say of
such requests never brings a frame to a session, and never lets one request be two.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import httpx
import pytest

from byway.frames import TEXT
from tests.support.servers import Server, hypercorn, uvicorn
from tests.support.wire import RawSession, numbered


@pytest.fixture(scope="module", params=["uvicorn", "h11", "hypercorn"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Serve with each parser: uvicorn's httptools and h11, and hypercorn's."""
    app = "tests.apps.endpoint_app:quick"
    running = (
        hypercorn(app, "--keep-alive", "1")
        if request.param == "hypercorn"
        else uvicorn(app, "--http", "h11" if request.param == "h11" else "httptools")
    )
    with running as one:
        yield one
    one.assert_quiet()


async def talk(port: int, data: bytes) -> bytes:
    """Write bytes, end the way up, and return all that comes back."""
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(data)
            writer.write_eof()
            return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()


def request(body: bytes, *headers: str) -> bytes:
    """Return a request of the protocol with these headers for its length.

    The connection is to stay, so that whatever follows could be a request.
    """
    head = (
        "POST /echo HTTP/1.1\r\nHost: x\r\n"
        "Content-Type: application/byway\r\nByway: 1\r\n"
        + "".join(f"{one}\r\n" for one in headers)
        + "\r\n"
    )
    return head.encode() + body


def chunked(body: bytes) -> bytes:
    """Return a body in one chunk."""
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


CASES = (
    "length and chunks",
    "chunks and length",
    "two lengths",
    "length too short",
    "length too long",
    "length of no number",
    "negative length",
    "length with a sign",
    "huge length",
    "thousands of digits",
    "two encodings",
    "unknown encoding",
    "bad chunk",
    "chunk too long",
)


def bad(case: str, body: bytes) -> bytes:
    """Return a request with a body whose end is in doubt."""
    size = len(body)
    whole = f"Content-Length: {size}"
    return {
        "length and chunks": request(chunked(body), whole, "Transfer-Encoding: chunked"),
        "chunks and length": request(
            chunked(body), "Transfer-Encoding: chunked", "Content-Length: 3"
        ),
        "two lengths": request(body, whole, "Content-Length: 3"),
        "length too short": request(body, f"Content-Length: {size - 3}"),
        "length too long": request(body, f"Content-Length: {size + 3}"),
        "length of no number": request(body, "Content-Length: x"),
        "negative length": request(body, f"Content-Length: -{size}"),
        "length with a sign": request(body, f"Content-Length: +{size}"),
        "huge length": request(body, f"Content-Length: {2**64 + size}"),
        "thousands of digits": request(body, f"Content-Length: {'9' * 5000}"),
        "two encodings": request(
            chunked(body), "Transfer-Encoding: chunked", "Transfer-Encoding: identity"
        ),
        "unknown encoding": request(chunked(body), "Transfer-Encoding: xchunked"),
        "bad chunk": request(b"zz\r\n" + body + b"\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
        "chunk too long": request(
            b"%x\r\n%s\r\n0\r\n\r\n" % (size + 9, body), "Transfer-Encoding: chunked"
        ),
    }[case]


ONE_MEANING = {"length and chunks", "chunks and length"}
"""RFC 9112, section 6.3: the chunks count, the length does not. A server may refuse them too."""


@pytest.mark.parametrize("case", CASES)
async def test_a_body_whose_end_is_in_doubt_brings_nothing_to_a_session(
    server: Server, http: httpx.AsyncClient, case: str
) -> None:
    session = await RawSession(http, server.url("/echo")).open()
    hidden = session.hello(answer="ack") + numbered(1, (TEXT, b"hidden"))
    answer = await talk(server.port, bad(case, hidden))
    received = await session.received()
    if case in ONE_MEANING:
        assert received == (1 if answer.startswith(b"HTTP/1.1 200") else 0)
    else:
        assert received == 0
        assert not answer.startswith(b"HTTP/1.1 200")
    assert answer.count(b"HTTP/1.1 200") <= 1
    assert await session.received(numbered(received + 1, (TEXT, b"and on"))) == received + 1


@pytest.mark.parametrize("case", CASES)
async def test_what_follows_such_a_body_is_no_request_of_its_own(
    server: Server, http: httpx.AsyncClient, case: str
) -> None:
    """Another request stands where the length says that the first has ended, or in its chunks."""
    session = await RawSession(http, server.url("/echo")).open()
    inner = session.hello(answer="ack") + numbered(1, (TEXT, b"smuggled"))
    smuggled = request(inner, f"Content-Length: {len(inner)}")
    answer = await talk(server.port, bad(case, b"0\r\n\r\n" + smuggled))
    assert b"HTTP/1.1 200" not in answer
    assert await session.received() == 0


async def test_the_same_request_with_its_right_length_is_served(
    server: Server, http: httpx.AsyncClient
) -> None:
    """The counterpart: the cases above fail for their length alone."""
    session = await RawSession(http, server.url("/echo")).open()
    batch = session.hello(answer="ack") + numbered(1, (TEXT, b"x"))
    answer = await talk(server.port, request(batch, f"Content-Length: {len(batch)}"))
    assert answer.startswith(b"HTTP/1.1 200")
    batch = session.hello(answer="ack") + numbered(2, (TEXT, b"y"))
    answer = await talk(server.port, request(chunked(batch), "Transfer-Encoding: chunked"))
    assert answer.startswith(b"HTTP/1.1 200")
    assert await session.received() == 2
