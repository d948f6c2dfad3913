"""Pages of other origins: who may connect, on real requests and handshakes."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
import websockets

import byway
from tests.support.peers import connect
from tests.support.servers import Server, uvicorn
from tests.support.wire import PROTOCOL_HEADERS, RawSession, hello_frame

FOREIGN = {"origin": "https://evil.example"}
ALLOWED = {"origin": "https://app.example"}


@pytest.fixture(scope="module")
def named() -> Iterator[Server]:
    """Serve pages of https://app.example too."""
    with uvicorn("tests.apps.origins_app:named") as server:
        yield server
    server.assert_quiet()


@pytest.fixture(scope="module")
def anybody() -> Iterator[Server]:
    """Serve pages of every origin."""
    with uvicorn("tests.apps.origins_app:anybody") as server:
        yield server
    server.assert_quiet()


def preflight(origin: dict[str, str]) -> dict[str, str]:
    """Return the headers of a browser's preflight for byway's requests."""
    return {
        **origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "byway, content-type",
    }


async def test_programs_name_no_origin_and_may_connect(named: Server, transport: str) -> None:
    async with connect(named.url("/echo"), transport):
        pass


async def test_a_foreign_page_may_not_connect(named: Server, transport: str) -> None:
    with pytest.raises(byway.NoTransport) as caught:
        async with connect(named.url("/echo"), transport, headers=FOREIGN, open_timeout=1.0):
            pass
    assert caught.value.attempts[0].status == 403
    assert "https://evil.example" in caught.value.attempts[0].error


async def test_the_servers_own_page_may_connect(named: Server, transport: str) -> None:
    own = {"origin": f"http://127.0.0.1:{named.port}"}
    async with connect(named.url("/echo"), transport, headers=own):
        pass


async def test_a_page_behind_a_proxy_that_rewrites_host_may_connect(
    named: Server, transport: str
) -> None:
    headers = {"origin": "https://public.example", "x-forwarded-host": "public.example"}
    async with connect(named.url("/echo"), transport, headers=headers):
        pass


async def test_an_allowed_page_may_connect_and_read(named: Server, http: httpx.AsyncClient) -> None:
    session = await RawSession(http, named.url("/echo")).open()
    answer = await http.post(
        named.url("/echo"), content=session.hello(answer="ack"), headers=PROTOCOL_HEADERS | ALLOWED
    )
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert "byway" in answer.headers["access-control-expose-headers"]
    assert "origin" in answer.headers["vary"].lower()


async def test_an_allowed_page_can_read_errors_too(named: Server, http: httpx.AsyncClient) -> None:
    answer = await http.post(named.url("/echo"), content=b"no", headers=PROTOCOL_HEADERS | ALLOWED)
    assert answer.status_code == 400
    assert answer.headers["access-control-allow-origin"] == "https://app.example"


async def test_a_preflight_of_an_allowed_page_is_answered(
    named: Server, http: httpx.AsyncClient
) -> None:
    answer = await http.options(named.url("/echo"), headers=preflight(ALLOWED))
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == "byway, content-type"


async def test_a_preflight_of_a_foreign_page_is_refused(
    named: Server, http: httpx.AsyncClient
) -> None:
    answer = await http.options(named.url("/echo"), headers=preflight(FOREIGN))
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


async def test_anybody_may_be_allowed_but_without_credentials(
    anybody: Server, http: httpx.AsyncClient
) -> None:
    answer = await http.options(anybody.url("/echo"), headers=preflight(FOREIGN))
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    async with connect(anybody.url("/echo"), "stream", headers=FOREIGN) as channel:
        assert channel.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 200),  # a link on a page of a sibling, for instance
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        (FOREIGN, 403),
        (ALLOWED, 200),
        ({"origin": "null"}, 403),
        ({}, 200),
    ],
)
async def test_a_readers_get_is_checked_too(
    named: Server, http: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    async with http.stream("GET", named.url("/info"), headers=headers) as answer:
        assert answer.status_code == status


async def test_a_foreign_pages_plain_websocket_is_the_applications_business(
    named: Server,
) -> None:
    """Byway adds nothing to it and takes nothing away, as if it were not there."""
    async with websockets.connect(
        named.url("/echo", scheme="ws"),
        additional_headers=FOREIGN,
        proxy=None,
    ) as socket:
        await socket.send("hello")
        assert await socket.recv() == "hello"


async def test_a_form_of_a_foreign_page_cannot_speak_the_protocol(
    named: Server, http: httpx.AsyncClient
) -> None:
    """A form can send a body without a preflight, but not the header `Byway`."""
    answer = await http.post(
        named.url("/echo"),
        content=hello_frame(),
        headers={"content-type": "application/byway"},
    )
    assert answer.status_code == 400
    assert answer.headers["byway"] == "error"


async def test_an_endpoint_refuses_the_plain_websocket_of_a_foreign_page(
    endpoint_server: Server,
) -> None:
    url = endpoint_server.url("/echo", scheme="ws")
    with pytest.raises(websockets.InvalidStatus) as caught:
        async with websockets.connect(url, origin=websockets.Origin(FOREIGN["origin"])):
            pass
    assert caught.value.response.status_code == 403


async def test_an_endpoint_serves_the_plain_websocket_of_its_own_page(
    endpoint_server: Server,
) -> None:
    own = websockets.Origin(f"http://127.0.0.1:{endpoint_server.port}")
    url = endpoint_server.url("/echo", scheme="ws")
    async with websockets.connect(url, origin=own) as socket:
        await socket.send("hello")
        assert await socket.recv() == "hello"
