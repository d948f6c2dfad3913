"""An upload: when it gets through, and when it does not any more."""

from __future__ import annotations

from byway.transports.http.upload import (
    HEARD_TIMEOUT,
    LASTING,
    PING_INTERVAL,
    PROOF_TIMEOUT,
    ROUND_TRIPS,
    Move,
    Upload,
)

SILENCE = 24.0


def used(round_trip: float = 0.1) -> Upload:
    """Return an upload that has taken the place of the batches at 100, with nothing written."""
    upload = Upload(99.5, round_trip)
    upload.heard()
    upload.use(100.0, 7)
    return upload


def test_it_is_proven_by_its_first_ping() -> None:
    upload = Upload(100.0, 0.1)
    assert not upload.may_use(0)
    assert upload.look(100.0 + PROOF_TIMEOUT - 0.01, 1, SILENCE) is Move.NOTHING
    upload.heard()
    assert upload.may_use(0)
    assert not upload.may_use(1), "the last batches are waited for"
    assert upload.look(200.0, 9, SILENCE) is Move.NOTHING, "nothing goes up in it before"


def test_it_is_broken_off_where_the_first_ping_does_not_come_back() -> None:
    assert Upload(100.0, 0.1).look(100.0 + PROOF_TIMEOUT, 1, SILENCE) is Move.LOST


def test_where_the_round_trip_is_long_it_has_longer() -> None:
    upload = Upload(100.0, 2.0)
    assert upload.within == ROUND_TRIPS * 2.0
    assert upload.look(107.9, 1, SILENCE) is Move.NOTHING
    assert upload.look(108.0, 1, SILENCE) is Move.LOST
    later = used(2.0)
    later.asked(200.0)
    assert later.look(207.9, 1, SILENCE) is Move.NOTHING
    assert later.look(208.0, 1, SILENCE) is Move.LOST


def test_a_ping_follows_what_was_said_but_no_sooner_than_a_second() -> None:
    upload = used()
    upload.asked(100.0)
    assert upload.look(101.0, 8, SILENCE) is Move.NOTHING, "the one before is not back"
    upload.heard()
    assert upload.look(100.0 + PING_INTERVAL - 0.01, 8, SILENCE) is Move.NOTHING
    assert upload.look(100.0 + PING_INTERVAL, 8, SILENCE) is Move.PING
    upload.asked(101.0)
    upload.heard()
    assert upload.look(103.0, 8, SILENCE) is Move.NOTHING, "nothing was said"
    assert upload.look(103.0, 9, SILENCE) is Move.PING


def test_a_ping_breaks_a_long_silence() -> None:
    upload = used()
    assert upload.look(99.5 + SILENCE - 0.01, 7, SILENCE) is Move.NOTHING
    assert upload.look(99.5 + SILENCE, 7, SILENCE) is Move.PING


def test_it_is_lost_when_a_later_ping_is_not_back_in_time() -> None:
    upload = used()
    assert upload.within == HEARD_TIMEOUT
    upload.asked(110.0)
    assert upload.look(110.0 + HEARD_TIMEOUT - 0.01, 7, SILENCE) is Move.NOTHING
    assert upload.look(110.0 + HEARD_TIMEOUT, 7, SILENCE) is Move.LOST


def test_only_after_one_that_lasted_is_another_worth_a_try() -> None:
    assert not Upload(0.0, 0.1).has_lasted(1000.0), "it was never used"
    assert not used().has_lasted(100.0 + LASTING - 0.01)
    assert used().has_lasted(100.0 + LASTING)
