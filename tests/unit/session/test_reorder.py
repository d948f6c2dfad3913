"""Frames that overtook others: kept in bounds, and taken when their turn has come."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from byway.frames import TEXT, decode_all, encode, encode_next
from byway.session import OVERHEAD, Closed, Intake, joined
from byway.session.reorder import ReorderBuffer
from tests.unit.session.wires import LIMITS, session


def batch(core_number: int, *texts: str) -> list[tuple[int, bytes]]:
    """Return the frames of a batch."""
    data = encode_next(core_number) + b"".join(encode(TEXT, one.encode()) for one in texts)
    return decode_all(data, max_frame=1000)


def test_no_more_is_kept_than_the_bound_and_nothing_twice() -> None:
    early = ReorderBuffer(2 * OVERHEAD + 5)
    early.keep(3, (TEXT, b"abc"))
    early.keep(3, (TEXT, b"abc"))
    early.keep(4, (TEXT, b"abc"))  # one byte too much
    early.keep(5, (TEXT, b"ab"))
    assert early.size == 2 * OVERHEAD + 5
    assert early.pop(4) is None
    assert early.pop(3) == (TEXT, b"abc")
    assert early.pop(3) is None
    early.clear()
    assert (early.size, early.pop(5)) == (0, None)


@given(st.permutations(range(1, 6)))
def test_batches_may_come_in_any_order(order: list[int]) -> None:
    core = session()
    for number in order:
        core.feed(Intake(ordered=False), batch(number, str(number)))
    assert [core.receive() for _ in order] == [str(number) for number in range(1, 6)]
    assert core._reorder.size == 0


def test_what_came_early_and_again_leaves_nothing_behind() -> None:
    core = session()
    core.feed(Intake(ordered=False), batch(2, "two", "three"))
    core.feed(Intake(ordered=False), batch(1, "one", "two", "three", "four"))
    assert [core.receive() for _ in range(4)] == ["one", "two", "three", "four"]
    assert core._reorder.size == 0


def test_what_does_not_fit_comes_again() -> None:
    core = session()
    far = ["x"] * (LIMITS.inbox // OVERHEAD + 10)
    core.feed(Intake(ordered=False), batch(2, *far))
    assert core._reorder.size <= LIMITS.inbox
    core.feed(Intake(ordered=False), batch(1, "one"))
    assert 1 < core.inbox.received < len(far)


def test_a_close_that_came_early_is_the_end_when_its_turn_has_come() -> None:
    core, peer = session(), session()
    peer.send("one")
    peer.close(4000, "enough")
    carrier = peer.attach(1, ordered=False, batched=True)
    frames = decode_all(joined(peer.take(carrier, 1000)), max_frame=1000)
    early = [*decode_all(encode_next(2), max_frame=100), frames[-1]]
    core.feed(Intake(ordered=False), early)
    assert core.end is None
    core.feed(Intake(ordered=False), frames[:-1])
    assert [core.receive(), core.receive()] == ["one", Closed(4000, "enough")]
