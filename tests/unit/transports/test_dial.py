"""Dialling: what the client makes of answers, without a network."""

from __future__ import annotations

import gzip
from base64 import b64encode
from collections.abc import AsyncIterator

import pytest

from byway.errors import CarrierLost, FrameError
from byway.frames import HEADER, PAD, TEXT, Frame, decode_all, encode, encode_next
from byway.handshake import Open
from byway.http_library import httpx
from byway.limits import ClientLimits
from byway.runtime import LiveCarrier, LiveSession
from byway.transports.dial import Dial
from tests.unit.clock import timed

NO_HEADERS = httpx.Headers()


def opening(instance: str = "first", *, received: int = 0, batch: int = 1_000) -> Frame:
    """Return an OPEN as it arrives."""
    one = Open(
        instance=instance,
        transport="poll",
        received=received,
        room=500,
        heartbeat=7,
        window=70,
        silence=17,
        part=500,
        batch=batch,
    )
    return 17, one.frame()[HEADER.size :]


def text(number: int, payload: bytes) -> list[Frame]:
    """Return a text frame as it arrives."""
    return [(18, encode_next(number)[HEADER.size :]), (TEXT, payload)]


class Client:
    """A client's session and how it dials.

    Attributes:
        live: the session.
        dial: how it dials.
        opened: the carriers that have opened, in order.
    """

    def __init__(self) -> None:
        self.live = LiveSession(ClientLimits(), name="test")
        self.opened: list[LiveCarrier] = []
        self.dial = Dial(
            url=httpx.URL("http://app.example/"),
            headers=[],
            ssl=None,
            proxy=None,
            key="Kx3vT8qLw2ZrN5yBhE7uJd",
            subprotocols=("chat",),
            limits=ClientLimits(),
            on_open=lambda _, carrier, __: self.opened.append(carrier),
            on_plain=lambda _: NotImplemented,
        )

    def carrier(self, number: int) -> LiveCarrier:
        """Attach a carrier."""
        return self.live.attach(number, "poll", ordered=False)


@timed
async def test_without_a_check_a_second_instance_would_mix_two_runs_of_the_handler() -> None:
    client = Client()
    client.dial.feed(client.carrier(1), [opening(), *text(1, b"one")], NO_HEADERS)
    with pytest.raises(CarrierLost, match="another instance"):
        client.dial.feed(client.carrier(2), [opening("second"), *text(2, b"foreign")], NO_HEADERS)
    assert client.dial.instance == "first"
    assert await client.live.receive() == "one"
    assert client.live.core.inbox.received == 1
    assert [carrier.core.id for carrier in client.opened] == [1]


@timed
async def test_open_settles_what_the_two_sides_keep_to() -> None:
    client = Client()
    carrier = client.carrier(1)
    client.dial.feed(carrier, [opening()], NO_HEADERS)
    assert (client.dial.heartbeat, client.dial.silence, client.dial.patience) == (7, 17, 14)
    assert (client.live.window, client.live.batch) == (70, 1_000)
    assert carrier.opened.is_set()
    await client.live.send("there is room")
    assert client.live.core.pending(carrier.core)


@timed
async def test_the_first_frame_has_to_be_open() -> None:
    client = Client()
    carrier = client.carrier(1)
    with pytest.raises(FrameError, match="not OPEN"):
        client.dial.feed(carrier, text(1, b"one"), NO_HEADERS)
    assert client.live.core.inbox.received == 0
    assert not carrier.opened.is_set()


@timed
async def test_an_open_that_has_received_what_was_never_sent_opens_nothing() -> None:
    client = Client()
    with pytest.raises(FrameError, match="only 0 were sent"):
        client.dial.feed(client.carrier(1), [opening(received=5)], NO_HEADERS)
    assert client.opened == []


@timed
async def test_a_carrier_that_has_ended_takes_nothing_any_more() -> None:
    client = Client()
    carrier = client.carrier(1)
    client.dial.feed(carrier, [opening()], NO_HEADERS)
    carrier.end("cut")
    with pytest.raises(CarrierLost, match="cut"):
        client.dial.feed(carrier, text(1, b"late"), NO_HEADERS)
    assert client.live.core.inbox.received == 0


@timed
async def test_only_an_opening_offers_subprotocols_and_only_a_resumption_names_the_run() -> None:
    client = Client()
    carrier = client.carrier(1)
    first = client.dial.hello(carrier, "poll", poll=1)
    client.dial.feed(carrier, [opening()], NO_HEADERS)
    later = client.dial.hello(carrier, "ack")
    assert (first.instance, first.subprotocols) == (None, ("chat",))
    assert (later.instance, later.subprotocols) == ("first", ())


class Body(httpx.AsyncByteStream):
    """A body in pieces, as it comes from a connection."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Give the pieces."""
        for piece in self.pieces:
            yield piece


