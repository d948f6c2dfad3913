"""Gateways that block responses by their type: the text form takes the place of what is blocked."""

from __future__ import annotations

import binascii
import json

import httpx
import pytest

import byway
from byway import ClientLimits
from byway.frames import decode_all
from byway.testing import BlockTypes, Latency, Network, RefuseUpgrade, Request, Rule
from byway.transports.http import batches
from tests.support.peers import exchange
from tests.support.proxies import squid
from tests.support.servers import Server
from tests.support.wire import ACK, CLOSE, OPEN, TEXT, RawSession, encode_ping, numbered

BINARY = "application/octet-stream"
ROUNDS = 30

POLICY = """
acl programs rep_mime_type -i ^application/octet-stream$
http_reply_access deny programs
"""
"""A file-type policy of Squid's."""


def form(request: Request) -> str:
    """Return what a request says that it accepts."""
    return dict(request.headers).get("accept", "")


def went_back(network: Network) -> int:
    """Count the requests for the form that is blocked after the first for the other one."""
    forms = [form(one) for one in network.requests]
    first = next(number for number, one in enumerate(forms) if one.startswith("text/plain"))
    return forms[first:].count(BINARY)


async def settled(channel: byway.Channel, network: Network) -> None:
    """Echo, and see that what is blocked is not asked for again and again."""
    for number in range(ROUNDS):
        assert await exchange(channel, f"{number} ☃") == [f"{number} ☃"]
    assert await exchange(channel, bytes(range(256)) * 300) == [bytes(range(256)) * 300]
    assert network.counters.cut > 0, "the network has blocked nothing"
    assert went_back(network) < batches.MAX_IN_FLIGHT, "more than those that were on their way"


@pytest.mark.parametrize("status", [403, 200, 302, None])
@pytest.mark.parametrize(
    ("transports", "used"), [("stream, sse, poll", "sse"), ("sse", "sse"), ("poll", "poll")]
)
async def test_a_session_asks_for_text_where_the_other_form_is_blocked(
    status: int | None, transports: str, used: str, endpoint_server: Server
) -> None:
    mark = endpoint_server.log.mark()
    rules = (RefuseUpgrade(403), BlockTypes(status=status))
    async with Network(endpoint_server.port, *rules) as network:
        async with byway.connect(
            network.url + "/echo", transports=transports, proxy=None, memory=False
        ) as channel:
            await settled(channel, network)
            assert channel.transport == used
    assert channel.code == 1000
    opened = [line for line in endpoint_server.log.since(mark) if "opened at" in line]
    assert len(opened) == 1, "the handler did not run exactly once"


async def test_where_event_streams_are_blocked_as_well_polls_go_on_as_text(
    endpoint_server: Server,
) -> None:
    rule = BlockTypes(types=(BINARY, "text/event-*"))
    async with Network(endpoint_server.port, "refuse-403", rule) as network:
        async with byway.connect(network.url + "/echo", proxy=None, memory=False) as channel:
            await settled(channel, network)
            assert channel.transport == "poll"
            report = channel.report()
    found = {one.transport: one.outcome for one in report.findings}
    assert found["stream"] == found["sse"] == "blocked by type (403)"
    assert "allow POST" not in str(report)


async def test_a_policy_that_comes_later_is_noticed_by_the_next_response(
    endpoint_server: Server,
) -> None:
    """And one that goes: a session does not stay with a form that is blocked."""
    async with Network(endpoint_server.port) as network:
        async with byway.connect(
            network.url + "/echo", transports="poll", proxy=None, memory=False
        ) as channel:
            assert await exchange(channel, "open") == ["open"]
            assert {form(one) for one in network.requests} == {BINARY}
            network.use(BlockTypes())
            assert await exchange(channel, "binary is blocked") == ["binary is blocked"]
            network.use(BlockTypes(types=("text/*",)))
            assert await exchange(channel, "text is blocked") == ["text is blocked"]
            network.use()
            assert await exchange(channel, "none is blocked") == ["none is blocked"]
            assert form(network.requests[-1]) == BINARY
    assert channel.code == 1000


