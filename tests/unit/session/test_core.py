"""One session: its life, and what it writes when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byway.errors import ChannelClosed, FrameError, UsageError
from byway.frames import (
    ACK,
    CLOSE,
    HEADER,
    LEAVE,
    PAD,
    PING,
    TEXT,
    decode_ack,
    decode_all,
    encode_beat,
    encode_close,
    encode_next,
    encode_ping,
)
from byway.handshake import Hello
from byway.session import READER, Closed, Intake, State
from tests.unit.session.wires import LIMITS, Pair, messages, said, session, taken


def test_messages_cross_both_ways_with_their_types() -> None:
    pair = Pair()
    pair.client.send("é" * 20)
    pair.client.send(b"")
    pair.server.send(b"\x00" * 30)
    pair.settle()
    assert messages(pair.server) == ["é" * 20, b""]
    assert messages(pair.client) == [b"\x00" * 30]


# So little that the inbox has room for all of it; nobody reads before the close.
@given(st.lists(st.text(max_size=4) | st.binary(max_size=16), max_size=5))
def test_whatever_is_sent_before_a_close_arrives_before_it(sent: list[str | bytes]) -> None:
    pair = Pair()
    for one in sent:
        pair.client.send(one)
    pair.client.close(4000, "done")
    pair.settle()
    arrived = messages(pair.server)
    pair.settle()  # what was read may have made the room for the rest
    assert arrived + messages(pair.server) == sent
    assert pair.server.receive() == Closed(4000, "done")
    assert pair.client.receive() == Closed(4000, "done")
    assert pair.client.finished
    assert pair.server.finished


def test_a_session_goes_from_open_over_closing_to_closed() -> None:
    pair = Pair()
    states = [(pair.client.state, pair.server.state)]
    pair.client.close()
    states.append((pair.client.state, pair.server.state))
    pair.rise()
    states.append((pair.client.state, pair.server.state))
    pair.fall()
    states.append((pair.client.state, pair.server.state))
    assert states == [
        (State.OPEN, State.OPEN),
        (State.CLOSING, State.OPEN),
        (State.CLOSING, State.CLOSED),
        (State.CLOSED, State.CLOSED),
    ]


def test_a_close_is_echoed() -> None:
    pair = Pair()
    pair.server.close(3001, "enough")
    assert pair.server.end == Closed(3001, "enough")
    pair.settle()
    assert pair.server.inbox.closed == Closed(3001, "enough")
    assert pair.server.end == pair.client.end == Closed(3001, "enough")


def test_of_closes_that_cross_each_side_has_the_other_ones() -> None:
    """RFC 6455, section 7.1.5: what was received is the code of the connection."""
    pair = Pair()
    pair.client.close(4001, "client")
    pair.server.close(4002, "server")
    assert pair.client.end == Closed(4001, "client")
    pair.settle()
    assert pair.client.end == Closed(4002, "server")
    assert pair.server.end == Closed(4001, "client")
    assert pair.client.finished
    assert pair.server.finished


def test_a_second_close_changes_nothing() -> None:
    core = session()
    core.close(4001, "first")
    core.close(4002, "second")
    assert core.end == Closed(4001, "first")
    assert core.outbox.next == 2


@pytest.mark.parametrize("code", [0, 999, 1005, 1006, 1015, 2000, 5000])
def test_a_code_that_may_not_travel_closes_nothing(code: int) -> None:
    core = session()
    with pytest.raises(UsageError, match=str(code)):
        core.close(code)
    assert core.state is State.OPEN


@pytest.mark.parametrize("reason", ["x" * 124, "é" * 62, "\ud800"])
def test_a_reason_that_cannot_travel_closes_nothing(reason: str) -> None:
    core = session()
    with pytest.raises(UsageError, match="reason"):
        core.close(1000, reason)
    assert core.state is State.OPEN
    assert not core.outbox.unacknowledged


def test_a_lone_surrogate_is_refused_and_numbers_nothing() -> None:
    core = session()
    with pytest.raises(UsageError, match="index 2"):
        core.send("ab\udc00")
    assert core.outbox.next == 1


def test_nothing_can_be_sent_after_close_or_abort() -> None:
    closed, lost = session(), session()
    closed.close(4000, "over")
    lost.abort(1006, "gone")
    with pytest.raises(ChannelClosed) as caught:
        closed.send("x")
    assert (caught.value.code, caught.value.reason) == (4000, "over")
    with pytest.raises(ChannelClosed) as caught:
        lost.send("x")
    assert (caught.value.code, caught.value.reason) == (1006, "gone")


def test_what_came_before_an_abort_can_be_read() -> None:
    pair = Pair()
    pair.client.send("last words")
    pair.rise()
    pair.server.abort(1006, "no carrier")
    assert messages(pair.server) == ["last words"]
    assert pair.server.receive() == Closed(1006, "no carrier")
    assert pair.server.finished
    assert not pair.server.carriers
    assert pair.down.ended == "no carrier"


def test_an_abort_while_closing_is_a_loss() -> None:
    core = session()
    core.close(1000)
    core.abort(1006, "gone")
    assert core.end == Closed(1006, "gone")


def test_an_abort_after_both_closes_does_not_turn_them_into_a_loss() -> None:
    pair = Pair()
    pair.server.close(4000, "done")
    pair.fall()
    pair.client.abort(1006, "the last acknowledgement was lost")
    assert pair.client.end == Closed(4000, "done")
    pair.server.feed(Intake(ordered=False), [(18, encode_next(1)[HEADER.size :])])
    pair.server.feed(pair.down.intake, taken_close())
    assert pair.server.state is State.CLOSED
    pair.server.abort(1006, "the last acknowledgement was lost")
    assert pair.server.end == Closed(4000, "")


def taken_close() -> list[tuple[int, bytes]]:
    """Return the frames of a CLOSE with number 1."""
    return [(18, encode_next(1)[HEADER.size :]), (CLOSE, encode_close(4000, "")[HEADER.size :])]


def test_an_abort_of_a_finished_session_changes_nothing() -> None:
    pair = Pair()
    pair.client.close()
    pair.settle()
    pair.client.abort(1006, "late")
    assert pair.client.state is State.CLOSED
    assert pair.client.end == Closed(1000, "")


def test_frames_that_come_after_the_session_was_lost_are_passed_over() -> None:
    core = session()
    core.abort(1006, "gone")
    core.feed(Intake(ordered=False), taken_close())
    assert core.inbox.received == 0
    assert core.state is State.LOST


def test_a_peer_that_let_go_while_this_side_closed_has_received_everything() -> None:
    core = session()
    core.send("x")
    core.close(4000)
    core.settle()
    assert core.finished
    assert core.end == Closed(4000, "")


def test_a_peer_that_let_go_of_an_open_session_settles_nothing() -> None:
    core = session()
    core.send("x")
    core.settle()
    assert core.state is State.OPEN
    assert core.outbox.unacknowledged


def test_a_message_over_the_bound_closes_with_1009() -> None:
    pair = Pair()
    pair.client.acknowledge(0, 100_000)
    pair.client.send(bytes(LIMITS.max_message + 1))
    pair.settle()
    assert pair.server.end is not None
    assert pair.server.end.code == 1009
    assert pair.client.receive() == pair.server.end
    assert pair.client.finished


def test_a_carrier_with_nothing_to_say_writes_nothing() -> None:
    pair = Pair()
    assert not pair.client.pending(pair.up)
    assert said(pair.client, pair.up) == []


def test_a_heartbeat_is_an_ack() -> None:
    pair = Pair()
    assert said(pair.server, pair.down, beat=True) == ["ACK"]


def test_an_ack_rides_on_whatever_goes_that_way_anyway() -> None:
    pair = Pair()
    pair.client.send("x")
    pair.rise()
    assert said(pair.server, pair.down) == []  # one small message makes no ACK due
    pair.server.send("y")
    assert said(pair.server, pair.down) == ["ACK", "NEXT", "TEXT"]
    pair.server.send("z")
    assert said(pair.server, pair.down) == ["TEXT"]  # nothing new to acknowledge


def test_unannounced_says_whether_a_heartbeat_would_tell_something() -> None:
    pair = Pair()
    assert not pair.server.unannounced(pair.down)
    pair.client.send("x")
    pair.rise()
    assert pair.server.unannounced(pair.down)
    said(pair.server, pair.down, beat=True)
    assert not pair.server.unannounced(pair.down)


def test_a_write_is_bounded_and_the_next_goes_on_behind_it() -> None:
    core = session()
    carrier = core.attach(1, ordered=True)
    core.announce(carrier)
    for _ in range(5):
        core.send(b"12345678")
    first = core.take(carrier, 20)
    assert core.pending(carrier)
    second = core.take(carrier, 10_000)
    assert len(first) == 1 + 2  # NEXT, and one frame over the bound
    assert len(second) == 3
    assert not core.pending(carrier)


def test_after_a_rewind_what_is_not_acknowledged_is_written_again() -> None:
    core = session()
    carrier = core.attach(1, ordered=True, batched=True)
    core.announce(carrier)
    core.send("one")
    core.send("two")
    first = taken(core, carrier)
    assert said(core, carrier) == []
    core.rewind(carrier)
    assert taken(core, carrier) == first
    core.rewind(carrier, 1)
    assert [payload for kind, payload in taken(core, carrier) if kind == TEXT] == [b"two"]


def test_a_reader_gets_padding_as_a_heartbeat_and_no_acks() -> None:
    core = session(peer=READER)
    carrier = core.attach(1, ordered=True)
    assert taken(core, carrier, beat=True) == [(PAD, b"")]
    core.send("x")
    assert said(core, carrier) == ["NEXT", "TEXT"]


def test_a_reader_s_session_is_closed_without_an_answer() -> None:
    core = session(peer=READER)
    core.close(4000)
    assert core.state is State.CLOSED
    carrier = core.attach(1, ordered=True)
    assert said(core, carrier) == ["NEXT", "CLOSE"]


def test_a_reader_s_sender_waits_for_what_was_never_written() -> None:
    core = session(peer=READER)
    carrier = core.attach(1, ordered=True)
    core.send(bytes(LIMITS.outbox))
    assert not core.writable
    taken(core, carrier)
    assert core.writable


def test_one_id_is_one_carrier() -> None:
    core = session()
    core.attach(7, ordered=True)
    with pytest.raises(FrameError, match="attached already") as caught:
        core.attach(7, ordered=True)
    assert caught.value.status == 409


def test_detaching_twice_keeps_the_first_reason_and_the_newer_carrier() -> None:
    core = session()
    old = core.attach(7, ordered=True)
    core.detach(old, "cut")
    new = core.attach(7, ordered=True)
    core.detach(old, "again")
    assert old.ended == "cut"
    assert core.carriers == {7: new}


def test_frames_of_the_handshake_padding_and_unknown_ones_are_passed_over() -> None:
    core = session()
    hello = Hello(key="Kx3vT8qLw2ZrN5yBhE7uJd", carrier=1, received=0, room=0).frame()[
        HEADER.size :
    ]
    core.feed(Intake(ordered=True), [(16, hello), (17, b"{}"), (PAD, b"xx"), (200, b"later")])
    assert core.inbox.received == 0


def test_leave_is_noted_on_the_carrier_that_it_came_on() -> None:
    core = session()
    carrier = core.attach(1, ordered=True)
    core.feed(Intake(ordered=False), [(LEAVE, b"")])
    assert not carrier.leaving
    core.feed(carrier.intake, [(LEAVE, b"")])
    assert carrier.leaving


def test_leave_is_said_once_and_the_carrier_ends_when_another_is_selected() -> None:
    pair = Pair()
    pair.client.select(pair.up)
    pair.settle()
    pair.server.leave(pair.down)
    pair.server.leave(pair.down)
    assert pair.fall().count("LEAVE") == 1
    assert pair.up.leaving
    new = pair.client.attach(2, ordered=True)
    pair.server.attach(2, ordered=True)
    pair.server.send("on the old one")
    assert pair.fall()[-1] == "TEXT"  # it carries until another is selected
    pair.client.select(new)
    pair.rise()
    assert pair.down.ended == "another was selected in time"
    assert list(pair.server.carriers) == [2]


def test_a_carrier_that_was_told_to_leave_goes_on_where_the_selected_one_has_ended() -> None:
    pair = Pair()
    pair.server.leave(pair.down)
    pair.client.select(pair.client.attach(2, ordered=True))
    pair.rise()  # the server does not have that one any more
    assert not pair.down.ended
    pair.server.send("x")
    assert pair.fall()[-1] == "TEXT"


def test_a_heartbeat_that_is_asked_for_is_told_on_every_carrier() -> None:
    pair = Pair()
    pair.client.ask_beat(2.5)
    assert pair.rise() == ["BEAT"]
    assert pair.server.beat == 2.5
    assert pair.rise() == []
    other = pair.client.attach(2, ordered=True)
    assert said(pair.client, other) == ["BEAT", "ACK"]
    pair.client.rewind(other)  # what was written may be lost
    assert said(pair.client, other) == ["BEAT"]


def test_of_several_heartbeats_the_shortest_is_kept() -> None:
    """A proxy may repeat the request that asked for the longer one."""
    core = session()
    for seconds in (3.0, 2.0, 3.0):
        core.feed(Intake(ordered=False), decode_all(encode_beat(seconds), max_frame=100))
    assert core.beat == 2.0


def test_only_so_many_pongs_wait_on_a_carrier() -> None:
    core = session()
    carrier = core.attach(1, ordered=True)
    core.announce(carrier)
    for number in range(100):
        ping = encode_ping(1, b"%d" % number)[HEADER.size :]
        core.feed(Intake(ordered=False), [(PING, ping)])
    frames = taken(core, carrier)
    assert [payload[4:] for _, payload in frames] == [b"%d" % number for number in range(84, 100)]


def test_an_announcement_is_what_the_inbox_says() -> None:
    pair = Pair()
    pair.client.send(bytes(10))
    pair.rise()
    frames = taken(pair.server, pair.down, beat=True)
    assert [decode_ack(payload) for kind, payload in frames if kind == ACK] == [
        (2, LIMITS.inbox - 10 - 64)
    ]


def test_a_failing_frame_leaves_those_before_it_taken() -> None:
    core = session()
    carrier = core.attach(1, ordered=True)
    number = encode_next(1)[HEADER.size :]
    with pytest.raises(FrameError):
        core.feed(carrier.intake, [(18, number), (TEXT, b"taken"), (TEXT, b"\xff")])
    assert messages(core) == ["taken"]
    assert core.inbox.received == 1
