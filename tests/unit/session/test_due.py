"""What is due on a carrier, and what has happened: said once, by the change itself."""

from __future__ import annotations

from byway.frames import TEXT
from byway.session import OVERHEAD, READER, Carrier, Intake, Session
from byway.session.events import (
    CLOSING,
    MESSAGE_READY,
    OVER,
    PEER_CLOSED,
    ROOM_GAINED,
    CarrierDue,
    CarrierEnded,
    CarrierProven,
    Echoed,
    Event,
)
from tests.unit.session.wires import LIMITS, ROOM, Pair, session

QUARTER = LIMITS.inbox // 4


def happened(core: Session) -> list[Event]:
    """Take what has happened to a session."""
    events, core.events = core.events, []
    return events


def due(carrier: Carrier) -> bool:
    """Say whether something is due on a carrier now."""
    return carrier.due


def one(*, room: int = ROOM) -> tuple[Session, Carrier]:
    """Return a session and its carrier, on which everything was said."""
    core = session(room=room)
    carrier = core.attach(1, ordered=True)
    core.announce(carrier)
    happened(core)
    return core, carrier


def cost(core: Session, *costs: int) -> None:
    """Let messages of these costs arrive."""
    intake = Intake(ordered=True, expected=core.inbox.received + 1)
    core.feed(intake, [(TEXT, b"x" * (size - OVERHEAD)) for size in costs])


def test_a_message_makes_its_carrier_due_once_and_taking_it_clears_that() -> None:
    core, carrier = one()
    core.send("x")
    core.send("y")
    assert happened(core) == [CarrierDue(carrier)]
    assert due(carrier)
    assert core.take(carrier, 1_000)
    assert not due(carrier)
    core.send("z")
    assert happened(core) == [CarrierDue(carrier)]


def test_what_does_not_fit_into_one_write_leaves_the_carrier_due() -> None:
    core, carrier = one()
    for _ in range(3):
        core.send("x")
    core.take(carrier, 1)
    assert due(carrier)


def test_only_the_selected_carrier_is_due() -> None:
    core, carrier = one()
    other = core.attach(2, ordered=True)
    core.select(carrier)
    for each in (carrier, other):
        core.take(each, 1_000)
    happened(core)
    core.send("x")
    assert happened(core) == [CarrierDue(carrier)]
    core.detach(carrier, "cut")
    assert happened(core) == [CarrierEnded(carrier), CarrierDue(other)]


def test_what_waited_for_credit_is_due_when_that_comes() -> None:
    core, carrier = one(room=0)
    core.send("x")
    assert not due(carrier)
    core.acknowledge(0, 1)
    assert happened(core) == [CarrierDue(carrier)]
    core.take(carrier, 1_000)
    core.acknowledge(0, ROOM)  # more of it than anything needs
    assert happened(core) == []


def test_an_acknowledgement_is_due_after_a_quarter_of_the_inbox() -> None:
    core, carrier = one()
    cost(core, QUARTER - 1)
    assert happened(core) == [MESSAGE_READY]
    assert not due(carrier)
    cost(core, OVERHEAD)
    assert happened(core) == [CarrierDue(carrier)]


def test_reading_makes_the_room_due_after_a_quarter() -> None:
    core, carrier = one()
    cost(core, 80, 80, 80, 80)
    core.take(carrier, 1_000)
    core.receive()
    assert not due(carrier)
    core.receive()
    assert due(carrier)


def test_it_is_due_once_the_peer_has_used_up_what_it_was_told() -> None:
    core, carrier = one()
    cost(core, 70, 140, 140)
    core.take(carrier, 1_000)
    told = carrier.told_limit
    core.receive()
    cost(core, OVERHEAD)
    assert told <= core.inbox.cost < core.inbox.limit
    assert due(carrier)


def test_it_is_due_with_the_first_room_where_there_was_none() -> None:
    core, carrier = one()
    cost(core, OVERHEAD, 143, 143)
    core.take(carrier, 1_000)
    cost(core, 70)
    assert core.inbox.room == 0
    assert not due(carrier)
    core.receive()
    assert due(carrier)


def test_nothing_is_due_for_somebody_who_only_reads_but_what_is_sent() -> None:
    core = session(peer=READER)
    carrier = core.attach(1, ordered=True)
    assert happened(core) == []
    core.send("x")
    assert happened(core) == [CarrierDue(carrier)]


def test_a_full_outbox_says_when_it_has_room_again() -> None:
    core, carrier = one()
    while core.writable:
        core.send("x" * 8)
    core.take(carrier, 100_000)
    happened(core)
    core.acknowledge(1, ROOM)
    assert happened(core) == [ROOM_GAINED]
    core.acknowledge(2, ROOM)
    assert happened(core) == []


def test_an_ack_that_brings_nothing_to_write_may_leave_it_due_but_then_nothing_is_taken() -> None:
    core, first = one()
    second = core.attach(2, ordered=True)
    core.announce(second)
    core.send("x")
    core.take(first, 1_000)
    core.acknowledge(1, ROOM)
    assert due(second)
    assert core.take(second, 1_000) == []
    assert not due(second)


def test_a_pong_proves_its_carrier_once_and_another_is_an_echo() -> None:
    pair = Pair()
    pair.settle()
    happened(pair.client)
    pair.client.ping(pair.up, b"prove")
    pair.client.ask_echo(pair.up, b"echo")
    pair.settle()
    told = [one for one in happened(pair.client) if not isinstance(one, CarrierDue)]
    assert told == [CarrierProven(pair.up), Echoed(pair.up, b"echo")]
    pair.client.prove(pair.up)
    assert happened(pair.client) == []


def test_the_end_is_told_in_its_order_and_once() -> None:
    pair = Pair()
    pair.settle()
    for core in (pair.client, pair.server):
        happened(core)
    pair.client.close(1000)
    pair.settle()
    for core, carrier in ((pair.client, pair.up), (pair.server, pair.down)):
        core.detach(carrier, "over")
        core.abort(1006, "late")
        told = [one for one in happened(core) if not isinstance(one, CarrierDue | CarrierEnded)]
        assert told == [CLOSING, PEER_CLOSED, OVER]


def test_a_session_that_is_lost_ends_its_carriers_before_it_is_over() -> None:
    core, carrier = one()
    core.abort(1006, "gone")
    assert happened(core) == [CLOSING, CarrierEnded(carrier), OVER]