@pytest.mark.parametrize("rule", [BlockTypes(), BlockTypes(status=None)], ids=repr)
async def test_several_batches_that_are_blocked_at_once_change_the_form_and_not_back(
    rule: Rule, endpoint_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BUSY", 1_000)  # no upload takes their place before they are back
    async with Network(endpoint_server.port, rule, Latency(ms=25)) as network:
        async with byway.connect(
            network.url + "/echo",
            transports="sse",
            proxy=None,
            memory=False,
            limits=ClientLimits(batch=1024, part=512),
        ) as channel:
            for number in range(100):
                await channel.send(f"{number} {'x' * 200}")
            for number in range(100):
                assert await channel.receive() == f"{number} {'x' * 200}"
        forms = [form(one) for one in network.requests if form(one) != "text/event-stream"]
    assert forms.count(BINARY) > 1, "they were not on their way at once"
    assert went_back(network) < batches.MAX_IN_FLIGHT, forms


async def test_an_upload_gets_through_and_its_response_is_text(endpoint_server: Server) -> None:
    async with Network(endpoint_server.port, BlockTypes()) as network:
        async with byway.connect(
            network.url + "/echo", transports="sse", proxy=None, memory=False
        ) as channel:
            for number in range(60):
                assert await exchange(channel, str(number)) == [str(number)]
            before = network.counters.posts
            for number in range(60):
                assert await exchange(channel, str(number)) == [str(number)]
            assert network.counters.posts == before, "no upload was used"
            blocked = network.counters.cut
            uploads = [one for one in network.requests if dict(one.headers).get("byway") == "up"]
            assert form(uploads[-1]).startswith("text/plain")
    assert network.counters.cut == blocked, "the response of the upload was blocked"


async def test_behind_a_real_policy_of_squids(endpoint_server: Server) -> None:
    with squid(POLICY) as proxy:
        async with byway.connect(
            endpoint_server.url("/echo"),
            transports="stream, sse, poll",
            proxy=proxy.url(),
            memory=False,
        ) as channel:
            for number in range(ROUNDS):
                assert await exchange(channel, str(number)) == [str(number)]
            assert channel.transport == "sse"
            report = channel.report()
        log = await proxy.access_log("TCP_DENIED_REPLY/403")
    assert report.finding("stream").outcome == "blocked by type (403)"
    assert (
        "Squid replaced its response by one with status 403: it blocks responses of type"
        in report.finding("stream").why
    )
    denied = [line for line in log.splitlines() if "DENIED" in line]
    assert len(denied) <= 3, "what is blocked was asked for again and again"


# On the wire


def frames_of(response: httpx.Response) -> list[tuple[int, bytes]]:
    """Return the frames of a response in the text form."""
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-store, no-transform"
    data = binascii.a2b_base64(response.content, strict_mode=True)
    return decode_all(data, max_frame=1 << 20)


async def test_the_responses_that_have_an_end_are_text_where_hello_asks_for_it(
    endpoint_server: Server, http: httpx.AsyncClient
) -> None:
    session = RawSession(http, endpoint_server.url("/echo"))
    body = session.hello(answer="poll", poll=1, form="text")
    response = await session.post(body)
    assert response.headers["byway"] == "poll"
    ((kind, payload),) = frames_of(response)
    assert kind == OPEN
    session.instance = json.loads(payload)["instance"]
    acknowledged = await session.batch(numbered(1, (TEXT, b"hello")), form="text")
    assert acknowledged.headers["byway"] == "ack"
    assert [kind for kind, _ in frames_of(acknowledged)] == [ACK]
    poll = session.hello(answer="poll", poll=2, form="text")
    assert (TEXT, b"hello") in frames_of(await session.post(poll))
    late = session.hello(answer="poll", poll=1, form="text")
    assert frames_of(await session.post(late)) == []
    close = numbered(2, (CLOSE, (1000).to_bytes(2, "big")))
    up = session.hello(answer="up", form="text") + encode_ping(1, b"x") + close
    ended = await http.post(
        session.url, content=up, headers={"content-type": "application/byway", "byway": "up"}
    )
    assert ended.headers["byway"] == "up"
    assert [kind for kind, _ in frames_of(ended)] == [ACK]


async def test_a_poll_that_is_repeated_in_the_other_form_has_the_same_frames(
    endpoint_server: Server, http: httpx.AsyncClient
) -> None:
    """Which is what a client does whose first response was blocked."""
    session = RawSession(http, endpoint_server.url("/echo"))
    first = await session.post(session.hello(answer="poll", poll=1))
    again = await session.post(session.hello(answer="poll", poll=1, form="text"))
    assert frames_of(again) == decode_all(first.content, max_frame=1 << 20)


async def test_an_unknown_form_is_passed_over(
    endpoint_server: Server, http: httpx.AsyncClient
) -> None:
    session = RawSession(http, endpoint_server.url("/echo"))
    response = await session.post(session.hello(answer="poll", poll=1, form="later"))
    assert response.headers["content-type"] == BINARY
    assert response.status_code == 200


@pytest.mark.parametrize("form", ["", "a b", 7, [], {}, "x" * 300])
async def test_a_form_that_is_no_token_is_refused(
    form: object, endpoint_server: Server, http: httpx.AsyncClient
) -> None:
    session = RawSession(http, endpoint_server.url("/echo"))
    response = await session.post(session.hello(answer="poll", poll=1, form=form))
    assert response.status_code == 400
    assert response.headers["byway"] == "error"
    assert "HELLO: 'form' must be a token" in response.text