@timed
async def test_an_answer_with_an_end_is_never_unpacked() -> None:
    """A middlebox, or a server, could make a client hold a thousand times what it sends."""
    packed = gzip.compress(bytes(50_000_000))
    answer = httpx.Response(200, headers={"content-encoding": "gzip"}, stream=Body([packed]))
    with pytest.raises(FrameError, match="compressed, though not asked for"):
        await Client().dial.frames(answer)


TEXT_HEADERS = {"content-type": "text/plain; charset=utf-8"}


@timed
async def test_an_answer_as_text_holds_the_same_frames_within_the_same_bound() -> None:
    dial = Client().dial
    frames = encode(PAD, b"x" * 1000) * 3
    answer = httpx.Response(200, headers=TEXT_HEADERS, stream=Body([b64encode(frames)]))
    assert await dial.frames(answer) == decode_all(frames, max_frame=2000)
    most = encode(PAD, bytes(60_000)) * (dial.limits.body // 60_005)
    answer = httpx.Response(200, headers=TEXT_HEADERS, stream=Body([b64encode(most)]))
    assert len(await dial.frames(answer)) > 1
    pieces = [b"AAAA" * 10_000] * 1000
    with pytest.raises(FrameError, match="over the limit") as caught:
        await dial.frames(httpx.Response(200, headers=TEXT_HEADERS, stream=Body(pieces)))
    assert caught.value.status == 413


@timed
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<h1>Welcome</h1>", "not base64"),
        (b64encode(encode(PAD, b"abc"))[:-4], "ends inside a frame"),
        (b64encode(encode(PAD, b"abc")) + b"=", "not base64"),
    ],
)
async def test_an_answer_as_text_that_holds_no_frames_is_an_error(body: bytes, reason: str) -> None:
    answer = httpx.Response(200, headers=TEXT_HEADERS, stream=Body([body]))
    with pytest.raises(FrameError, match=reason):
        await Client().dial.frames(answer)


@timed
async def test_an_older_server_that_is_asked_for_text_is_understood() -> None:
    """It passes the wish over, and says so in its content type."""
    dial = Client().dial
    dial.form.text = True
    frames = encode(PAD, b"abc")
    headers = {"content-type": "application/octet-stream"}
    answer = httpx.Response(200, headers=headers, stream=Body([frames]))
    assert await dial.frames(answer) == [(PAD, b"abc")]


@timed
async def test_an_answer_with_an_end_is_bounded() -> None:
    client = Client()
    fits = encode(PAD, bytes(60_000)) * (client.dial.limits.body // 60_005)
    assert len(await client.dial.frames(httpx.Response(200, stream=Body([fits])))) > 1
    pieces = [fits] * 1000
    with pytest.raises(FrameError, match="over the limit") as caught:
        await client.dial.frames(httpx.Response(200, stream=Body(pieces)))
    assert caught.value.status == 413


def cookie(server: str, **more: str) -> httpx.Headers:
    """Return the headers of a response that a load balancer has marked."""
    return httpx.Headers({"set-cookie": f"SRV={server}; Path=/", **more})


@timed
async def test_the_cookie_of_the_session_s_own_server_is_kept() -> None:
    """Two openings may reach two servers; what the slower one sets would lead all else astray."""
    client = Client()
    mine, foreign = cookie("s1", byway="stream"), cookie("s2", byway="stream")
    client.dial.learn(200, mine, opens=True)
    assert client.dial.outgoing == [("cookie", "SRV=s1")], "until OPEN came any may be the one"
    client.dial.learn(200, foreign, opens=True)
    client.dial.feed(client.carrier(1), [opening()], mine)
    assert client.dial.outgoing == [("cookie", "SRV=s1")]
    client.dial.learn(101, foreign, opens=True)
    with pytest.raises(CarrierLost, match="another instance"):
        client.dial.feed(client.carrier(2), [opening("second")], foreign)
    client.dial.learn(410, cookie("s2", byway="error"), opens=True)
    client.dial.learn(410, cookie("s2", byway="error"), opens=False)
    assert client.dial.outgoing == [("cookie", "SRV=s1")]


@timed
async def test_every_other_response_s_cookies_are_taken() -> None:
    client = Client()
    client.dial.feed(client.carrier(1), [opening()], NO_HEADERS)
    for number, (status, mark, opens) in enumerate(
        [(200, "ack", False), (403, "", True), (503, "error", True), (101, "", True)]
    ):
        client.dial.learn(status, cookie(f"s{number}", byway=mark), opens=opens)
        assert client.dial.outgoing == [("cookie", f"SRV=s{number}")], (status, mark)
    client.dial.feed(client.carrier(2), [opening()], cookie("s9"))
    assert client.dial.outgoing == [("cookie", "SRV=s9")]
