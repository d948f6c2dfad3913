"""Where a bound lies exactly, what errors say, and what is counted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from byway.errors import FrameError, UsageError
from byway.frames import BEAT, BINARY, CLOSE, HEADER, LEAVE, PART, TEXT, encode_beat, encode_close
from byway.session import OVERHEAD, Carrier, Closed, Intake, Session
from byway.session.events import BEAT_ASKED, ROOM_GAINED, CarrierLeaves
from byway.session.inbox import Inbox
from byway.session.outbox import Outbox
from byway.session.outgoing import Outgoing, joined, outgoing
from byway.session.response_size import ARRIVALS, ResponseSize
from tests.unit.session.wires import LIMITS, said, session, taken

CLOSED = (CLOSE, encode_close(1000, "")[HEADER.size :])


def inbox(**bounds: int) -> Inbox:
    """Return an inbox."""
    return Inbox(**{"bound": 1_000, "max_message": 100, **bounds})


def outbox(*messages: bytes, part: int = 8) -> Outbox:
    """Return an outbox with messages, whose peer has room."""
    box = Outbox(part=part)
    box.acknowledge(0, 10_000)
    for one in messages:
        box.append(outgoing(one))
    return box


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        ([(TEXT, b"\xff")], "a TEXT message is not UTF-8"),
        ([(PART, b"")], "PART is empty"),
        ([(PART, b"x"), CLOSED], "CLOSE came inside a message"),
        ([CLOSED, (TEXT, b"x")], "a numbered frame came after CLOSE"),
    ],
)
def test_what_an_error_says_of_a_frame(frames: list[tuple[int, bytes]], said: str) -> None:
    box = inbox()
    for frame in frames[:-1]:
        box.accept(*frame)
    with pytest.raises(FrameError) as refused:
        box.accept(*frames[-1])
    assert str(refused.value) == said


def test_a_message_may_begin_while_a_byte_of_room_is_left_and_not_without() -> None:
    box = inbox(bound=2 * (OVERHEAD + 10))
    box.accept(BINARY, b"x" * 9)
    box.accept(BINARY, b"x" * 10)
    assert box.room == 1
    box.accept(BINARY, b"")
    full = inbox(bound=OVERHEAD + 10)
    full.accept(BINARY, b"x" * 10)
    with pytest.raises(FrameError) as refused:
        full.accept(BINARY, b"")
    assert str(refused.value) == "a message began although the inbox had announced no room"
    assert refused.value.status == 429


def test_a_message_of_the_longest_size_is_taken_whole_and_in_parts() -> None:
    box = inbox()
    box.accept(BINARY, b"x" * 100)
    box.accept(PART, b"y" * 100)
    assert box.too_big is False
    box.accept(BINARY, b"")
    assert [box.pop(), box.pop()] == [b"x" * 100, b"y" * 100]
    box.accept(PART, b"z" * 101)
    assert box.too_big


def test_what_is_dropped_is_counted_together() -> None:
    box = inbox()
    box.accept(BINARY, b"one")
    box.stop()
    box.accept(BINARY, b"two")
    box.stop()
    assert box.dropped == 2


def test_what_an_inbox_has_read_is_what_was_read() -> None:
    box = inbox()
    assert box.read == 0
    box.accept(BINARY, b"one")
    box.pop()
    assert box.read == 3 + OVERHEAD


def test_a_message_of_a_part_s_size_is_one_frame() -> None:
    assert outbox(b"x" * 8).next == 2
    assert outbox(b"x" * 9).next == 3


def test_what_is_kept_is_what_was_not_acknowledged() -> None:
    box = outbox(b"one", b"three", b"sixsix")
    weights = [HEADER.size + OVERHEAD + size for size in (3, 5, 6)]
    assert box.kept == sum(weights)
    box.acknowledge(1, 10_000)
    assert box.kept == sum(weights[1:])
    box.acknowledge(3, 10_000)
    assert box.kept == 0


def test_an_old_acknowledgement_frees_nothing() -> None:
    box = Outbox(part=8)
    box.append(outgoing(b"one"))
    box.append(outgoing(b"two"))
    box.acknowledge(2, 0)
    assert box.acknowledge(1, 10_000) is False
    box.append(outgoing(b"three"))
    assert not box.has(3), "the old one had room, and is not believed"


def test_an_acknowledgement_says_whether_frames_may_go_that_waited() -> None:
    box = Outbox(part=8)
    assert box.append(outgoing(b"one")) is False
    assert box.acknowledge(0, 0) is False
    assert box.acknowledge(0, 1) is True
    assert box.acknowledge(0, 100) is False, "it did not wait any more"


def test_close_needs_no_room_but_what_is_before_it() -> None:
    box = Outbox(part=8)
    box.acknowledge(0, 1)
    box.append(outgoing(b"one"))
    box.append(Outgoing(CLOSE, 2, data=b"\x03\xe8"))
    assert box.slice(1, 1_000) == (1, box._frames)
    assert [box.has(1), box.has(2), box.has(3)] == [True, True, False]


def test_a_ring_keeps_so_many_bytes_of_what_was_written() -> None:
    ring = Outbox(part=100, ring=3 * (HEADER.size + 5), has_credit=False)
    for number in range(6):
        ring.append(outgoing(b"%05d" % number))
        ring.wrote(number + 2)
        assert ring.first == max(1, number - 1)
        assert ring.size <= 3 * (HEADER.size + 5)


def test_a_ring_lets_nothing_go_that_was_not_written() -> None:
    ring = Outbox(part=100, ring=10, has_credit=False)
    for number in range(4):
        ring.append(outgoing(b"%05d" % number))
    ring.wrote(2)
    assert ring.first == 2


def test_a_send_fills_the_outbox_to_its_bound() -> None:
    core = session(limits=replace(LIMITS, part=300))
    weight = HEADER.size + OVERHEAD
    core.send(b"x" * (LIMITS.outbox - 2 * weight - 1))
    assert core.writable
    core.send(b"x")
    assert core.outbox.kept == LIMITS.outbox
    assert not core.writable


def test_frames_that_come_again_are_counted() -> None:
    core = session()
    assert core.repeats == 0
    intake = Intake(ordered=False, expected=1)
    core.feed(intake, [(BINARY, b"one"), (BINARY, b"two")])
    intake.expected = 1
    core.feed(intake, [(BINARY, b"one"), (BINARY, b"two")])
    assert core.repeats == 2


def test_an_unknown_frame_of_the_last_numbered_type_is_numbered() -> None:
    core = session()
    with pytest.raises(FrameError) as refused:
        core.feed(Intake(ordered=True), [(15, b"")])
    assert str(refused.value) == "a numbered frame came before NEXT"
    core.feed(Intake(ordered=True), [(200, b"")])


def test_a_beat_that_is_asked_for_is_told_once_and_only_where_it_is_shorter() -> None:
    core = session()
    intake = Intake(ordered=True)
    for seconds in (5.0, 5.0, 8.0, 2.0):
        core.feed(intake, [(BEAT, encode_beat(seconds)[HEADER.size :])])
    assert core.beat == 2.0
    assert core.events.count(BEAT_ASKED) == 2


def attached(core: Session) -> Carrier:
    """Attach a carrier."""
    return core.attach(1, ordered=True)


def test_a_carrier_that_leaves_is_told_once() -> None:
    core = session()
    carrier = attached(core)
    core.feed(carrier.intake, [(LEAVE, b""), (LEAVE, b"")])
    leaves = [one for one in core.events if isinstance(one, CarrierLeaves)]
    assert [one.carrier for one in leaves] == [carrier]


def test_a_message_that_is_too_long_is_closed_with_a_reason() -> None:
    core = session()
    carrier = attached(core)
    carrier.intake.expected = 1
    core.feed(carrier.intake, [(PART, b"x" * 1_000)] * 5)
    reason = f"a message is over the bound of {LIMITS.max_message} bytes"
    assert core.end == Closed(1009, reason)


def test_a_reason_may_have_123_bytes() -> None:
    session().close(1000, "x" * 123)
    with pytest.raises(UsageError, match="longer than 123 bytes"):
        session().close(1000, "x" * 124)
    with pytest.raises(UsageError) as refused:
        session().close(1000, "\ud800")
    assert str(refused.value) == "the close reason holds a lone surrogate"


def test_a_lone_surrogate_is_refused_with_its_place() -> None:
    with pytest.raises(UsageError) as refused:
        session().send("ab\ud800")
    said = "the text contains a lone surrogate at index 2; it cannot be sent as UTF-8"
    assert str(refused.value) == said


def test_the_oldest_carrier_is_told_why_it_ends() -> None:
    core = session()
    first = core.attach(1, ordered=True)
    for number in range(2, LIMITS.carriers + 2):
        core.attach(number, ordered=True)
    assert first.ended == "there are newer carriers"
    core.detach(core.carriers[2], "")
    assert core.attach(9, ordered=True).ended == ""


def test_a_carrier_that_ends_without_a_reason_has_ended() -> None:
    core = session()
    carrier = attached(core)
    core.detach(carrier, "")
    assert carrier.ended == "ended"


def test_writing_goes_on_behind_what_the_peer_has() -> None:
    core = session()
    for text in ("one", "two", "three"):
        core.send(text)
    carrier = core.attach(1, ordered=True, received=2)
    assert carrier.cursor == 3


def test_a_text_is_encoded_once_and_read_as_it_was() -> None:
    record = outgoing("grüße")
    assert record.data == "grüße".encode()
    assert record.as_text() is record.text
    assert joined([record, b"|"]) == HEADER.pack(TEXT, 7) + "grüße".encode() + b"|"


def test_half_of_an_odd_response_is_whole_bytes() -> None:
    size = ResponseSize(50_001)
    size.wrote(9, 40_001)
    size.received(1)
    assert size.size == 20_000
    assert isinstance(size.size, int)
    size.received(1)
    assert size.size == 20_000, "one response is lost once"


def test_an_arrival_counts_once() -> None:
    size = ResponseSize(40_000)
    size.wrote(2, 40_000)
    size.received(1)
    assert size.size == 40_000, "it arrived"
    size.wrote(9, 40_000)
    size.received(1)
    assert size.size == 20_000
    for _ in range(ARRIVALS - 1):
        size.wrote(9, 20_000)
        size.received(8)
        size.received(8)  # a repeated request
    assert size.size == 20_000
    size.wrote(9, 20_000)
    size.received(8)
    assert size.size == 40_000


ROOMY = replace(LIMITS, inbox=402)  # of which a quarter is 100


def receiving(core: Session, *payloads: bytes) -> Carrier:
    """Attach a carrier, and let these messages come on it."""
    carrier = attached(core)
    core.announce(carrier)
    carrier.intake.expected = 1
    core.feed(carrier.intake, [(BINARY, one) for one in payloads])
    return carrier


def test_a_quarter_of_the_inbox_is_acknowledged_and_no_byte_less() -> None:
    assert receiving(session(limits=ROOMY), b"x" * (100 - OVERHEAD)).due
    assert not receiving(session(limits=ROOMY), b"x" * (99 - OVERHEAD)).due


def test_a_quarter_of_room_that_was_gained_is_told_and_no_byte_less() -> None:
    for size, due in ((100, True), (99, False)):
        core = session(limits=ROOMY)
        carrier = receiving(core, b"x" * (size - OVERHEAD))
        core.take(carrier, 1_000, beat=True)
        core.receive()
        assert carrier.due is due
        assert core.pending(carrier) is due


def test_where_all_room_was_used_any_that_is_gained_is_told() -> None:
    core = session(limits=ROOMY)
    carrier = receiving(core, b"", b"x" * 105, b"x" * 105)
    assert core.inbox.cost == ROOMY.inbox
    core.take(carrier, 1_000, beat=True)
    core.receive()
    assert carrier.due


def test_once_the_end_is_acknowledged_nothing_is_due_any_more() -> None:
    core = session()
    carrier = receiving(core, b"x")
    core.feed(carrier.intake, [CLOSED])
    core.take(carrier, 1_000)
    assert not core.pending(carrier)


def test_room_is_gained_only_where_there_was_none() -> None:
    core = session(limits=replace(LIMITS, part=300))
    core.send(b"x" * 300)
    core.send(b"x" * 300)
    core.send(b"x" * 300)
    assert ROOM_GAINED not in core.events
    core.acknowledge(3, 1_000)
    assert core.events.count(ROOM_GAINED) == 1


def test_only_the_carrier_that_is_used_has_messages_to_write() -> None:
    core = session()
    used, other = attached(core), core.attach(2, ordered=True)
    core.select(used)
    core.take(used, 1_000)
    core.take(other, 1_000)
    assert not core.pending(used)
    core.send("x")
    assert core.pending(used)
    assert not core.pending(other)


def test_a_choice_is_told_once_and_by_the_client_alone() -> None:
    client, server = session(), session()
    up, down = attached(client), attached(server)
    client.select(up)
    assert said(client, up) == ["ACK", "SELECT"]
    assert said(client, up, beat=True) == ["ACK"]
    client.select(up)
    server.feed(down.intake, taken(client, up))
    assert server.selected is down
    assert said(server, down, beat=True) == ["ACK"]


def test_what_waits_for_room_is_not_due() -> None:
    core = session(room=0)
    core.acknowledge(0, 1)
    carrier = attached(core)
    core.send("one")
    core.send("two")
    assert said(core, carrier) == ["ACK", "NEXT", "TEXT"]
    assert not carrier.due


def test_a_frame_that_waited_and_came_again_in_order_waits_no_more() -> None:
    core = session()
    core.feed(Intake(ordered=False, expected=3), [(BINARY, b"three")])
    core.feed(Intake(ordered=True, expected=1), [(BINARY, b"1"), (BINARY, b"2"), (BINARY, b"3")])
    assert core._reorder.size == 0
