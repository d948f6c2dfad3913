"""A session in an event loop: who waits, for what, and for how long."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from byway.errors import CarrierLost, ChannelClosed, FrameError, UsageError
from byway.frames import (
    HEADER,
    LEAVE,
    TEXT,
    Frame,
    decode_all,
    encode,
    encode_beat,
    encode_close,
    encode_next,
)
from byway.limits import ServerLimits
from byway.runtime import LiveCarrier, LiveSession
from byway.session import BYWAY, READER, Closed, Intake, Message, Output, Peer, State, joined
from tests.unit.clock import now, settle, timed

LIMITS = ServerLimits(outbox=300, inbox=400, window=30, heartbeat=10, silence=25)
ROOM = 1_000_000
FULL = bytes(LIMITS.outbox)


def live(*, peer: Peer = BYWAY) -> LiveSession:
    """Return a session whose peer has announced room."""
    one = LiveSession(LIMITS, name="test", peer=peer)
    if one.core.peer.has_credit:
        one.acknowledge(0, ROOM)
    return one


def attached(one: LiveSession, carrier_id: int = 1) -> LiveCarrier:
    """Attach a carrier that has nothing to announce."""
    carrier = one.attach(carrier_id, "stream", ordered=True)
    carrier.establish()
    one.core.announce(carrier.core)
    return carrier


def state(one: LiveSession) -> State:
    """Return the state that a session is in now."""
    return one.core.state


def ended(carrier: LiveCarrier) -> str:
    """Return why a carrier has ended, if it has."""
    return carrier.core.ended


def arriving(number: int, *texts: str) -> list[Frame]:
    """Return text frames as they arrive."""
    next_frame = (18, encode_next(number)[HEADER.size :])
    return [next_frame, *((TEXT, text.encode()) for text in texts)]


def closing(number: int, code: int = 1000) -> list[Frame]:
    """Return a CLOSE as it arrives."""
    return [*arriving(number), (4, encode_close(code, "")[HEADER.size :])]


def beat(one: LiveSession, seconds: float) -> None:
    """Let the peer ask for a heartbeat."""
    one.feed(Intake(ordered=False), decode_all(encode_beat(seconds), max_frame=100))


def read(wires: Iterable[Output]) -> list[bytes]:
    """Return the payloads of the texts among encoded frames."""
    frames = decode_all(joined(wires), max_frame=100_000)
    return [payload for kind, payload in frames if kind == TEXT]


def queued(one: LiveSession) -> list[bytes]:
    """Return the payloads of the texts in the outbox."""
    return read(one.core.outbox.slice(1, 1_000_000)[1])


# Sending


@timed
async def test_send_waits_at_the_bound_and_goes_on_when_acknowledged() -> None:
    one = live()
    await one.send(FULL)
    waiting = asyncio.create_task(one.send("next"))
    await settle()
    assert not waiting.done()
    assert not one.try_send("now")
    one.acknowledge(1, ROOM)
    await waiting
    assert one.core.outbox.next == 3


@timed
async def test_a_cancelled_send_has_sent_nothing() -> None:
    one = live()
    await one.send(FULL)
    waiting = asyncio.create_task(one.send("never"))
    await settle()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    one.acknowledge(1, ROOM)
    await one.send("after")
    assert queued(one) == [b"after"]


@timed
async def test_a_send_cancelled_after_it_was_woken_is_whole_or_nothing() -> None:
    one = live()
    await one.send(FULL)
    first, second = (asyncio.create_task(one.send(text)) for text in ("first", "second"))
    await settle()
    one.acknowledge(1, ROOM)
    first.cancel()  # in the same moment
    results = await asyncio.gather(first, second, return_exceptions=True)
    sent = [b"first"] if results[0] is None else []
    assert queued(one) == [*sent, b"second"]


@timed
async def test_sends_of_several_tasks_are_served_in_turn() -> None:
    one = live()
    await one.send(FULL)
    texts = [f"{number}" for number in range(5)]
    tasks = [asyncio.create_task(one.send(text)) for text in texts]
    await settle()
    one.acknowledge(1, ROOM)
    await asyncio.gather(*tasks)
    assert queued(one) == [text.encode() for text in texts]


@timed
async def test_nobody_overtakes_those_who_wait_already() -> None:
    one = live()
    await one.send(FULL)
    tasks = [asyncio.create_task(one.send(text)) for text in ("first", "second")]
    await settle()
    one.acknowledge(1, ROOM)
    late: list[asyncio.Task[None]] = []
    # Between the two that wait, when the first has sent and the second was not yet woken.
    tasks[0].add_done_callback(lambda _: one.try_send("late"))
    late.append(asyncio.create_task(one.send("late")))
    await asyncio.gather(*tasks, *late)
    assert queued(one)[:2] == [b"first", b"second"]


@timed
async def test_senders_that_wait_learn_of_the_end() -> None:
    one = live()
    await one.send(FULL)
    tasks = [asyncio.create_task(one.send("never")) for _ in range(3)]
    await settle()
    one.close(4000, "over")
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(error, ChannelClosed) and error.code == 4000 for error in results)
    assert queued(one) == []


@timed
async def test_a_reader_s_sender_waits_until_it_was_written() -> None:
    one = live(peer=READER)
    carrier = attached(one)
    await one.send(FULL)
    waiting = asyncio.create_task(one.send("next"))
    await settle()
    assert not waiting.done()
    assert await carrier.output(10)
    await waiting
    assert read(await carrier.output(10)) == [b"next"]


# Receiving


@timed
async def test_receive_waits_for_a_message_and_then_for_the_end() -> None:
    one = live()
    waiting = asyncio.create_task(one.receive())
    await settle()
    assert not waiting.done()
    one.feed(Intake(ordered=True), arriving(1, "one"))
    assert await waiting == "one"
    waiting = asyncio.create_task(one.receive())
    await settle()
    one.feed(Intake(ordered=True), closing(2, 4001))
    assert await waiting == Closed(4001, "")
    assert await one.receive() == Closed(4001, "")


@timed
async def test_a_cancelled_receive_loses_nothing() -> None:
    one = live()
    waiting = asyncio.create_task(one.receive())
    await settle()
    one.feed(Intake(ordered=True), arriving(1, "kept"))  # it is woken
    waiting.cancel()  # and cancelled before it runs
    (result,) = await asyncio.gather(waiting, return_exceptions=True)
    if isinstance(result, asyncio.CancelledError):
        result = await one.receive()
    assert result == "kept"


@timed
async def test_a_timeout_around_receive_can_be_tried_again() -> None:
    one = live()
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(one.receive(), 1)
    one.feed(Intake(ordered=True), arriving(1, "late"))
    assert await one.receive() == "late"


@timed
async def test_a_second_task_in_receive_is_told_so_and_disturbs_nobody() -> None:
    one = live()
    waiting = asyncio.create_task(one.receive())
    await settle()
    with pytest.raises(UsageError, match="another task"):
        await one.receive()
    one.feed(Intake(ordered=True), arriving(1, "one"))
    assert await waiting == "one"


@timed
async def test_reading_wakes_the_carrier_that_has_to_tell_of_the_room() -> None:
    one = live()
    carrier = attached(one)
    texts = ["x" * 40] * 4  # 416 with what messages cost beside: the inbox is full
    one.feed(Intake(ordered=True), arriving(1, *texts))
    await carrier.output(10)  # that is acknowledged
    writing = asyncio.create_task(carrier.output(3_600))
    await settle()
    assert not writing.done()
    got: list[Message | Closed] = [await one.receive() for _ in texts]
    assert got == texts
    assert await writing
    assert now() == 1_000


# The window, the silence and the linger


@timed
async def test_a_session_without_a_carrier_ends_after_its_window() -> None:
    one = live()
    carrier = attached(one)
    carrier.end("cut")
    started = now()
    assert await one.receive() == Closed(1006, "no carrier for 30 s")
    assert now() - started == LIMITS.window
    assert one.finished.is_set()
    with pytest.raises(ChannelClosed):
        await one.send("x")


@timed
async def test_a_carrier_in_time_keeps_the_session() -> None:
    one = live()
    attached(one).end("cut")
    await asyncio.sleep(LIMITS.window - 1)
    second = attached(one, 2)
    await asyncio.sleep(LIMITS.window * 2)
    assert state(one) is State.OPEN
    second.end("cut")
    await asyncio.sleep(LIMITS.window - 1)
    assert state(one) is State.OPEN
    await asyncio.sleep(2)
    assert state(one) is State.LOST


@timed
async def test_one_of_two_carriers_is_enough() -> None:
    one = live()
    first, _ = attached(one, 1), attached(one, 2)
    first.end("cut")
    await asyncio.sleep(LIMITS.window * 2)
    assert state(one) is State.OPEN


@timed
async def test_a_carrier_that_never_opened_does_not_count() -> None:
    one = live()
    first = attached(one, 1)
    one.attach(2, "poll", ordered=False)  # no OPEN has come
    first.end("cut")
    await asyncio.sleep(LIMITS.window + 1)
    assert state(one) is State.LOST


@timed
async def test_a_client_that_has_said_nothing_for_too_long_is_gone_though_a_carrier_is_there() -> (
    None
):
    one = live()
    attached(one)
    one.expect_words()
    await asyncio.sleep(LIMITS.silence + LIMITS.window - 1)
    one.acknowledge(0, ROOM)
    await asyncio.sleep(LIMITS.silence + LIMITS.window - 1)
    assert state(one) is State.OPEN
    await asyncio.sleep(1)
    assert await one.receive() == Closed(1006, "the peer has said nothing for 55 s")


@timed
async def test_a_close_that_nobody_acknowledges_lingers_for_a_window() -> None:
    one = live()
    attached(one)
    one.close(4000, "over")
    started = now()
    await one.finished.wait()
    assert now() - started == LIMITS.window
    assert state(one) is State.LOST


@timed
async def test_a_close_that_is_acknowledged_ends_at_once_and_is_told_once() -> None:
    over: list[LiveSession] = []
    one = LiveSession(LIMITS, name="test", on_finished=over.append)
    attached(one)
    one.close(4000)
    one.feed(Intake(ordered=True), closing(1, 4000))
    assert not one.finished.is_set()
    one.acknowledge(1, 0)
    assert one.finished.is_set()
    one.dispatch()
    one.abort(1006, "late")
    await asyncio.sleep(LIMITS.window * 3)
    assert over == [one]
    assert one.core.end == Closed(4000, "")


# What a carrier writes, and when


@timed
async def test_output_returns_what_is_there_at_once() -> None:
    one = live()
    carrier = attached(one)
    await one.send("one")
    await one.send("two")
    assert read(await carrier.output(10)) == [b"one", b"two"]
    assert now() == 1_000


@timed
async def test_output_is_woken_by_a_message() -> None:
    one = live()
    carrier = attached(one)
    writing = asyncio.create_task(carrier.output(10))
    await settle()
    assert not writing.done()
    await one.send("one")
    assert read(await writing) == [b"one"]
    assert now() == 1_000


@timed
async def test_output_keeps_no_silence_longer_than_a_beat() -> None:
    carrier = attached(live())
    frames = decode_all(joined(await carrier.output(10)), max_frame=100)
    assert [kind for kind, _ in frames] == [19]
    assert now() == 1_010


@timed
async def test_a_heartbeat_that_the_peer_asks_for_counts_at_once_and_within_bounds() -> None:
    one = live()
    carrier = attached(one)
    waiting = asyncio.create_task(carrier.output())
    await settle()
    beat(one, 4)
    assert await waiting != []
    assert now() == 1_004
    for asked, kept in ((0.2, LIMITS.least_heartbeat), (0.1, LIMITS.least_heartbeat)):
        beat(one, asked)
        assert one.heartbeat == kept
    other = live()
    beat(other, 60)
    assert other.heartbeat == LIMITS.heartbeat


@timed
async def test_an_idle_client_says_something_only_when_the_silence_is_over() -> None:
    carrier = attached(live())
    assert await carrier.output(10, silence=25)
    assert now() == 1_025


@timed
async def test_a_client_with_something_to_acknowledge_does_so_at_the_next_beat() -> None:
    one = live()
    carrier = attached(one)
    one.feed(Intake(ordered=True), arriving(1, "x"))
    assert await carrier.output(10, silence=25)
    assert now() == 1_010


@timed
async def test_a_cancelled_output_loses_nothing() -> None:
    one = live()
    carrier = attached(one)
    writing = asyncio.create_task(carrier.output(10))
    await settle()
    await one.send("kept")  # it is woken
    writing.cancel()  # and cancelled before it runs
    (result,) = await asyncio.gather(writing, return_exceptions=True)
    wires = await carrier.output(10) if isinstance(result, BaseException) else result
    assert read(wires) == [b"kept"]


@timed
async def test_stop_ends_the_output_that_waits_and_not_the_next() -> None:
    one = live()
    carrier = attached(one)
    writing = asyncio.create_task(carrier.output(10))
    await settle()
    carrier.stop()
    assert await writing == []
    await one.send("one")
    assert read(await carrier.output(10)) == [b"one"]


@timed
async def test_a_stopped_output_takes_nothing_that_came_in_the_same_moment() -> None:
    one = live()
    carrier = attached(one)
    writing = asyncio.create_task(carrier.output(10))
    await settle()
    await one.send("for the newer poll")
    carrier.stop()
    assert await writing == []
    assert read(await carrier.output(10)) == [b"for the newer poll"]


@timed
async def test_output_ends_with_its_carrier() -> None:
    carrier = attached(live())
    writing = asyncio.create_task(carrier.output(10))
    await settle()
    carrier.end("cut")
    assert await writing == []
    assert await carrier.output(10) == []


@timed
async def test_the_last_acknowledgement_is_written_before_the_carrier_ends() -> None:
    one = live()
    carrier = attached(one)
    one.close(1000)
    await carrier.output(10)
    one.acknowledge(1, ROOM)
    one.feed(carrier.core.intake, closing(1))
    assert one.finished.is_set()
    (last,) = decode_all(joined(await carrier.output(10)), max_frame=100)
    assert last[0] == 19
    assert await carrier.output(10) == []
    assert ended(carrier) == "the session is over"


@timed
async def test_end_after_ends_a_carrier_in_time_unless_it_is_taken_back() -> None:
    one = live()
    first, second = attached(one, 1), attached(one, 2)
    for carrier in (first, second):
        carrier.end_after(20, "the client stopped polling")
    await asyncio.sleep(19)
    second.stop_timer()
    assert not ended(first)
    await asyncio.sleep(20)
    assert ended(first) == "the client stopped polling"
    assert list(one.carriers) == [2]


@timed
async def test_leave_after_announces_the_end_of_a_carrier_and_two_heartbeats_later_it_comes() -> (
    None
):
    one = live()
    carrier = attached(one)
    carrier.leave_after(100)
    began = now()
    while (wires := await carrier.output(1000)) != [encode(LEAVE)]:
        assert wires, "it ended first"
    assert now() - began == 100
    assert await carrier.output(1000) == []
    assert (now() - began, ended(carrier)) == (120, "its time was over")


@timed
async def test_a_carrier_that_has_ended_is_not_kept_until_its_time_is_over() -> None:
    one = live()
    carrier = attached(one)
    carrier.leave_after(1_000_000)
    carrier.end("the client left")
    carrier.leave_after(1_000_000)
    assert carrier._timer is None
    one.abort(1006, "over")


@timed
async def test_end_after_counts_from_the_last_call() -> None:
    carrier = attached(live())
    carrier.end_after(20, "early")
    await asyncio.sleep(15)
    carrier.end_after(20, "late")
    await asyncio.sleep(15)
    assert not ended(carrier)
    await asyncio.sleep(6)
    assert ended(carrier) == "late"


@timed
async def test_bad_frames_end_their_carrier_alone() -> None:
    one = live()
    bad, good = attached(one, 1), attached(one, 2)
    with pytest.raises(FrameError):
        bad.feed([(TEXT, b"without NEXT")])
    assert list(one.carriers) == [2]
    with pytest.raises(CarrierLost, match="before NEXT"):
        bad.feed(arriving(1, "late"))
    good.feed(arriving(1, "one"))
    assert await one.receive() == "one"


@timed
async def test_the_transport_in_use_is_the_chosen_one_s_else_the_newest() -> None:
    one = live()
    seen = [one.transport]
    first = one.attach(1, "poll", ordered=False)
    first.establish()
    one.attach(2, "stream", ordered=True).establish()
    one.attach(3, "sse", ordered=True)  # not open yet
    seen.append(one.transport)
    one.core.select(first.core)
    seen.append(one.transport)
    first.end("cut")
    seen.append(one.transport)
    assert seen == [None, "stream", "poll", "stream"]


@timed
async def test_a_carrier_ended_by_a_newer_one_is_let_go() -> None:
    one = live()
    carriers = [attached(one, number) for number in range(1, LIMITS.carriers + 2)]
    assert ended(carriers[0])
    assert await carriers[0].output(10) == []
    assert list(one.carriers) == list(range(2, LIMITS.carriers + 2))


@timed
async def test_what_becomes_due_while_output_is_put_off_is_written_then_or_in_another_way() -> None:
    one = live()
    carrier = attached(one)
    waiting = asyncio.create_task(carrier.output())
    await settle()
    carrier.defer()
    await one.send("taken")
    await settle()
    assert not waiting.done()
    assert one.core.take(carrier.core, 100)
    carrier.resume()
    await settle()
    assert not waiting.done(), "nothing is due any more"
    carrier.defer()
    await one.send("left")
    carrier.resume()
    assert TEXT in [kind for kind, _ in decode_all(joined(await waiting), max_frame=1000)]


@timed
async def test_an_output_that_is_put_off_still_hears_of_the_end_and_of_time() -> None:
    one = live()
    carrier = attached(one)
    waiting = asyncio.create_task(carrier.output())
    await settle()
    carrier.defer()
    carrier.stop()
    assert await waiting == []
    carrier.resume()
    waiting = asyncio.create_task(carrier.output())
    await settle()
    carrier.defer()
    assert await waiting != [], "a heartbeat"
    carrier.resume()
    waiting = asyncio.create_task(carrier.output())
    await settle()
    carrier.defer()
    one.abort(1006, "lost")
    assert await waiting == []
