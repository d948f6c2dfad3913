"""Answers: what an application puts into one makes no other, and none is taken for a page."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
import websockets

import byway
from byway import ServerLimits
from byway.limits import KIB
from tests.server.test_origin import ALLOWED, FOREIGN, preflight
from tests.support.peers import connect
from tests.support.servers import Server, hypercorn, uvicorn
from tests.support.wire import PROTOCOL_HEADERS, RawSession, hello_frame, raw_exchange

FORBIDDEN = ("line-break", "line-feed", "nul", "name", "colon", "empty", "long")
"""Headers of `tests.apps.secure_app` that may not be sent."""


@pytest.fixture(scope="module", params=["uvicorn", "hypercorn"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Serve an application that takes headers as they come."""
    serve = {"uvicorn": uvicorn, "hypercorn": hypercorn}[request.param]
    with serve("tests.apps.secure_app:answers") as one:
        yield one
    one.assert_quiet("byway.errors.UsageError")


@pytest.mark.parametrize("how", ["accept", "refuse"])
@pytest.mark.parametrize("which", FORBIDDEN)
async def test_a_header_that_would_split_the_answer_is_not_sent(
    server: Server, transport: str, how: str, which: str
) -> None:
    """The application is told, and its client gets a plain 500."""
    with pytest.raises(byway.Refused) as caught:
        async with connect(server.url(f"/answer/{how}/{which}"), transport):
            pass
    assert caught.value.status == 500
    assert caught.value.body == b"Internal Server Error"
    names = [name.lower() for name, _ in caught.value.headers]
    assert "x-answer" not in names
    assert "set-cookie" not in names


async def test_a_header_that_is_in_order_is_sent(server: Server, transport: str) -> None:
    async with connect(server.url("/answer/accept/fine"), transport) as channel:
        assert channel.headers["x-answer"] == "a\tb"
    with pytest.raises(byway.Refused) as caught:
        async with connect(server.url("/answer/refuse/fine"), transport):
            pass
    assert caught.value.status == 418
    assert ("x-answer", "a\tb") in [(name.lower(), value) for name, value in caught.value.headers]


async def test_a_refusal_that_is_too_long_is_cut(server: Server, http: httpx.AsyncClient) -> None:
    session = RawSession(http, server.url("/answer/refuse/fine"))
    answer = await session.poll()
    assert answer.status_code == 418
    assert len(answer.content) == ServerLimits().refusal_body == 64 * KIB


async def test_no_answer_of_byways_is_taken_for_a_page(
    named_server: Server, http: httpx.AsyncClient
) -> None:
    """`nosniff` and `no-store` are on each, whatever it says."""
    url = named_server.url("/echo")
    session = await RawSession(http, url).open()
    post = PROTOCOL_HEADERS
    answers = {
        200: await session.batch(b""),
        204: await http.options(url, headers=preflight(ALLOWED)),
        400: await http.post(url, content=b"", headers=post),
        403: await http.post(url, content=b"", headers=post | FOREIGN),
        405: await http.put(url, content=b"", headers=post),
        406: await http.post(url, content=hello_frame(answer="pigeon"), headers=post),
        410: await http.post(url, content=hello_frame(instance="x"), headers=post),
        415: await http.post(url, content=b"", headers=post | {"content-type": "text/html"}),
        426: await http.get(url, headers={"sec-websocket-key": "x", **BYWAY_OFFER}),
    }
    refused = await RawSession(http, named_server.url("/refuse")).poll()
    async with http.stream("GET", named_server.url("/info")) as lines:
        pass
    for answer in [*answers.values(), refused, lines]:
        assert answer.headers["x-content-type-options"] == "nosniff", answer
        assert "no-store" in answer.headers["cache-control"], answer
    assert {status: answer.status_code for status, answer in answers.items()} == {
        status: status for status in answers
    }


BYWAY_OFFER = {"sec-websocket-protocol": "byway.1"}


@pytest.fixture(scope="module")
def named_server() -> Iterator[Server]:
    """Serve Starlette wrapped, with readers."""
    with uvicorn("tests.apps.origins_app:named") as one:
        yield one
    one.assert_quiet()


async def test_a_refused_handshake_is_no_page_either(named_server: Server) -> None:
    for path in ("/refuse", "/echo"):
        with pytest.raises(websockets.InvalidStatus) as caught:
            async with websockets.connect(
                named_server.url(path, scheme="ws"),
                subprotocols=[websockets.Subprotocol("byway.1")],
                additional_headers=FOREIGN,
                proxy=None,
            ):
                pass
        assert caught.value.response.headers["x-content-type-options"] == "nosniff"


async def test_answers_to_pages_are_not_mixed_up_by_a_cache(
    named_server: Server, http: httpx.AsyncClient
) -> None:
    """What an answer says to a page depends on the page, whether it may read it or not."""
    for headers in (ALLOWED, FOREIGN, {"origin": named_server.url("")}):
        answer = await http.post(
            named_server.url("/echo"), content=b"", headers=PROTOCOL_HEADERS | headers
        )
        assert answer.headers["vary"] == "origin"


async def test_a_header_cannot_be_brought_in_by_a_preflight(named_server: Server) -> None:
    head = (
        f"OPTIONS /echo HTTP/1.1\r\nHost: x\r\nOrigin: {ALLOWED['origin']}\r\n"
        "Access-Control-Request-Headers: byway,\r\n x-folded: a, x-token\r\n\r\n"
    )
    status, headers, _ = await raw_exchange(named_server.port, head.encode())
    assert "x-folded" not in headers
    assert status in (204, 400)


async def test_a_callable_decides_on_origins_at_every_entrance(http: httpx.AsyncClient) -> None:
    friend = {"origin": "https://friend.example"}
    with uvicorn("tests.apps.secure_app:checked") as one:
        own = {"origin": one.url("")[:-1]}
        for transport in ("websocket", "stream", "sse", "poll"):
            async with connect(one.url("/echo"), transport, headers=friend) as channel:
                await channel.send("x")
                assert await channel.receive() == "x"
            for url, headers in (
                (one.url("/echo"), own),
                (one.url("/echo"), FOREIGN),
                (one.url("/info"), friend),
            ):
                with pytest.raises(byway.NoTransport) as caught:
                    async with connect(url, transport, headers=headers, open_timeout=1.0):
                        pass
                assert caught.value.attempts[0].status == 403
        assert (await http.options(one.url("/echo"), headers=preflight(friend))).status_code == 204
        assert (await http.options(one.url("/echo"), headers=preflight(own))).status_code == 403
        assert (await http.get(one.url("/echo"), headers=FOREIGN)).status_code == 403
    one.assert_quiet()
