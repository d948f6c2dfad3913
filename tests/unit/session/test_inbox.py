"""The inbox: joining, costs, room, and what it refuses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byway.errors import FrameError
from byway.frames import BINARY, CLOSE, HEADER, PART, TEXT, decode_all, encode_close
from byway.session import OVERHEAD, Closed, joined
from byway.session.inbox import Inbox
from byway.session.outbox import Outbox
from byway.session.outgoing import closing, outgoing


def inbox(*, bound: int = 10_000, max_message: int = 1_000) -> Inbox:
    """Return an inbox."""
    return Inbox(bound=bound, max_message=max_message)


def close_payload(code: int = 1000, reason: str = "") -> bytes:
    """Return the payload of a CLOSE."""
    return encode_close(code, reason)[HEADER.size :]


def test_a_text_is_str_and_binary_is_bytes() -> None:
    box = inbox()
    box.accept(TEXT, "é".encode())
    box.accept(BINARY, b"\xff")
    assert [box.pop(), box.pop(), box.pop()] == ["é", b"\xff", None]


def test_empty_messages_are_messages() -> None:
    box = inbox()
    box.accept(TEXT, b"")
    box.accept(BINARY, b"")
    assert len(box) == 2
    assert [box.pop(), box.pop()] == ["", b""]
    assert box.cost == 2 * OVERHEAD


@given(st.text(max_size=60), st.integers(1, 7))
def test_parts_are_joined_even_inside_a_character(text: str, size: int) -> None:
    box = inbox()
    payload = text.encode()
    pieces = [payload[start : start + size] for start in range(0, len(payload), size)] or [b""]
    for piece in pieces[:-1]:
        box.accept(PART, piece)
        assert len(box) == 0
    box.accept(TEXT, pieces[-1])
    assert box.pop() == text
    assert box.received == len(pieces)
    assert box.cost == len(payload) + OVERHEAD


def test_room_falls_with_what_is_unread_and_the_limit_never_shrinks() -> None:
    box = inbox(bound=300)
    limits = [box.limit]
    for _ in range(3):
        box.accept(BINARY, bytes(50))
        limits.append(box.limit)
    assert box.room == 0
    while box.pop() is not None:
        limits.append(box.limit)
    assert box.room == 300
    assert limits == sorted(limits)
    assert limits[0] == 300
    assert limits[-1] == 300 + box.cost


def test_a_message_that_began_with_room_may_overdraw_it_but_the_next_may_not_begin() -> None:
    box = inbox(bound=100)
    box.accept(BINARY, bytes(30))
    box.accept(PART, bytes(400))
    box.accept(BINARY, bytes(400))
    assert box.room == 0
    for kind in (BINARY, PART):
        with pytest.raises(FrameError, match="no room") as caught:
            box.accept(kind, b"x")
        assert caught.value.status == 429
    assert box.received == 3


def test_close_needs_no_room() -> None:
    box = inbox(bound=10)
    box.accept(BINARY, b"x")
    box.accept(CLOSE, close_payload(1001, "bye"))
    assert box.closed == Closed(1001, "bye")


def test_after_stop_messages_are_counted_and_dropped() -> None:
    box = inbox(bound=300)
    box.accept(BINARY, bytes(50))
    box.accept(PART, bytes(10))
    box.stop()
    box.accept(BINARY, bytes(10))
    box.accept(TEXT, b"more")
    assert len(box) == 0
    assert box.pop() is None
    assert box.dropped == 3
    assert box.received == 4
    assert box.room == 300
    assert box.cost == 50 + 20 + 4 + 3 * OVERHEAD


@pytest.mark.parametrize("sizes", [[11], [6, 6], [11, 1]])
def test_a_message_over_the_bound_is_dropped_with_all_after_it(sizes: list[int]) -> None:
    box = inbox(max_message=10)
    for size in sizes[:-1]:
        box.accept(PART, bytes(size))
    box.accept(BINARY, bytes(sizes[-1]))
    assert box.too_big
    box.accept(TEXT, b"x")
    assert len(box) == 0
    assert box.received == len(sizes) + 1


def test_a_message_of_exactly_the_bound_is_taken() -> None:
    box = inbox(max_message=10)
    box.accept(PART, bytes(5))
    box.accept(BINARY, bytes(5))
    assert not box.too_big
    assert box.pop() == bytes(10)


@pytest.mark.parametrize(
    ("before", "kind", "payload", "words"),
    [
        ([], PART, b"", "empty"),
        ([(PART, b"x")], CLOSE, close_payload(), "inside a message"),
        ([(CLOSE, close_payload())], TEXT, b"", "after CLOSE"),
        ([(CLOSE, close_payload())], CLOSE, close_payload(), "after CLOSE"),
        ([], CLOSE, b"", "shorter"),
        ([], TEXT, b"\xff", "not UTF-8"),
        ([(PART, b"\xc3")], TEXT, b"x", "not UTF-8"),
    ],
)
def test_a_frame_against_the_protocol_is_not_taken(
    before: list[tuple[int, bytes]], kind: int, payload: bytes, words: str
) -> None:
    box = inbox()
    for frame in before:
        box.accept(*frame)
    with pytest.raises(FrameError, match=words):
        box.accept(kind, payload)
    assert box.received == len(before)
    assert len(box) == 0


@given(st.lists(st.integers(0, 300), max_size=20), st.booleans())
def test_messages_and_their_bytes_are_known_without_counting(sizes: list[int], close: bool) -> None:
    """In parts or whole, read or not, after the end too."""
    sent = Outbox(part=100)
    taken = inbox(bound=1_000_000)
    for size in sizes:
        sent.append(outgoing(bytes(size)))
    if close:
        sent.append(closing(1000, "bye"))
    sent.acknowledge(0, 1_000_000)
    for frame in decode_all(joined(sent.slice(1, 1_000_000)[1]), max_frame=1_000):
        taken.accept(*frame)
    sent.acknowledge(taken.received, 0)
    taken.stop()
    assert (sent.messages, sent.volume) == (len(sizes), sum(sizes))
    assert (taken.messages, taken.volume) == (len(sizes), sum(sizes))
