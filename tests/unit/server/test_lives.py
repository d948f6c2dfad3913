"""Lives: the stages of a session, and how many former ones are remembered."""

from __future__ import annotations

from typing import Any, cast

from byway.limits import ServerLimits
from byway.server.application import Denied
from byway.server.identity import Identity
from byway.server.lives import Hosted, Life, Lives, Record

LIMITS = ServerLimits(tombstones=3, refusals=2, tombstone_age=600, refusal_age=10)
ALICE = Identity(user="alice")


def opened(lives: Lives, digest: bytes, *, probe: bool = False) -> Record:
    """Open a session."""
    nothing: Any = None
    return lives.begin(digest, Hosted("run", nothing, nothing, ALICE, probe=probe))


def test_a_session_is_opening_until_it_is_accepted_and_leaves_its_end_behind() -> None:
    lives = Lives(LIMITS)
    record = opened(lives, b"a")
    assert record.life is Life.OPENING
    assert [one.instance for one in lives] == ["run"]
    assert (b"a" in lives, lives.living) == (True, 1)
    record.life = Life.OPEN
    lives.end(b"a", record, 100.0)
    assert (record.life, record.hosted, record.ended_until) == (Life.ENDED, None, 700.0)
    assert (list(lives), lives.living) == ([], 0)
    assert lives.records.get(b"a") is record  # so that a late request does not open it again
    lives.forget(b"a")
    assert b"a" not in lives


def test_probes_are_no_sessions() -> None:
    lives = Lives(LIMITS)
    probe = opened(lives, b"a", probe=True)
    assert (lives.living, len(list(lives))) == (0, 1)
    lives.end(b"a", probe, 0.0)
    assert lives.living == 0


def test_a_refusal_outlives_its_session_and_the_oldest_is_forgotten_first() -> None:
    lives = Lives(LIMITS)
    records = []
    for digest in (b"a", b"b", b"c"):
        record = opened(lives, digest)
        lives.refuse(record, Denied(401), 100.0)
        lives.end(digest, record, 100.0)
        records.append(record)
    assert [one.life for one in records] == [Life.ENDED, Life.REFUSED, Life.REFUSED]
    assert records[0].refusal is None
    assert cast(Denied, records[1].refusal).status == 401
    assert records[1].refused_until == 110.0
    assert records[0].ended_until == 700.0


def test_the_oldest_end_is_forgotten_first_and_a_living_session_never() -> None:
    lives = Lives(LIMITS)
    opened(lives, b"living")
    for number in range(5):
        digest = bytes([number])
        lives.end(digest, opened(lives, digest), 0.0)
    assert [bytes([number]) in lives for number in range(5)] == [False, False, True, True, True]
    assert b"living" in lives
    assert len(lives.former) == 3


def test_a_session_that_was_opened_again_is_not_forgotten_for_its_former_life() -> None:
    lives = Lives(LIMITS)
    lives.end(b"a", opened(lives, b"a"), 0.0)
    opened(lives, b"a")  # with other credentials, after a 401
    for number in range(5):
        digest = bytes([number])
        lives.end(digest, opened(lives, digest), 0.0)
    assert b"a" in lives
