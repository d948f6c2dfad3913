"""The rules marked in the design, each named for what goes wrong without it.

The model that the protocol was found with lost, doubled or stalled messages without them.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from byway.errors import FrameError
from byway.frames import (
    ACK,
    BINARY,
    CLOSE,
    HEADER,
    NEXT,
    PART,
    PING,
    PONG,
    SELECT,
    TEXT,
    Frame,
    decode_ack,
    decode_all,
    decode_next,
    decode_ping,
    decode_select,
    encode_ack,
    encode_close,
    encode_next,
    encode_ping,
    encode_pong,
    encode_select,
)
from byway.session import OVERHEAD, READER, Closed, Intake, Session, State
from tests.unit.session.network import Network, Reader
from tests.unit.session.wires import (
    LIMITS,
    ROOM,
    Pair,
    bring,
    messages,
    said,
    session,
    starved,
    taken,
)

QUARTER = LIMITS.inbox // 4


def frame(wire: bytes) -> Frame:
    """Decode one encoded frame."""
    (one,) = decode_all(wire, max_frame=1_000)
    return one


def numbers(frames: list[Frame]) -> list[int]:
    """Return what the NEXT frames say."""
    return [decode_next(payload) for kind, payload in frames if kind == NEXT]


def texts(frames: list[Frame]) -> list[bytes]:
    """Return the payloads of the TEXT frames."""
    return [payload for kind, payload in frames if kind == TEXT]


def choice(count: int, carrier: int) -> list[Frame]:
    """Return a SELECT as it arrives."""
    return [frame(encode_select(count, carrier))]


# NEXT


def test_without_next_the_first_frames_of_a_carrier_would_have_no_numbers() -> None:
    core = session()
    core.send("one")
    core.send("two")
    core.acknowledge(1, ROOM)
    carrier = core.attach(2, ordered=True, received=1)
    frames = taken(core, carrier)
    assert numbers(frames) == [2]
    assert [kind for kind, _ in frames[-2:]] == [NEXT, TEXT]
    other = session()
    with pytest.raises(FrameError, match="before NEXT"):
        other.feed(Intake(ordered=True), [(TEXT, b"one")])
    assert other.inbox.received == 0


def test_without_next_a_jump_would_misnumber_frames() -> None:
    core, peer = session(), session()
    slow = core.attach(1, ordered=True)
    landed = peer.attach(1, ordered=True)
    core.send("one")
    bring(core, slow, peer, landed.intake)
    fast = core.attach(2, ordered=True, received=1)
    core.send("two")
    core.send("three")
    bring(core, fast, peer, peer.attach(2, ordered=True).intake)
    core.acknowledge(3, ROOM)  # so the slow carrier's cursor jumps over two and three
    core.send("four")
    frames = taken(core, slow)
    assert numbers(frames) == [4]
    peer.feed(landed.intake, frames)
    assert messages(peer) == ["one", "two", "three", "four"]


def test_without_next_on_every_batch_one_that_overtakes_another_would_be_misnumbered() -> None:
    core = session()
    carrier = core.attach(1, ordered=True, batched=True)
    batches = []
    for text in ("one", "two"):
        core.send(text)
        batches.append(taken(core, carrier))
    assert [numbers(batch) for batch in batches] == [[1], [2]]


def test_a_carrier_that_counts_on_by_itself_says_no_more_numbers() -> None:
    core = session()
    carrier = core.attach(1, ordered=True)
    core.send("one")
    taken(core, carrier)
    core.send("two")
    assert said(core, carrier) == ["TEXT"]


# What arrives twice, and what does not arrive


def test_without_dropping_by_number_a_replay_would_double_messages() -> None:
    core, peer = session(), session()
    core.send("one")
    core.send("two")
    for carrier_id in (1, 2):
        bring(core, core.attach(carrier_id, ordered=True), peer, Intake(ordered=True))
    assert messages(peer) == ["one", "two"]


def test_without_ending_at_a_gap_an_ordered_carrier_would_lose_a_message_for_good() -> None:
    core = session()
    carrier = core.attach(1, ordered=True)
    lost = [frame(encode_next(2)), (TEXT, b"two")]
    with pytest.raises(FrameError, match="1 are missing"):
        core.feed(carrier.intake, lost)
    assert messages(core) == []
    assert core.inbox.received == 0


def test_a_batch_beyond_a_gap_only_comes_too_early() -> None:
    core = session()
    core.feed(Intake(ordered=False), [frame(encode_next(2)), (TEXT, b"two")])
    assert core.inbox.received == 0
    core.feed(Intake(ordered=False), [frame(encode_next(1)), (TEXT, b"one"), (TEXT, b"two")])
    assert messages(core) == ["one", "two"]


@pytest.mark.parametrize("way", ["ACK", "HELLO or OPEN", "attach"])
def test_without_a_check_more_than_was_sent_would_let_unsent_frames_go(way: str) -> None:
    core = session()
    core.send("one")
    ways: dict[str, Callable[[], object]] = {
        "ACK": lambda: core.feed(Intake(ordered=True), [frame(encode_ack(2, 0))]),
        "HELLO or OPEN": lambda: core.acknowledge(2, 0),
        "attach": lambda: core.attach(1, ordered=True, received=2),
    }
    with pytest.raises(FrameError, match="received 2 frames, only 1"):
        ways[way]()
    core.send("two")
    assert texts(taken(core, core.attach(9, ordered=True))) == [b"one", b"two"]


# Parts


def test_without_numbering_all_parts_at_once_two_messages_would_be_mixed() -> None:
    core, peer = session(), session()
    core.send("a" * 20)
    core.send("b" * 20)
    bring(core, core.attach(1, ordered=True), peer, Intake(ordered=True))
    assert messages(peer) == ["a" * 20, "b" * 20]


def test_without_exceeding_the_outbox_a_message_over_its_bound_could_never_go() -> None:
    core = session()
    core.send(bytes(8))
    sendable = [core.writable]
    core.send(bytes(5 * LIMITS.outbox))  # all of it or nothing
    assert [*sendable, core.writable] == [True, False]
    assert core.outbox.size > 5 * LIMITS.outbox


def test_a_replay_that_begins_inside_a_message_joins_it_to_the_parts_received() -> None:
    core, peer = session(), session()
    core.send("abcdefgh" * 3)
    first = core.attach(1, ordered=True)
    frames = taken(core, first)
    peer.feed(Intake(ordered=True), frames[:-1])  # cut before the closing TEXT
    second = core.attach(2, ordered=True, received=peer.inbox.received)
    bring(core, second, peer, Intake(ordered=True))
    assert messages(peer) == ["abcdefgh" * 3]


# The end of a carrier, and of a session


def test_without_distrust_of_a_clean_end_a_cut_would_pass_for_a_close() -> None:
    pair = Pair()
    pair.server.send("lost with the carrier")
    taken(pair.server, pair.down)
    pair.client.detach(pair.up, "the answer ended")
    pair.server.detach(pair.down, "the client left")
    for core in (pair.client, pair.server):
        assert core.state is State.OPEN
        assert core.end is None
        assert not core.finished
    down = pair.server.attach(2, ordered=True)
    bring(pair.server, down, pair.client, pair.client.attach(2, ordered=True).intake)
    assert messages(pair.client) == ["lost with the carrier"]


def test_without_a_number_close_would_overtake_what_was_sent_before_it() -> None:
    core, peer = session(), session()
    core.send("before")
    core.close(4000, "done")
    frames = taken(core, core.attach(1, ordered=True))
    close = [frame(encode_next(2)), frames[-1]]
    assert frames[-1][0] == CLOSE
    peer.feed(Intake(ordered=False), close)  # it arrives alone, too early
    assert peer.end is None
    bring(core, core.attach(2, ordered=True), peer, Intake(ordered=True))
    assert messages(peer) == ["before"]
    assert peer.receive() == Closed(4000, "done")


def test_without_replaying_close_the_other_side_would_wait_for_a_window() -> None:
    pair = Pair()
    pair.client.close(4000)
    taken(pair.client, pair.up)
    pair.client.detach(pair.up, "cut")
    assert not pair.client.finished
    assert said(pair.client, pair.client.attach(2, ordered=True)) == ["ACK", "NEXT", "CLOSE"]


def test_without_waiting_for_its_acknowledgement_the_last_words_would_be_lost() -> None:
    pair = Pair()
    pair.server.send("last words")
    pair.server.close(1000)
    taken(pair.server, pair.down)
    close = [frame(encode_next(1)), (CLOSE, encode_close(1000, "")[HEADER.size :])]
    pair.server.feed(Intake(ordered=False), close)
    assert pair.server.state is State.CLOSED
    assert not pair.server.finished
    pair.server.acknowledge(pair.server.outbox.next - 1, 0)
    assert pair.server.finished


def test_without_an_ack_at_once_for_close_its_sender_would_wait_for_a_heartbeat() -> None:
    pair = Pair()
    pair.server.close(1000)
    pair.fall()  # the client answers with CLOSE
    pair.client.detach(pair.up, "so that the answer goes another way")
    other = pair.client.attach(2, ordered=True)
    taken(pair.client, other)
    third = pair.client.attach(3, ordered=True)
    third.cursor = pair.client.outbox.next  # nothing of its own to write
    assert said(pair.client, third) == ["ACK"]


def test_without_emptying_the_inbox_a_close_would_wait_for_messages_that_nobody_reads() -> None:
    pair = Pair()
    while pair.client.outbox.size < 2 * LIMITS.inbox:
        pair.client.send(bytes(30))
    pair.client.close(1000)
    pair.rise()
    assert starved(pair.client.outbox)  # the server's inbox is full, and its handler returns
    pair.server.close(1000)
    assert pair.server.inbox.dropped
    pair.settle()
    assert messages(pair.server) == []
    assert pair.client.finished
    assert pair.server.finished


def test_without_counting_what_is_dropped_the_peer_s_messages_would_be_sent_for_ever() -> None:
    pair = Pair()
    pair.server.close(1000)
    pair.client.send("too late")
    pair.rise()
    assert pair.server.inbox.dropped == 1
    assert pair.server.inbox.received == 1
    assert messages(pair.server) == []
    pair.fall()
    assert pair.client.outbox.first == 2


# Carriers


def test_without_ids_of_the_client_the_two_sides_would_not_mean_the_same_carrier() -> None:
    server = session()
    for carrier_id in (5, 3, 9):
        assert server.attach(carrier_id, ordered=True).id == carrier_id
    server.feed(Intake(ordered=False), choice(1, 3))
    assert server.selected is server.carriers[3]


def test_without_ending_the_oldest_unselected_dead_carriers_would_lock_the_client_out() -> None:
    server = session()
    first, second, third = (server.attach(number, ordered=True) for number in (1, 2, 3))
    server.feed(Intake(ordered=False), choice(1, 1))
    newcomer = server.attach(4, ordered=True)
    assert second.ended
    assert list(server.carriers.values()) == [first, third, newcomer]
    assert server.selected is first


def test_without_the_bound_dead_carriers_would_pile_up() -> None:
    server = session()
    for number in range(1, 50):
        server.attach(number, ordered=True)
    assert list(server.carriers) == [47, 48, 49]


def test_without_writing_to_all_carriers_choosing_would_cost_a_round_trip() -> None:
    server = session()
    carriers = [server.attach(number, ordered=True) for number in (1, 2)]
    server.send("x")
    assert [texts(taken(server, one)) for one in carriers] == [[b"x"], [b"x"]]


# Selecting


def chosen() -> tuple[Session, list[int]]:
    """Return a server with carriers 1 and 2, whose client has chosen 1 and then 2."""
    server = session()
    server.attach(1, ordered=True)
    server.attach(2, ordered=True)
    server.feed(Intake(ordered=False), choice(1, 1))
    server.feed(Intake(ordered=False), choice(2, 2))
    return server, [server.selected.id if server.selected else 0]


def test_without_a_count_a_repeated_old_select_would_send_everything_to_a_dead_carrier() -> None:
    server, selected = chosen()
    assert selected == [2]
    for count in (0, 1, 2):
        server.feed(Intake(ordered=False), choice(count, 1))
    assert server.selected is server.carriers[2]
    server.feed(Intake(ordered=False), choice(3, 1))
    assert server.selected is server.carriers[1]


def test_without_a_check_selecting_an_ended_carrier_would_leave_nobody_written_to() -> None:
    server, _ = chosen()
    server.attach(3, ordered=True)
    server.detach(server.carriers[3], "cut")
    server.feed(Intake(ordered=False), choice(3, 3))
    # The client does not listen to 2 any more, and 3 is gone: all are written to.
    assert server.selected is None
    server.send("x")
    assert all(texts(taken(server, one)) == [b"x"] for one in server.carriers.values())
    server.feed(Intake(ordered=False), choice(2, 2))
    assert server.selected is None


def test_without_forgetting_an_ended_choice_nothing_would_be_written_to_the_next_carrier() -> None:
    server, _ = chosen()
    server.send("x")
    other = server.carriers[1]
    assert texts(taken(server, other)) == []
    server.detach(server.carriers[2], "cut")
    assert texts(taken(server, other)) == [b"x"]


def test_without_a_check_a_client_that_chooses_an_ended_carrier_would_write_nowhere() -> None:
    client = session()
    ended = client.attach(1, ordered=True)
    other = client.attach(2, ordered=True)
    client.detach(ended, "cut while OPEN was on its way")
    client.select(ended)
    client.send("x")
    assert texts(taken(client, other)) == [b"x"]


def test_without_repeating_select_a_lost_batch_would_lose_the_choice() -> None:
    client = session()
    carrier = client.attach(7, ordered=True, batched=True)
    client.select(carrier)
    first = taken(client, carrier)
    assert [decode_select(payload) for kind, payload in first if kind == SELECT] == [(1, 7)]
    assert not client.pending(carrier)
    client.rewind(carrier)  # as for a batch that was not answered
    assert client.pending(carrier)
    again = taken(client, carrier)
    assert [decode_select(payload) for kind, payload in again if kind == SELECT] == [(1, 7)]


def test_without_select_on_every_carrier_the_one_that_still_works_could_not_tell_it() -> None:
    client = session()
    old = client.attach(1, ordered=True, batched=True)
    new = client.attach(2, ordered=True, batched=True)
    client.select(old)
    taken(client, old)
    client.select(new)
    client.send("x")
    assert "SELECT" in said(client, old)
    assert texts(taken(client, old)) == []  # but messages go where the client listens
    assert texts(taken(client, new)) == [b"x"]


def test_without_acknowledging_before_select_the_server_would_replay_what_was_received() -> None:
    pair = Pair()
    pair.server.send("x")
    pair.fall()
    other = pair.client.attach(2, ordered=True)
    pair.client.select(other)
    names = said(pair.client, other)
    assert names.index("ACK") < names.index("SELECT")


def test_a_server_cannot_make_the_client_choose() -> None:
    client = session()
    carrier = client.attach(1, ordered=True)
    client.attach(2, ordered=True)
    client.select(carrier)
    client.feed(Intake(ordered=False), choice(9, 2))
    assert client.selected is carrier


# Proof


def test_without_its_carrier_a_pong_on_another_would_prove_what_does_not_work() -> None:
    client, server = session(), session()
    for core in (client, server):
        for number in (1, 2):
            core.announce(core.attach(number, ordered=True))
    client.ping(client.carriers[2], b"proof")
    frames = taken(client, client.carriers[2])
    server.feed(server.carriers[1].intake, frames)  # the PING may go up any way
    assert said(server, server.carriers[1]) == []
    pongs = taken(server, server.carriers[2])
    assert [(kind, decode_ping(payload)) for kind, payload in pongs] == [(PONG, (2, b"proof"))]
    client.feed(client.carriers[2].intake, pongs)
    assert client.carriers[2].proven
    assert not client.carriers[1].proven


def test_without_a_later_write_a_pong_would_prove_nothing_of_a_held_answer() -> None:
    server = session()
    carrier = server.attach(1, ordered=True)
    server.send("before the ping")
    taken(server, carrier)
    server.feed(carrier.intake, [frame(encode_ping(1, b"?"))])
    assert server.pending(carrier)
    assert "PONG" in said(server, carrier)


@pytest.mark.parametrize("opaque", [b"", b"old"])
def test_without_the_nonce_an_old_pong_would_prove_a_carrier(opaque: bytes) -> None:
    client = session()
    carrier = client.attach(1, ordered=True)
    client.feed(carrier.intake, [frame(encode_pong(1, opaque))])
    client.ping(carrier, b"new")
    client.feed(carrier.intake, [frame(encode_pong(1, opaque))])
    assert not carrier.proven


def test_a_ping_for_a_carrier_that_is_gone_is_answered_nowhere() -> None:
    server = session()
    carrier = server.attach(1, ordered=True)
    server.announce(carrier)
    server.feed(carrier.intake, [frame(encode_ping(2, b"?"))])
    assert not server.pending(carrier)


# Flow control


def limited(room: int) -> Session:
    """Return a session whose peer has announced this much room."""
    return session(room=room)


def test_without_the_greatest_limit_a_repeated_old_post_would_shrink_the_room() -> None:
    core = limited(10)
    core.acknowledge(0, 5_000)
    core.acknowledge(0, 10)  # the old one, once more
    carrier = core.attach(1, ordered=True)
    for _ in range(3):
        core.send(bytes(100))
    assert core.outbox.next - 1 == sum(
        1 for kind, _ in taken(core, carrier) if kind in (PART, BINARY)
    )


def test_without_an_absolute_limit_an_old_ack_would_count_the_same_room_twice() -> None:
    core = limited(100)
    carrier = core.attach(1, ordered=True)
    core.send(bytes(8))
    core.send(bytes(8))
    taken(core, carrier)
    core.acknowledge(1, 100 - 8 - OVERHEAD)  # the limit stays at 100 bytes from the beginning
    core.send(bytes(8))
    assert not core.pending(carrier)
    assert starved(core.outbox)


def test_without_beginning_in_any_room_a_message_over_the_inbox_could_never_go() -> None:
    pair = Pair()
    large = bytes(3 * LIMITS.inbox)
    pair.client.send(large)
    pair.client.send("next")
    pair.rise()
    assert starved(pair.client.outbox)  # the room is overdrawn by one message, no more
    assert len(pair.server.inbox) == 1
    assert messages(pair.server) == [large]
    pair.settle()
    assert messages(pair.server) == ["next"]


def test_without_an_overhead_empty_messages_would_cost_nothing_and_have_no_bound() -> None:
    pair = Pair()
    for _ in range(100):
        pair.client.send("")
    pair.rise()
    assert len(pair.server.inbox) == -(-LIMITS.inbox // OVERHEAD)


def test_without_free_parts_a_message_would_stop_in_its_middle() -> None:
    core = limited(1)
    core.send(bytes(200))
    frames = taken(core, core.attach(1, ordered=True))
    assert [kind for kind, _ in frames][-25:] == [PART] * 24 + [BINARY]


def test_without_free_closes_a_full_inbox_would_hold_the_end_back() -> None:
    pair = Pair()
    while not starved(pair.client.outbox):
        pair.client.send(bytes(100))
        pair.rise()
    assert pair.server.inbox.room == 0
    unsent = starved(pair.client.outbox)
    pair.client.close(1000)
    pair.rise()
    assert (pair.server.inbox.closed is None) is unsent
    messages(pair.server)
    pair.settle()
    assert pair.server.inbox.closed is not None


def test_close_goes_into_an_inbox_without_room() -> None:
    core = limited(0)
    core.close(1000)
    assert "CLOSE" in said(core, core.attach(1, ordered=True))


def test_without_an_error_a_peer_that_keeps_no_limit_would_fill_the_memory() -> None:
    pair = Pair()
    pair.client.acknowledge(0, 1_000_000)  # nobody said that
    for _ in range(3):
        pair.client.send(bytes(LIMITS.inbox // 2))
    with pytest.raises(FrameError, match="no room") as caught:
        pair.rise()
    assert caught.value.status == 429


def test_without_an_ack_for_each_quarter_received_the_peer_s_outbox_would_stay_full() -> None:
    pair = Pair()
    pair.client.send(bytes(QUARTER - OVERHEAD - 1))
    pair.rise()
    assert not pair.server.pending(pair.down)
    pair.client.send(b"")
    pair.rise()
    assert said(pair.server, pair.down) == ["ACK"]
    assert not pair.server.pending(pair.down)


def test_without_an_ack_for_each_quarter_read_the_peer_would_not_learn_of_room() -> None:
    pair = Pair()
    for _ in range(3):
        pair.client.send(bytes(40))
    pair.settle()
    assert pair.server.inbox.limit == pair.down.told_limit
    pair.server.receive()
    assert pair.server.inbox.limit - pair.down.told_limit >= QUARTER
    assert said(pair.server, pair.down) == ["ACK"]


def test_without_an_ack_when_used_up_room_comes_back_the_peer_would_wait_for_a_heartbeat() -> None:
    pair = Pair()
    pair.client.send(b"")  # costs less than a quarter, and leaves a little room
    pair.client.send(bytes(LIMITS.inbox))
    pair.rise()
    pair.fall()
    assert pair.down.told_limit <= pair.server.inbox.cost
    limit = pair.server.inbox.limit
    assert pair.server.receive() == b""
    assert pair.server.inbox.limit == limit  # it is overdrawn still
    assert not pair.server.pending(pair.down)
    pair.server.receive()
    ((kind, payload),) = taken(pair.server, pair.down)
    assert kind == ACK
    assert decode_ack(payload)[1] == LIMITS.inbox


def test_a_little_room_is_told_at_once_where_all_that_was_told_is_used_up() -> None:
    pair = Pair()
    for _ in range(5):
        pair.client.send(b"")
    pair.client.send(bytes(LIMITS.inbox - 6 * OVERHEAD))
    pair.rise()
    pair.fall()
    assert pair.server.inbox.room == 0
    assert pair.down.told_limit == pair.server.inbox.cost
    pair.server.receive()
    assert 0 < pair.server.inbox.room < QUARTER
    assert said(pair.server, pair.down) == ["ACK"]


def test_an_ack_is_due_on_each_carrier_that_has_not_told_it() -> None:
    pair = Pair()
    pair.client.send(bytes(QUARTER))
    pair.rise()
    assert said(pair.server, pair.down) == ["ACK"]
    newer = pair.server.attach(2, ordered=True)
    assert said(pair.server, newer) == ["ACK"]


# Readers, who cannot acknowledge


def test_without_a_ring_a_reader_s_outbox_would_fill_and_the_handler_would_wait_for_ever() -> None:
    core = session(peer=READER)
    carrier = core.attach(1, ordered=True)
    for number in range(200):
        assert core.writable
        core.send(f"{number:03}")
        assert texts(taken(core, carrier)) == [f"{number:03}".encode()]
    assert core.outbox.size <= LIMITS.outbox


def test_a_reader_that_comes_back_inside_the_ring_misses_nothing() -> None:
    core = session(peer=READER)
    carrier = core.attach(1, ordered=True)
    for number in range(200):
        core.send(f"{number:03}")
        taken(core, carrier)
    oldest = core.outbox.first
    core.detach(carrier, "cut")
    again = core.attach(2, ordered=True, received=oldest + 3)
    frames = taken(core, again)
    assert numbers(frames) == [oldest + 4]
    assert texts(frames) == [f"{number:03}".encode() for number in range(oldest + 3, 200)]


def test_without_keeping_the_unwritten_a_slow_reader_would_miss_messages() -> None:
    core = session(peer=READER)
    core.send(bytes(2 * LIMITS.outbox))
    core.send("second")
    assert not core.writable
    frames = taken(core, core.attach(1, ordered=True))
    assert sum(len(payload) for kind, payload in frames if kind in (PART, BINARY)) == (
        2 * LIMITS.outbox
    )
    assert texts(frames) == [b"second"]


# Unknown


def test_without_skipping_unknown_types_a_later_version_could_not_add_one() -> None:
    core = session()
    core.feed(
        Intake(ordered=True), [(99, b"new"), frame(encode_next(1)), (99, b""), (TEXT, b"one")]
    )
    assert messages(core) == ["one"]


def test_a_ping_too_long_to_repeat_is_an_error() -> None:
    with pytest.raises(FrameError):
        session().feed(Intake(ordered=True), [(PING, bytes(69))])


def test_without_going_back_what_the_last_batch_held_would_wait_for_ever_in_an_upload() -> None:
    network, apps = Network(), Reader()
    link = network.open("stream")
    for _ in range(3):
        network.flow(link, 10_000)
    network.begin_upload(link)
    network.client.send("in the last batch")
    network.client_writes(link)
    assert link.upload is not None
    network.deliver_upload(link.upload, 10_000)
    network.server_writes(1)
    network.deliver_down(link, 10_000)  # the upload is proven: no other batch is sent
    network.fail_batch(link)
    assert network.take_over(link)
    network.pump(apps)
    assert apps.got["server"] == ["in the last batch"]
    assert link.upload.running
