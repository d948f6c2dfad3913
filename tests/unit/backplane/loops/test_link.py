"""Links over a real pair of sockets: calls, back-pressure, silence, and what a cut leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byway import ServerLimits, UsageError
from byway.backplane import Link, LinkLost, Unreachable
from byway.backplane.calls import OneCall
from byway.backplane.connection import LOOKS
from byway.backplane.kinds import (
    ACCEPT,
    ASK,
    BINARY,
    BODY,
    CALL,
    DATA,
    END,
    GREET,
    LEFT,
    MORE,
    PING,
    START,
    TAKEN,
    TELL,
    TEXT,
)
from byway.backplane.pipe import BUFFER, LOW, leave
from byway.backplane.wire import PIECE
from tests.unit.backplane.pair import calling, everything, joined

MIB = 1024 * 1024


async def turns() -> None:
    """Let the loop do what it has to, which is little and does not wait for anything."""
    for _ in range(20):
        await asyncio.sleep(0)


# Calls.


async def test_a_call_there_and_back() -> None:
    async with joined() as (relay, owner):
        link = relay.connection.carry()
        await link.call(b"what")
        served, payload = await owner.served()
        assert payload == b"what"
        assert (link.peer, served.peer) == ("owner-01", "relay-01")
        link.write(BODY, b"ask")
        link.write(END)
        assert [await served.receive() for _ in range(2)] == [(BODY, b"ask"), (END, b"")]
        served.write(START, b"{}")
        served.write(DATA, b"x" * 3 * MIB)
        served.write(END)
        assert [await link.receive() for _ in range(3)] == [
            (START, b"{}"),
            (DATA, b"x" * 3 * MIB),
            (END, b""),
        ]
        served.free()
        link.free()
        assert (relay.frees, owner.frees) == (1, 1)
        assert relay.error is owner.error is None


async def test_frames_that_wait_for_the_turn_and_those_that_do_not_keep_their_order() -> None:
    async with calling() as (link, served):
        sent = [(kind, bytes([at])) for at, kind in enumerate([START, DATA, TEXT, ACCEPT, DATA])]
        for frame in sent:
            served.write(*frame)
        await turns()
        served.write(TEXT, b"alone")
        served.write(LEFT, b"later")
        served.write(DATA, b"behind")
        assert [await link.receive() for _ in range(8)] == [
            *sent,
            (TEXT, b"alone"),
            (LEFT, b"later"),
            (DATA, b"behind"),
        ]


@pytest.mark.parametrize("who", ["relay", "owner", "nobody"])
async def test_a_link_whose_call_is_not_over_is_not_used_again(who: str) -> None:
    async with joined() as (relay, owner):
        link = relay.connection.carry()
        await link.call(b"")
        served, _ = await owner.served()
        if who == "relay":
            link.write(END)
            await served.receive()
        elif who == "owner":
            served.write(END)
            await link.receive()
        link.free()
        assert isinstance(relay.error, LinkLost)
        with pytest.raises(LinkLost):
            await served.receive()


async def test_a_call_that_is_over_cannot_reach_the_next() -> None:
    """Whoever holds the link of a call that is over reads and writes nothing of the next one."""
    async with joined() as (relay, owner):
        first = relay.connection.carry()
        await first.call(b"first")
        served, _ = await owner.served()
        late = asyncio.create_task(everything(served))  # as an application that listens for the end
        first.write(END)
        served.write(END)
        assert await first.receive() == (END, b"")
        first.free()
        second = relay.connection.carry()
        await second.call(b"second")  # before the owner has freed the first
        again, payload = await owner.served()
        assert payload == b"second"
        second.write(BODY, b"of the second")
        assert await again.receive() == (BODY, b"of the second")
        assert await late == [(END, b"")]
        for old in (first, served):
            with pytest.raises(LinkLost, match="the call is over"):
                old.write(DATA, b"late")
            with pytest.raises(LinkLost, match="the call is over"):
                await old.flush()
            old.free()
            old.cut()
        again.write(DATA, b"of the second")
        assert await second.receive() == (DATA, b"of the second")


async def test_a_call_that_is_not_taken_is_given_up() -> None:
    """As of an owner that is stopped: its kernel takes what comes, and nobody reads."""
    async with joined(ServerLimits(link_time=0.05)) as (relay, owner):
        owner.connection.pause()
        link = relay.connection.carry()
        with pytest.raises(Unreachable, match=r"did not take a call in 0\.05 s"):
            await link.call(b"")
        with pytest.raises(LinkLost):
            link.write(BODY)
        assert isinstance(relay.error, LinkLost)


async def test_a_call_that_is_given_up_cuts_the_link() -> None:
    async with joined() as (relay, owner):
        owner.connection.pause()
        link = relay.connection.carry()
        task = asyncio.create_task(link.call(b""))
        await turns()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert isinstance(relay.error, LinkLost)


async def test_a_link_that_is_lost_before_the_call_is_taken() -> None:
    async with joined() as (relay, owner):
        owner.connection.pause()
        link = relay.connection.carry()
        task = asyncio.create_task(link.call(b""))
        await turns()
        owner.connection.end(LinkLost("for the test"))
        with pytest.raises(LinkLost):
            await task


async def test_a_call_has_a_bound() -> None:
    async with joined() as (relay, owner):
        link = relay.connection.carry()
        with pytest.raises(UsageError, match="65536 bytes"):
            await link.call(bytes(PIECE + 1))
        relay.connection.write(CALL, bytes(PIECE + 1))
        await owner.has_ended.wait()
        assert owner.calls.empty()


async def test_what_is_asked_is_told() -> None:
    async with joined() as (relay, owner):
        for number in (b"1", b"2" * MIB):
            link = relay.connection.carry()
            link.write(ASK, b"?")
            served, kind, payload = await owner.calls.get()
            assert (kind, payload) == (ASK, b"?")
            served.write(TELL, number)
            served.free()
            assert await link.receive() == (TELL, number)
            assert link.over
            link.free()
        assert relay.error is owner.error is None


async def test_nothing_follows_the_end() -> None:
    async with calling() as (link, _):
        link.write(END)
        with pytest.raises(UsageError, match="END was written"):
            link.write(BODY, b"more")


# What an end sends that keeps to no rule.


@pytest.mark.parametrize("kind", [TAKEN, TELL, CALL, ASK, GREET, 0, 19, 200, 255])
async def test_a_frame_without_a_place_cuts_the_link(kind: int) -> None:
    async with calling() as (link, served):
        link.write(kind, b"")
        with pytest.raises(LinkLost):
            await served.receive()
        with pytest.raises(LinkLost):
            await link.receive()


@pytest.mark.parametrize("kind", [TAKEN, TELL, CALL, ASK, BODY, DATA, END])
async def test_whoever_was_called_does_not_call(kind: int) -> None:
    async with joined() as (relay, owner):
        owner.connection.write(kind, b"")
        await relay.has_ended.wait()


@pytest.mark.parametrize("apart", [False, True])
async def test_a_frame_after_the_end_cuts_the_link(apart: bool) -> None:
    """It is no fault of this process, so none is logged."""
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: faults.append(told))
    async with calling() as (link, served):
        link.write(END)
        before = [await served.receive()] if apart else []
        assert link._connection is not None
        link._connection.write(BODY, b"more")
        assert before + await everything(served) in ([], [(END, b"")])
    assert not faults


async def test_a_call_before_the_end_of_the_last_cuts_the_link() -> None:
    async with calling() as (link, served):
        link.write(END)
        assert link._connection is not None
        link._connection.write(CALL, b"")
        assert await everything(served) in ([], [(END, b"")])


@pytest.mark.parametrize(
    "said", [b"GET / HTTP/1.1\r\n\r\n", bytes([MORE, 0, 0, 0, 0]), b"\xff" * 9]
)
async def test_bytes_that_are_no_frames_cut_the_link(said: bytes) -> None:
    async with calling() as (link, served):
        assert link._connection is not None
        assert link._connection._transport is not None
        link._connection._transport.write(said)
        with pytest.raises(LinkLost):
            await served.receive()


# Back-pressure.


def reads(link: OneCall) -> bool:
    """Say whether an end reads what comes."""
    assert link._connection is not None
    return not link._connection.paused


async def fill(link: Link, size: int = 1000) -> int:
    """Write until there is no room, and return the number of frames."""
    count = 0
    while not link.full:
        link.write(DATA, count.to_bytes(4) + bytes(size - 4))
        count += 1
        await turns()
    return count


async def test_a_receiver_that_reads_nothing_stops_the_writer() -> None:
    """In each process at most 64 KiB wait, and a frame; the kernel keeps some more."""
    async with calling() as (link, served):
        count = await fill(served)
        flushed = asyncio.create_task(served.flush())
        await turns()
        assert not flushed.done()
        assert not reads(link)
        assert BUFFER < link.unread <= 2 * BUFFER + 2000 * 1.1
        for number in range(count):
            _, payload = await link.receive()
            assert int.from_bytes(payload[:4]) == number
        await flushed
        assert not served.full
        assert reads(link)
        assert link.unread == 0


async def test_what_waits_for_the_end_of_a_turn_is_bounded_too() -> None:
    """A writer that never lets the loop turn fills the buffer as well."""
    async with calling() as (link, _):
        assert link._connection is not None
        for _ in range(10_000):
            link.write(LEFT, bytes(1000))
            assert link._connection._waiting <= BUFFER
            if link.full:
                break
        else:
            pytest.fail("10 MB were written, and it was never full")


async def test_the_end_waits_for_no_turn() -> None:
    async with calling() as (link, served):
        assert link._connection is not None
        served.write(START)
        served.write(END, b"short")
        link.write(END)
        assert not link._connection._outgoing
        assert served._connection is not None
        assert not served._connection._outgoing
        assert await link.receive() == (START, b"")
        assert await link.receive() == (END, b"short")


@pytest.mark.parametrize("kind", [BODY, TEXT, BINARY, DATA])
async def test_what_mostly_comes_alone_waits_for_no_turn(kind: int) -> None:
    """As a message, and a piece of an upload: a turn of the loop costs as much as a write."""
    async with calling() as (link, _):
        assert link._connection is not None
        link.write(kind, b"alone")
        assert not link._connection._outgoing


async def test_frames_without_a_payload_are_bounded_too() -> None:
    async with calling() as (link, served):
        for _ in range(20):
            for _ in range(1000):
                served.write(DATA)
            await turns()
        assert link.unread < 3 * 64 * BUFFER // 5  # one read of frames of 5 bytes that cost 64
        assert not reads(link)


async def test_reading_goes_on_before_all_is_received() -> None:
    async with calling() as (link, served):
        await fill(served)
        while not reads(link):
            await link.receive()
        assert 0 < link.unread <= LOW


async def test_writers_that_wait_learn_that_the_link_is_lost() -> None:
    async with calling() as (link, served):
        await fill(served)
        tasks = [asyncio.create_task(served.flush()) for _ in range(3)]
        await turns()
        tasks.pop().cancel()
        link.cut()
        for task in tasks:
            with pytest.raises(LinkLost):
                await task


async def test_a_link_that_is_freed_full_of_unread_frames_reads_on() -> None:
    async with joined() as (relay, owner):
        link = relay.connection.carry()
        await link.call(b"")
        served, _ = await owner.served()
        link.write(END)
        served.write(DATA, bytes(2 * BUFFER))
        served.write(END)
        while not link.over:
            await turns()
        assert relay.connection.paused
        link.free()
        again = relay.connection.carry()
        await again.call(b"")


# Silence.


async def test_silence_cuts_a_link_and_an_end_that_responds_is_not_silent() -> None:
    async with calling() as (link, served):
        mine, other = link._connection, served._connection
        assert mine is not None
        assert other is not None
        for _ in range(5 * LOOKS):  # by far enough, if nobody responded to PING
            mine.look()
            await turns()
        link.write(BODY, b"here")
        assert await served.receive() == (BODY, b"here")
        other.pause()  # as where its process is stopped
        for _ in range(LOOKS):
            mine.look()
            await turns()
        link.write(BODY, b"still here")
        mine.look()
        with pytest.raises(LinkLost, match="nothing was heard for 15 s"):
            await link.receive()


async def test_an_end_that_does_not_read_for_a_while_is_not_taken_for_dead() -> None:
    """Its application reads nothing, so PING does not reach it; it says by itself that it lives."""
    async with calling() as (link, served):
        mine, other = link._connection, served._connection
        assert mine is not None
        assert other is not None
        await fill(link)
        for _ in range(5 * LOOKS):
            mine.look()
            other.look()
            await turns()
        served.write(DATA, b"here")
        assert await link.receive() == (DATA, b"here")


async def test_both_ends_full_are_not_silent_either() -> None:
    async with calling() as (link, served):
        mine, other = link._connection, served._connection
        assert mine is not None
        assert other is not None
        await asyncio.gather(fill(link), fill(served))
        for _ in range(5 * LOOKS):
            mine.look()
            other.look()
            await turns()
        assert mine.error is other.error is None


async def test_a_flood_of_pings_on_a_link_is_bounded() -> None:
    async with calling() as (link, served):
        mine, other = link._connection, served._connection
        assert mine is not None
        assert other is not None
        assert other._transport is not None
        mine.pause()
        for _ in range(200):
            for _ in range(1000):
                mine.write(PING)
            await turns()
        assert other._transport.get_write_buffer_size() <= 2 * BUFFER


# Cuts.


async def test_what_had_come_before_the_other_end_was_lost_is_received() -> None:
    async with calling() as (link, served):
        served.write(DATA, b"last")
        await turns()
        served.cut()
        assert await everything(link) == [(DATA, b"last")]


async def test_a_process_that_leaves_sends_what_waits_to_whoever_reads() -> None:
    """Also what is more than the kernel keeps."""
    async with calling() as (link, served):
        count = await fill(served)
        assert served._connection is not None
        reading = asyncio.create_task(everything(link))
        await leave([served._connection])
        assert len(await reading) == count


async def test_after_a_cut_nothing_works() -> None:
    async with calling() as (link, served):
        served.write(DATA, b"unread")
        await turns()
        link.cut()
        link.cut()
        uses: list[Callable[[], Awaitable[object]]] = [
            link.receive,
            link.flush,
            lambda: link.call(b""),
            served.receive,
        ]
        for use in uses:
            with pytest.raises(LinkLost):
                await use()
        with pytest.raises(LinkLost, match="cut here"):
            link.write(BODY)
        assert not link.full


async def test_receive_may_be_cancelled_and_is_for_one_task() -> None:
    async with calling() as (link, served):
        task = asyncio.create_task(link.receive())
        await turns()
        with pytest.raises(UsageError, match="another task"):
            await link.receive()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        served.write(DATA, b"not lost")
        assert await link.receive() == (DATA, b"not lost")


sends = st.lists(
    st.tuples(
        st.sampled_from([TEXT, BINARY, DATA, START, ACCEPT]),
        st.one_of(st.binary(max_size=20), st.sampled_from([PIECE, PIECE + 1, MIB]).map(bytes)),
        st.integers(0, 3),
    ),
    max_size=12,
)


@given(sends, st.integers(0, 12), st.sampled_from(["writer", "reader", "wire"]))
def test_whatever_is_cut_what_was_received_is_a_prefix_of_what_was_written(
    sent: list[tuple[int, bytes, int]], cut_after: int, who: str
) -> None:
    """Never a part of a frame, never one that was not written, and no frame of another call."""

    async def run() -> None:
        async with joined() as (relay, owner):
            before = relay.connection.carry()
            await before.call(b"")
            served, _ = await owner.served()
            for one in (before, served):
                one.write(DATA, b"of the first call")
                one.write(END)
            for one in (before, served):
                assert await one.receive() == (DATA, b"of the first call")
                assert await one.receive() == (END, b"")
            before.free()
            served.free()
            link = relay.connection.carry()
            await link.call(b"")
            served, _ = await owner.served()
            reading = asyncio.create_task(everything(served))
            written = []
            try:
                for at, (kind, payload, waits) in enumerate(sent):
                    if at == cut_after:
                        cut(link, served)
                    link.write(kind, payload)
                    written.append((kind, payload))
                    for _ in range(waits):
                        await asyncio.sleep(0)
                    if link.full:
                        await link.flush()
            except LinkLost:
                pass
            await turns()
            cut(link, served)
            received = await reading
            assert received == written[: len(received)]

    def cut(link: OneCall, served: OneCall) -> None:
        if who == "writer":
            link.cut()
        elif who == "reader":
            served.cut()
        elif link._connection is not None:
            link._connection.abort()

    asyncio.run(run())
