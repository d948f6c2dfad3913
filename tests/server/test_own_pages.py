"""Own pages behind a proxy that changes `Host`: what they may do without `Sec-Fetch-Site`.

Browsers say `Sec-Fetch-Site` to https and to localhost only. The page's origin here is another
than the host that is asked, as behind nginx's plain `proxy_pass`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from byway.frames import OPEN, decode_all
from tests.server.scene import UVICORNS_OWN
from tests.support.peers import connect, exchange
from tests.support.servers import Server, uvicorn
from tests.support.wire import PROTOCOL_HEADERS, TEXT, RawSession, http_client, numbered

PAGE = {"origin": "http://public.example"}
SECURE_PAGE = {"origin": "https://public.example", "sec-fetch-site": "same-origin"}
ALICE = {"cookie": "user=alice"}
HTTP = ("stream", "sse", "poll")
REFUSED = "WARNING byway.server: refused "


@pytest.fixture(scope="module")
def bound() -> Iterator[Server]:
    """Serve sessions that are tied to a cookie."""
    with uvicorn("tests.apps.secure_app:bound") as one:
        yield one
    one.assert_quiet()


async def opened_by(server: Server, http: httpx.AsyncClient) -> RawSession:
    """Open a session as the page does, over HTTP."""
    return await RawSession(http, server.url("/echo")).open()


@asynccontextmanager
async def page_client(**headers: str) -> AsyncIterator[httpx.AsyncClient]:
    """Give the HTTP client of a page."""
    async with http_client() as http:
        http.headers.update(headers)
        yield http


@asynccontextmanager
async def handshake(
    server: Server, session: RawSession, headers: dict[str, str], *, instance: bool = True
) -> AsyncIterator[ClientConnection]:
    """Open a WebSocket for a session."""
    token = f"byway.1.{session.key}.{session.numbered}.1048576.7"
    if instance:
        token += f".{session.instance}"
    async with websockets.connect(
        server.url("/echo", scheme="ws"),
        subprotocols=[websockets.Subprotocol("byway.1"), websockets.Subprotocol(token)],
        additional_headers=headers,
        proxy=None,
    ) as socket:
        yield socket


async def refused(
    server: Server, session: RawSession, headers: dict[str, str], *, instance: bool = True
) -> int:
    """Open a WebSocket in vain, and return the status that came in its place."""
    with pytest.raises(websockets.InvalidStatus) as caught:
        async with handshake(server, session, headers, instance=instance):
            pass
    return caught.value.response.status_code


@pytest.mark.parametrize("transport", HTTP)
async def test_a_page_opens_over_http(endpoint_server: Server, transport: str) -> None:
    async with connect(endpoint_server.url("/echo"), transport, headers=PAGE) as channel:
        assert await exchange(channel, "x") == ["x"]
        assert "access-control-allow-origin" not in channel.headers
        assert "access-control-allow-credentials" not in channel.headers


async def test_its_websocket_does_not_open_but_moves_what_it_has_opened(
    endpoint_server: Server,
) -> None:
    async with page_client(**PAGE) as http:
        session = await opened_by(endpoint_server, http)
        assert await refused(endpoint_server, session, PAGE, instance=False) == 403
        async with handshake(endpoint_server, session, PAGE) as socket:
            first = await socket.recv()
            assert isinstance(first, bytes)
            (kind, payload), *_ = decode_all(first, max_frame=1 << 20)
            assert kind == OPEN
            assert json.loads(payload)["instance"] == session.instance
            assert "promote" not in json.loads(payload)


@pytest.mark.parametrize(
    "other",
    [
        {"origin": "http://public.example:8080"},
        {"origin": "http://PUBLIC.example"},
        {"origin": "https://public.example"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {**PAGE, "sec-fetch-site": "cross-site"},
    ],
)
async def test_a_session_is_moved_by_its_own_origin_byte_for_byte(
    endpoint_server: Server, other: dict[str, str]
) -> None:
    async with page_client(**PAGE) as http:
        session = await opened_by(endpoint_server, http)
        assert await refused(endpoint_server, session, other) == 403
        answer = await session.poll(numbered(1, (TEXT, b"here")))
        assert answer.status_code == 200  # it has noticed nothing


async def test_a_page_moves_no_session_of_a_program(endpoint_server: Server) -> None:
    async with http_client() as http:
        session = await opened_by(endpoint_server, http)
        assert await refused(endpoint_server, session, PAGE) == 403


async def test_without_the_key_or_the_instance_nothing_moves(endpoint_server: Server) -> None:
    async with page_client(**PAGE) as http:
        session = await opened_by(endpoint_server, http)
        guess = RawSession(http, session.url, instance=session.instance)
        assert await refused(endpoint_server, guess, PAGE) == 410
        guess = RawSession(http, session.url, key=session.key, instance="another")
        assert await refused(endpoint_server, guess, PAGE) == 410


async def test_another_user_moves_nothing(bound: Server) -> None:
    async with page_client(**PAGE, **ALICE) as http:
        session = await opened_by(bound, http)
        strangers: list[dict[str, str]] = [
            {},
            {"cookie": "user=mallory"},
            {"cookie": "user=nobody"},
        ]
        for who in strangers:
            assert await refused(bound, session, PAGE | who) == 403
        async with handshake(bound, session, PAGE | ALICE) as socket:
            assert await socket.recv()


@pytest.mark.parametrize(
    ("page", "promote"),
    [(PAGE, True), (SECURE_PAGE, True), ({}, None), ({"origin": "own"}, None)],
)
async def test_open_says_when_a_websocket_is_worth_another_try(
    endpoint_server: Server, page: dict[str, str], promote: bool | None
) -> None:
    if page.get("origin") == "own":
        page = {"origin": endpoint_server.url("")}
    async with page_client(**page) as http:
        session = await opened_by(endpoint_server, http)
        ((_, payload),) = [one for one in session.frames if one[0] == OPEN]
        assert json.loads(payload).get("promote") is promote


async def test_a_handshake_without_its_upgrade_is_told_so(endpoint_server: Server) -> None:
    """A plain nginx leaves nothing but a GET of it, which opens nothing."""
    headers = {"sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==", "sec-websocket-protocol": "byway.1"}
    async with page_client(**headers) as http:
        own = await http.get(endpoint_server.url("/echo"), headers=PAGE)
        assert own.status_code == 426
        foreign = await http.get(endpoint_server.url("/echo"), headers={"origin": "null"})
        assert foreign.status_code == 403


async def test_a_plain_websocket_of_such_a_page_is_refused_at_an_endpoint(
    endpoint_server: Server,
) -> None:
    """It can bring no proof: neither a preflight nor a session."""
    with pytest.raises(websockets.InvalidStatus) as caught:
        async with websockets.connect(
            endpoint_server.url("/echo", scheme="ws"), additional_headers=PAGE, proxy=None
        ):
            pass
    assert caught.value.response.status_code == 403


async def test_a_post_without_the_header_byway_proves_nothing(endpoint_server: Server) -> None:
    async with page_client(**PAGE) as http:
        headers = {"content-type": PROTOCOL_HEADERS["content-type"]}
        answer = await http.post(endpoint_server.url("/echo"), content=b"", headers=headers)
        assert answer.status_code == 403


async def test_the_log_names_an_origin_and_its_cure_once_a_minute() -> None:
    with uvicorn("tests.apps.endpoint_app:app") as server:
        async with http_client() as http:
            for _ in range(3):
                for number in (1, 2):
                    page = {"origin": f"https://{number}.example", **PROTOCOL_HEADERS}
                    assert (await http.post(server.url("/echo"), headers=page)).status_code == 403
                    assert (await http.get(server.url("/echo"), headers=page)).status_code == 403
            # Every other refusal is a line of its own.
            for _ in range(2):
                await http.post(server.url("/echo"), headers={**PROTOCOL_HEADERS, "byway": "2"})
        lines = [line for line in server.log.lines if line.startswith(REFUSED)]
    assert len(lines) == 4, lines
    for number in (1, 2):
        (line,) = (one for one in lines if f"https://{number}.example" in one)
        assert f'origins=["https://{number}.example"]' in line
        assert "proxy_set_header Host $http_host;" in line
    assert UVICORNS_OWN not in lines
