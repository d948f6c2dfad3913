"""Sessions tied to a user: who has the key and not the cookie gets in nowhere."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

import byway
from tests.server.intruder import ENTRANCES, Intruder, Known, known
from tests.support.peers import connect, exchange
from tests.support.relay import relay
from tests.support.servers import Server, uvicorn
from tests.support.wire import RawSession

ALICE = {"cookie": "user=alice"}
OTHERS = [{"cookie": "user=mallory"}, {"cookie": "user=nobody"}, {}]
EVENTS = {"accept": "text/event-stream"}


@pytest.fixture(scope="module", params=["bound", "bound_later"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Serve applications that tie sessions to a cookie: an endpoint, and Starlette wrapped."""
    with uvicorn(f"tests.apps.secure_app:{request.param}") as one:
        yield one
    one.assert_quiet()


async def test_the_user_who_opened_a_session_goes_on_with_it(
    server: Server, transport: str
) -> None:
    """Each request and each handshake after a cut is one of the same user."""
    async with relay(server.port) as between:
        async with connect(between.url("/echo"), transport, headers=ALICE) as channel:
            for number in range(5):
                assert await exchange(channel, str(number)) == [str(number)]
                between.cut()


async def test_nobody_in_particular_is_a_user_too(server: Server, transport: str) -> None:
    async with connect(server.url("/echo"), transport) as channel:
        assert await exchange(channel, "x") == ["x"]


@pytest.mark.parametrize("entrance", ENTRANCES)
async def test_another_user_gets_in_nowhere_even_with_the_key(
    server: Server, http: httpx.AsyncClient, transport: str, entrance: str
) -> None:
    async with connect(server.url("/echo"), transport, headers=ALICE) as channel:
        session = known(channel)
        assert await exchange(channel, "before") == ["before"]
        for headers in OTHERS:
            intruder = Intruder(server, http, headers)
            status, text = await intruder.attempt(entrance, session)
            assert status == 403
            assert text.startswith("this request may not use this ")
            # What is there, and what not, is not told either.
            guess = Known(session.key, "another")
            assert await intruder.attempt(entrance, guess) == (status, text)
        assert await exchange(channel, "after") == ["after"]


async def test_a_session_is_resumed_over_a_websocket_by_its_user_only(
    server: Server, http: httpx.AsyncClient
) -> None:
    async with connect(server.url("/echo"), "poll", headers=ALICE) as channel:
        session = known(channel)
        status, _ = await Intruder(server, http, {"cookie": "user=mallory"}).attempt(
            "websocket", session
        )
        assert status == 403
        status, _ = await Intruder(server, http, ALICE).attempt("websocket", session)
        assert status == 101


async def test_what_one_user_was_refused_with_is_not_told_another(
    server: Server, http: httpx.AsyncClient
) -> None:
    http.headers.update(ALICE)
    session = RawSession(http, server.url("/refuse"))
    assert (await session.poll()).headers["byway"] == "refused"
    assert (await session.poll()).headers["byway"] == "refused"
    http.headers["cookie"] = "user=mallory"
    answer = await session.poll()
    assert (answer.status_code, answer.headers["byway"]) == (403, "error")


async def test_a_user_whom_bind_refuses_opens_nothing(server: Server, transport: str) -> None:
    with pytest.raises(byway.NoTransport) as caught:
        async with connect(
            server.url("/echo"), transport, headers={"cookie": "user=nobody"}, open_timeout=1.0
        ):
            pass
    assert caught.value.attempts[0].status == 403


async def test_an_event_source_of_another_user_does_not_go_on(http: httpx.AsyncClient) -> None:
    with uvicorn("tests.apps.secure_app:bound") as one:
        url = one.url("/count?count=3")
        async with http.stream("GET", url, headers=ALICE | EVENTS) as answer:
            seen = ""
            async for line in answer.aiter_lines():
                seen = line if line.startswith("id: ") else seen
                if seen:
                    break
        again = EVENTS | {"last-event-id": seen.removeprefix("id: ")}
        async with http.stream("GET", url, headers=again | OTHERS[0]) as answer:
            assert (answer.status_code, answer.headers["byway"]) == (403, "error")
        async with http.stream("GET", url, headers=again | ALICE) as answer:
            assert answer.status_code == 200
            lines = answer.aiter_lines()
            while "number 1" not in (line := await anext(lines)):
                assert "number 0" not in line, "it goes on after the one that it has"
    one.assert_quiet()
