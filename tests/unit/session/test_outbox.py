"""The outbox: numbers, costs and what may be written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byway.errors import FrameError
from byway.frames import BINARY, CLOSE, HEADER, PART, TEXT, decode_all
from byway.limits import SessionLimits
from byway.session import OVERHEAD, Outgoing, Session, joined
from byway.session.outbox import Outbox
from byway.session.outgoing import closing, outgoing
from tests.unit.session.wires import starved

ROOM = 1_000_000


def kinds(frames: list[Outgoing]) -> list[int]:
    """Return the types of frames."""
    return [one.kind for one in frames]


def filled(*sizes: int, part: int = 100, ring: int | None = None) -> Outbox:
    """Return an outbox with messages of these sizes, and all the room for them."""
    outbox = Outbox(part=part, ring=ring, has_credit=ring is None)
    outbox.acknowledge(0, ROOM)
    for size in sizes:
        outbox.append(outgoing(bytes(size)))
    return outbox


def test_frames_are_numbered_from_1() -> None:
    outbox = filled(1, 1)
    assert (outbox.first, outbox.next) == (1, 3)
    assert outbox.slice(1, 1_000)[0] == 1


@pytest.mark.parametrize(
    ("size", "frames"),
    [
        (0, [TEXT]),
        (9, [TEXT]),
        (10, [TEXT]),
        (11, [PART, TEXT]),
        (20, [PART, TEXT]),
        (21, [PART, PART, TEXT]),
    ],
)
def test_a_message_over_a_part_travels_as_parts_and_ends_with_its_type(
    size: int, frames: list[int]
) -> None:
    outbox = Outbox(part=10)
    outbox.acknowledge(0, ROOM)
    outbox.append(outgoing("x" * size))
    _, wires = outbox.slice(1, 1_000)
    assert kinds(wires) == frames
    payloads = [payload for _, payload in decode_all(joined(wires), max_frame=100)]
    assert b"".join(payloads) == b"x" * size
    assert all(payloads[:-1])  # a PART is never empty
    assert payloads[-1] or not size


def test_nothing_may_be_written_before_the_peer_announced_room() -> None:
    outbox = Outbox(part=10)
    outbox.append(outgoing("x"))
    assert not outbox.has(1)
    assert outbox.slice(1, 100) == (1, [])
    assert starved(outbox)


def test_a_slice_is_exceeded_by_at_most_one_frame() -> None:
    outbox = filled(10, 10, 10)
    one = 10 + HEADER.size
    for size, count in [(1, 1), (one, 1), (one + 1, 2), (2 * one, 2), (2 * one + 1, 3), (999, 3)]:
        assert len(outbox.slice(1, size)[1]) == count
        assert len(outbox.slice(2, size)[1]) == min(count, 2)


def test_a_cursor_below_what_is_kept_starts_at_the_oldest() -> None:
    outbox = filled(1, 1, 1)
    outbox.acknowledge(2, 0)
    assert outbox.has(1)
    number, wires = outbox.slice(1, 100)
    assert (number, len(wires)) == (3, 1)


def test_a_cursor_at_the_end_has_nothing() -> None:
    outbox = filled(1)
    assert not outbox.has(2)
    assert outbox.slice(2, 100) == (2, [])


def test_acknowledged_frames_are_let_go_and_their_bytes_with_them() -> None:
    outbox = filled(1, 2, 3)
    before = outbox.size
    outbox.acknowledge(2, 0)
    assert (outbox.first, outbox.next) == (3, 4)
    assert before - outbox.size == 1 + 2 + 2 * HEADER.size
    outbox.acknowledge(3, 0)
    assert outbox.size == 0
    assert not outbox.unacknowledged


def test_more_than_was_sent_cannot_be_acknowledged() -> None:
    outbox = filled(1)
    with pytest.raises(FrameError, match="received 2 frames, only 1"):
        outbox.acknowledge(2, 0)
    assert outbox.first == 1


@given(st.lists(st.integers(0, 50), max_size=12), st.integers(0, 1_000))
def test_messages_may_begin_while_the_cost_before_them_is_below_the_limit(
    sizes: list[int], room: int
) -> None:
    outbox = Outbox(part=10)
    outbox.acknowledge(0, room)
    expected: list[int] = []
    cost = 0
    for size in sizes:
        outbox.append(outgoing(bytes(size)))
        if cost < room:
            expected += [PART] * max(-(-size // 10) - 1, 0) + [BINARY]
        cost += size + OVERHEAD
    assert kinds(outbox.slice(1, 10_000)[1]) == expected
    assert starved(outbox) is (len(expected) < outbox.next - 1)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=8), st.data())
def test_the_limit_means_the_same_wherever_the_peer_stands(
    sizes: list[int], data: st.DataObject
) -> None:
    """Room announced inside a message is counted from the end of the message before it."""
    outbox = Outbox(part=10)
    before: list[int] = []
    cost = 0
    for size in sizes:
        outbox.append(outgoing(bytes(size)))
        before += [cost] * (outbox.next - 1 - len(before))
        cost += size + OVERHEAD
    before.append(cost)
    received = data.draw(st.integers(0, outbox.next - 1))
    room = data.draw(st.integers(0, 300))
    outbox.acknowledge(received, room)
    writable = sum(1 for one in before[received:-1] if one < before[received] + room)
    assert len(outbox.slice(1, 100_000)[1]) == writable


def test_close_needs_no_room_but_waits_for_what_is_before_it() -> None:
    outbox = Outbox(part=10)
    outbox.append(outgoing("x"))
    outbox.append(closing(1000, ""))
    assert outbox.slice(1, 100) == (1, [])
    outbox.acknowledge(0, 1)
    assert kinds(outbox.slice(1, 100)[1]) == [TEXT, CLOSE]


def test_close_alone_goes_without_any_room() -> None:
    outbox = Outbox(part=10)
    outbox.append(closing(1000, ""))
    assert outbox.has(1)
    assert kinds(outbox.slice(1, 100)[1]) == [CLOSE]


def test_the_ring_keeps_what_was_not_written() -> None:
    outbox = filled(50, 50, 50, ring=60)
    outbox.wrote(1)
    assert outbox.first == 1
    assert outbox.unwritten == 3 * (50 + HEADER.size)


def test_the_ring_lets_the_oldest_go_once_written() -> None:
    outbox = filled(50, 50, 50, ring=60)
    outbox.wrote(3)
    assert outbox.first == 3
    assert outbox.unwritten == 50 + HEADER.size
    outbox.wrote(4)
    assert outbox.first == 3  # the newest fits into the ring
    assert outbox.unwritten == 0


@given(st.lists(st.integers(0, 60), max_size=20), st.data())
def test_the_ring_holds_its_bound_and_loses_nothing_unwritten(
    sizes: list[int], data: st.DataObject
) -> None:
    outbox = Outbox(part=1_000, ring=100, has_credit=False)
    written = 1
    for size in sizes:
        outbox.append(outgoing(bytes(size)))
        if data.draw(st.booleans()):
            written = data.draw(st.integers(written, outbox.next))
            outbox.wrote(written)
            assert outbox.size <= 100 or outbox.first >= written
        assert outbox.first <= written
        kept = outbox.slice(1, 100_000)[1]
        assert sum(map(len, kept)) == outbox.size
        assert sum(map(len, kept[written - outbox.first :])) == outbox.unwritten


def test_a_reader_s_outbox_has_no_limit() -> None:
    outbox = Outbox(part=10, ring=100, has_credit=False)
    outbox.append(outgoing("x"))
    assert outbox.has(1)


def test_empty_messages_are_bounded_too() -> None:
    """Five bytes of the wire each, and many times that in memory."""
    core = Session(SessionLimits(outbox=6_400))
    count = 0
    while core.writable:
        core.send(b"")
        count += 1
    assert count <= 100
