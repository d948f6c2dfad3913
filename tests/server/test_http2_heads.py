"""What travels over HTTP/2 has no header that it forbids, and no head that is too long."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import h2.config
import h2.connection
import h2.events
import httpx
import pytest

import byway
from byway import UsageError
from byway.handshake import SUBPROTOCOL, Hello
from byway.keys import new_key
from byway.limits import ClientLimits
from byway.transports.request_head import OWN, given
from tests.support.heads import FrameReader, Heads, forbidden, heads
from tests.support.peers import TRANSPORTS, connect, exchange
from tests.support.servers import Server, hypercorn
from tests.support.tls import Authority
from tests.support.wire import PROTOCOL_HEADERS, hello_frame

HTTP = ("stream", "sse", "poll")


@pytest.fixture(scope="module")
def server(authority: Authority) -> Iterator[Server]:
    """Serve over HTTP/2, nothing mended."""
    files = ("--keyfile", authority.key_file, "--certfile", authority.certificate_file)
    with hypercorn("tests.apps.frank_app:app", *map(str, files)) as one:
        yield one
    one.assert_quiet()


@pytest.fixture
async def seen(server: Server, authority: Authority) -> AsyncIterator[Heads]:
    """Read what passes."""
    async with heads(server.port, authority) as one:
        yield one


Ask = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
def ask(seen: Heads, authority: Authority) -> Ask:
    """Give a client of HTTP/2 that knows nothing of byway."""

    async def asking(method: str, path: str, **options: Any) -> httpx.Response:
        # A connection each: Hypercorn 0.18 ends one on which more comes than it has answered.
        async with httpx.AsyncClient(
            http2=True, verify=authority.context(), trust_env=False, timeout=15
        ) as client:
            return await client.request(method, f"https://127.0.0.1:{seen.port}{path}", **options)

    return asking


@pytest.mark.parametrize("transport", HTTP)
async def test_no_session_over_http2_sends_a_forbidden_header(
    seen: Heads, authority: Authority, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("byway.transports.dial.WANTED", True)
    options = {"ssl": authority.context(), "memory": False}
    async with connect(f"https://127.0.0.1:{seen.port}/echo", transport, **options) as channel:
        assert channel.headers["x-answer"] == "from the handler"
        # Much, so that an upload is tried too; over polls httpcore would stand still with so much.
        messages: list[str | bytes] = [b"x" * 60_000] * (1 if transport == "poll" else 30)
        assert await exchange(channel, *messages) == messages
        assert await exchange(channel, "last") == ["last"]
        assert await channel.receive() is None
    with pytest.raises(byway.Refused):
        async with connect(f"https://127.0.0.1:{seen.port}/refuse", transport, **options):
            pass
    assert not seen.text, "all of it was HTTP/2"
    asked = {dict(head)[b"byway"] for head in seen.requests}
    assert asked == ({b"1"} if transport == "poll" else {b"1", b"up"})
    assert len(seen.answers) > 3
    assert [forbidden(head) for head in seen.requests + seen.answers if forbidden(head)] == []


async def test_no_other_answer_over_http2_has_a_forbidden_header(seen: Heads, ask: Ask) -> None:
    post = PROTOCOL_HEADERS
    asking = {
        "origin": "https://app.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "byway,content-type",
    }
    answers = {
        200: await ask("GET", "/news"),
        204: await ask("OPTIONS", "/echo", headers=asking),
        400: await ask("POST", "/echo", content=b"", headers=post),
        403: await ask("POST", "/refuse", content=hello_frame(answer="poll"), headers=post),
        405: await ask("PUT", "/echo", content=b"", headers=post),
        406: await ask("POST", "/echo", content=hello_frame(answer="pigeon"), headers=post),
        410: await ask("POST", "/echo", content=hello_frame(instance="x"), headers=post),
        415: await ask("POST", "/echo", content=b"", headers={**post, "content-type": "text/html"}),
        # A proxy may turn the rest of a handshake into a request of HTTP/2.
        426: await ask("GET", "/echo", headers={"sec-websocket-key": "x", **OFFER}),
    }
    events = await ask("GET", "/news", headers={"accept": "text/event-stream"})
    assert events.headers["content-type"].startswith("text/event-stream")
    refused = await ask("GET", "/refuse")
    assert refused.status_code == 403
    assert {status: one.status_code for status, one in answers.items()} == {
        status: status for status in answers
    }
    assert len(seen.answers) == len(answers) + 2
    assert [forbidden(head) for head in seen.answers if forbidden(head)] == []


OFFER = {"sec-websocket-protocol": SUBPROTOCOL}


@pytest.mark.parametrize(("path", "status"), [("/echo", b"200"), ("/refuse", b"403")])
async def test_no_websocket_over_http2_is_answered_with_a_forbidden_header(
    seen: Heads, authority: Authority, path: str, status: bytes
) -> None:
    hello = Hello(key=new_key(), carrier=1, received=0, room=1 << 20)
    offers = f"{SUBPROTOCOL}, {hello.token()}"
    assert await extended_connect(seen.port, authority.context(), path, offers) == status
    (answer,) = seen.answers
    assert dict(answer)[b":status"] == status
    assert forbidden(answer) == []


async def extended_connect(port: int, context: ssl.SSLContext, path: str, offers: str) -> bytes:
    """Ask for a WebSocket as RFC 8441 has it; return the status of the answer."""
    context.set_alpn_protocols(["h2"])
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    # What is forbidden has to arrive, to be seen.
    config = h2.config.H2Configuration(header_encoding=None, validate_inbound_headers=False)
    one = h2.connection.H2Connection(config)
    try:
        one.initiate_connection()
        writer.write(one.data_to_send())
        asked = False
        while data := await reader.read(65536):
            for event in one.receive_data(data):
                if isinstance(event, h2.events.RemoteSettingsChanged) and not asked:
                    asked = True
                    head = {
                        ":method": "CONNECT",
                        ":protocol": "websocket",
                        ":scheme": "https",
                        ":authority": f"127.0.0.1:{port}",
                        ":path": path,
                        "sec-websocket-version": "13",
                        "sec-websocket-protocol": offers,
                    }
                    one.send_headers(1, list(head.items()))
                if isinstance(event, h2.events.ResponseReceived):
                    return bytes(dict(event.headers)[b":status"])
            writer.write(one.data_to_send())
    finally:
        writer.transport.abort()
    raise AssertionError("no answer")


def worst(seen: Heads, authority: Authority, path: str) -> tuple[str, dict[str, Any]]:
    """Return a URL and options that make heads as long as is allowed, to a byte."""
    url = f"https://127.0.0.1:{seen.port}{path}?"
    headers = {"x-token": "t" * 1_000}
    names = [f"{number:02}".ljust(64, "p") for number in range(32)]
    room = ClientLimits().request_head - OWN - given(httpx.URL(url), headers.items(), names)
    options = {
        "ssl": authority.context(),
        "memory": False,
        "headers": headers,
        "subprotocols": names,
    }
    return url + "q" * room, options


@pytest.mark.parametrize("wanted", [True, False], ids=["HTTP/2", "HTTP/1.1"])
@pytest.mark.parametrize("path", ["/echo", "/cookies"])
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_no_head_is_longer_than_its_bound(
    seen: Heads,
    authority: Authority,
    transport: str,
    path: str,
    wanted: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("byway.transports.dial.WANTED", wanted)
    url, options = worst(seen, authority, path)
    async with connect(url, transport, **options) as channel:
        assert channel.subprotocol is None
        for number in range(3):
            assert await exchange(channel, str(number)) == [str(number)]
    assert max(seen.sizes) <= ClientLimits().request_head
    if transport == "websocket":  # over the others the subprotocols stand in the body
        assert max(seen.sizes) > ClientLimits().request_head - OWN
    assert bool(seen.up) is wanted or transport == "websocket"


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_what_byway_adds_to_a_head_is_little(
    seen: Heads, authority: Authority, transport: str
) -> None:
    url = f"https://127.0.0.1:{seen.port}/echo"
    async with connect(url, transport, ssl=authority.context(), memory=False) as channel:
        assert await exchange(channel, "hello") == ["hello"]
    # A name may have 250 characters more, an instance that somebody else chose 48.
    assert len(url) < max(seen.sizes) < OWN - 2 * 250 - 48


def test_a_head_that_would_be_too_long_is_refused(seen: Heads, authority: Authority) -> None:
    url, options = worst(seen, authority, "/echo")
    byway.connect(url, **options)
    with pytest.raises(UsageError, match="head of up to 8,193 bytes, over the 8,192"):
        byway.connect(url + "q", **options)
    byway.connect(url + "q", **options, limits=ClientLimits(request_head=9_000))
    for names in (["a" * 200] * 11, [f"p{number}" for number in range(33)]):
        with pytest.raises(UsageError, match="32 names of 2048 bytes together"):
            byway.connect("https://app.example/", subprotocols=names)


async def test_a_head_that_would_be_too_long_is_not_tried_by_the_doctor() -> None:
    with pytest.raises(UsageError, match=r"over the 8,192 of ClientLimits.request_head"):
        await byway.diagnose("https://app.example/", headers={"x-token": "t" * 8_000})


async def test_cookies_for_which_there_is_room_come_back(
    seen: Heads, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A load balancer knows by one where a session is."""
    monkeypatch.setattr("byway.transports.dial.WANTED", True)
    for room, kept in ((8_192, 2), (20_000, 4)):  # the longest are forgotten first
        before = len(seen.requests)
        async with connect(
            f"https://127.0.0.1:{seen.port}/cookies",
            "stream",
            ssl=authority.context(),
            memory=False,
            limits=ClientLimits(request_head=room),
        ) as channel:
            assert await exchange(channel, "hello") == ["hello"]
        cookies = [dict(head).get(b"cookie", b"") for head in seen.requests[before:]]
        assert {b"small=1" in one for one in cookies} == {False, True}  # the first brings none
        assert {one.count(b"=") for one in cookies} == {0, kept}


def test_a_forbidden_header_is_seen_where_it_travels() -> None:
    """Else none of these tests would say anything."""
    config = h2.config.H2Configuration(
        normalize_outbound_headers=False, validate_outbound_headers=False
    )
    one = h2.connection.H2Connection(config)
    one.initiate_connection()
    head = [(":method", "GET"), ("connection", "close"), ("te", "gzip"), ("te", "trailers")]
    one.send_headers(1, [*head, ("x-long", "x" * 40_000)], end_stream=True)
    data = one.data_to_send()
    for size in (1, 1000, len(data)):
        reader = FrameReader()
        for start in range(0, len(data), size):
            reader.feed(data[start : start + size])
        assert [forbidden(one) for one in reader.heads] == [
            [(b"connection", b"close"), (b"te", b"gzip")]
        ]
