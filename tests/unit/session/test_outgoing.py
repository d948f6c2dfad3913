"""Outgoing frames: one record a message, its bytes made once, no memory that nobody needs."""

from __future__ import annotations

import gc
import tracemalloc
import weakref

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from byway.errors import UsageError
from byway.frames import BINARY, CLOSE, HEADER, PART, TEXT, decode_all, encode
from byway.limits import SessionLimits
from byway.session import Message, Session, joined
from byway.session.outgoing import Outgoing, closing, fragments, outgoing

TEXTS = st.text(max_size=60)


def fresh(size: int, letter: str = "x") -> str:
    """Return a text that is one object of its own."""
    return "".join([letter] * size)


def forms(record: Outgoing) -> tuple[bool, bool]:
    """Say whether a record keeps a text, and whether bytes."""
    return record.text is not None, record.data is not None


@given(TEXTS | st.binary(max_size=60))
def test_a_record_says_what_its_message_is_on_the_wire(message: Message) -> None:
    record = outgoing(message)
    kind, payload = (TEXT, message.encode()) if isinstance(message, str) else (BINARY, message)
    assert record.length == len(payload)
    assert len(record) == len(joined([record]))
    assert joined([record]) == encode(kind, payload)
    assert record.payload() == payload


@given(TEXTS | st.binary(max_size=60), st.integers(1, 20))
def test_fragments_say_the_same_and_know_their_message(message: Message, size: int) -> None:
    record = outgoing(message)
    assume(record.length > size)
    pieces = list(fragments(record, size))
    frames = decode_all(joined(pieces), max_frame=100)
    assert b"".join(payload for _, payload in frames) == record.payload()
    assert [kind for kind, _ in frames] == [PART] * (len(frames) - 1) + [record.kind]
    assert all(len(payload) == size for _, payload in frames[:-1])
    assert all(one.message is record for one in pieces)


def test_the_same_message_has_one_record_and_is_encoded_once() -> None:
    text = fresh(1_000)
    first, again = outgoing(text), outgoing(text)
    assert again is first
    assert again.payload() is first.payload()


@pytest.mark.parametrize("message", ["x", "", "é"])
def test_a_text_and_its_bytes_are_never_taken_for_one(message: str) -> None:
    text = outgoing(message)
    binary = outgoing(bytes(text.payload()))  # of one byte, Python has one object
    assert (text.kind, binary.kind) == (TEXT, BINARY)
    assert outgoing(message).kind == TEXT


def test_only_the_newest_keeps_a_text_beside_its_bytes() -> None:
    first = outgoing(fresh(100))
    first.payload()
    assert forms(first) == (True, True)
    second = outgoing(fresh(100, "y"))
    assert forms(first) == (False, True)
    assert first.as_text() == "x" * 100
    third = outgoing(fresh(100, "z"))
    assert forms(second) == (True, False)
    second.payload()
    assert forms(second) == (False, True)
    assert forms(third) == (True, False)


def test_nothing_is_kept_that_no_outbox_holds() -> None:
    record = outgoing(fresh(1_000))
    gone = weakref.ref(record)
    del record
    assert gone() is None


def test_a_lone_surrogate_is_refused_and_changes_nothing() -> None:
    core = Session(SessionLimits())
    with pytest.raises(UsageError, match="index 1"):
        core.send("x\ud800")
    assert core.outbox.next == 1
    core.send("é")
    assert core.outbox.size == HEADER.size + 2


def test_the_end_is_a_frame_like_the_others() -> None:
    ((kind, payload),) = decode_all(joined([closing(4000, "über")]), max_frame=100)
    assert (kind, payload) == (CLOSE, b"\x0f\xa0" + "über".encode())


@pytest.mark.parametrize("size", [10_000, 40_000], ids=["whole", "in-fragments"])
@pytest.mark.parametrize("letter", ["x", "é"])
def test_a_text_for_1000_sessions_is_kept_once(size: int, letter: str) -> None:
    cores = [Session(SessionLimits()) for _ in range(1_000)]
    for core in cores:
        core.acknowledge(0, 100_000)
    carriers = [core.attach(1, ordered=True) for core in cores]
    gc.collect()
    tracemalloc.start()
    try:
        text = fresh(size, letter)
        for core in cores:
            core.send(text)
        for core, carrier in zip(cores, carriers, strict=True):
            assert len(joined(core.take(carrier, 100_000))) > size
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1_000 * (size // 4)  # a copy for each would be four times that
