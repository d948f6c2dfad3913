"""Probes on real servers: the handler does not run, bounds hold, and sessions are left alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import byway
from byway import UsageError
from byway.doctor.probing import Probing, Way
from byway.handshake import PROBE
from byway.http_library import httpx
from tests.support.peers import connect
from tests.support.servers import Server, uvicorn
from tests.support.wire import OPEN, PROTOCOL_HEADERS, TEXT, RawSession, hello_frame, numbered

TIMEOUT = 10.0


@pytest.fixture(scope="module")
def bounded() -> Iterator[Server]:
    """Serve two probes of an address at most, for a second each."""
    with uvicorn("tests.apps.doctor_app:bounded") as server:
        yield server
    server.assert_quiet()


def probe(server: Server, transport: str, **headers: str) -> Probing:
    """Return a probe that has not begun."""
    asks = list(headers.items())
    way = Way(httpx.URL(server.url("/echo")), asks, None, None, as_page="origin" not in headers)
    return Probing(transport, way, timeout=TIMEOUT)


async def proven(probing: Probing) -> bool:
    """Wait until a probe's carrier is proven, or the probe has ended."""
    return await probing.until(lambda: probing.proven is not None, probing.started + TIMEOUT)


async def test_a_probe_echoes_without_the_handler(bounded: Server, transport: str) -> None:
    mark = bounded.log.mark()
    async with probe(bounded, transport) as probing:
        assert await proven(probing)
        await probing.live.send(b"x" * 1000)
        assert await probing.until(lambda: probing.echoed == 1000, probing.started + TIMEOUT)
    lines = [line for line in bounded.log.since(mark) if "byway" in line or "tests.app" in line]
    assert len(lines) == 1, lines
    assert lines[0].startswith("INFO byway.server: probe ")
    assert "of /echo from 127.0.0.1" in lines[0]


async def test_an_application_that_refuses_everybody_does_not_refuse_a_probe(
    endpoint_server: Server, transport: str
) -> None:
    """It says what the network does, not who may come in."""
    way = Way(httpx.URL(endpoint_server.url("/refuse")), [], None, None)
    async with Probing(transport, way, timeout=TIMEOUT) as probing:
        assert await proven(probing)
    with pytest.raises(byway.Refused):
        async with connect(endpoint_server.url("/refuse"), transport):
            pass


async def test_one_more_probe_of_an_address_is_answered_429(
    bounded: Server, http: httpx.AsyncClient
) -> None:
    async with probe(bounded, "stream") as one, probe(bounded, "websocket") as two:
        assert await proven(one)
        assert await proven(two)
        mark = bounded.log.mark()
        body = hello_frame(answer="poll", poll=1, subprotocols=[PROBE])
        answer = await http.post(bounded.url("/echo"), content=body, headers=PROTOCOL_HEADERS)
        assert answer.status_code == 429
        assert answer.headers["byway"] == "error"
        assert answer.headers["retry-after"] == "5"
        assert "this address already has 2 probes" in answer.text
        await bounded.log.seen("WARNING byway.server: refused POST /echo .*429", since=mark)


async def test_a_probe_that_finds_no_place_waits_for_one(bounded: Server) -> None:
    async with probe(bounded, "stream") as one, probe(bounded, "websocket") as two:
        assert await proven(one)
        assert await proven(two)
        async with probe(bounded, "poll") as three:
            # The others are over after their second.
            assert await proven(three)
            assert {getattr(loss.error, "answered", None) for loss in three.losses} == {429}


async def test_a_probe_ends_when_its_time_is_up(bounded: Server, transport: str) -> None:
    async with probe(bounded, transport) as probing:
        assert await proven(probing)
        await probing.live.send("hello")
        await probing.until(lambda: probing.closed is not None, probing.started + TIMEOUT)
        assert probing.closed is not None
        assert probing.closed.code == 1000
        assert probing.closed.reason == "a probe lasts 1 s at most"
        assert probing.losses == []


async def test_a_page_of_another_origin_may_not_probe(bounded: Server, transport: str) -> None:
    async with probe(bounded, transport, origin="https://evil.example") as probing:
        assert not await proven(probing)
        (loss,) = probing.losses
    assert isinstance(loss.error, byway.CarrierLost)
    assert loss.error.answered == 403
    assert loss.error.mark == "error"


async def test_a_probe_does_not_disturb_a_session(endpoint_server: Server, transport: str) -> None:
    async with connect(endpoint_server.url("/echo"), transport) as channel:
        async with probe(endpoint_server, transport) as probing:
            assert await proven(probing)
            await channel.send("hello")
            assert await channel.receive() == "hello"
        await channel.send("and after")
        assert await channel.receive() == "and after"


async def test_a_message_over_the_bound_of_a_probe_closes_it(bounded: Server) -> None:
    async with probe(bounded, "poll") as probing:
        assert await proven(probing)
        await probing.live.send(b"x" * (33 * 1024))
        await probing.until(lambda: probing.closed is not None, probing.started + TIMEOUT)
        assert probing.closed is not None
        assert probing.closed.code == 1009


async def test_a_probe_that_hears_nothing_ends_its_answer(http: httpx.AsyncClient) -> None:
    """What a network holds back arrives when the answer ends; so it has to end."""
    with uvicorn("tests.apps.doctor_app:impatient") as server:
        session = RawSession(http, server.url("/echo"))
        answer = await session.post(session.hello(answer="stream", subprotocols=[PROBE]))
        assert answer.status_code == 200
        assert answer.headers["byway"] == "stream"
        assert [kind for kind, _ in session.take(answer)] == [OPEN]
        late = await session.batch(numbered(1, (TEXT, b"x")))
        assert late.status_code == 410


def test_an_application_cannot_offer_a_probe_by_mistake() -> None:
    with pytest.raises(UsageError, match="reserved for byway"):
        byway.connect("http://app.example/", subprotocols=[PROBE])
