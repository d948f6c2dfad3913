"""Claims: one owner for a key, whoever asks, and nothing of an old one left."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from byway.backplane.base import Claim, Unavailable
from byway.backplane.claims import Claims
from byway.backplane.counts import Counts
from byway.backplane.marks import FileMarks, LinkMarks, Marks
from byway.keys import key_hash
from byway.limits import ServerLimits
from tests.unit.backplane.others import at_once

A, B = "A-_45678", "B-_45678"
KEY = key_hash("a key that a client made")
LIMITS = ServerLimits(tombstones=3, refusals=2, tombstone_age=600.0, refusal_age=10.0)


@pytest.fixture(params=[LinkMarks, FileMarks])
def kind(request: pytest.FixtureRequest) -> type[LinkMarks] | type[FileMarks]:
    """Give what marks are made of, here and on Windows."""
    found: type[LinkMarks] | type[FileMarks] = request.param
    return found


class Two:
    """Two processes that claim in one directory."""

    def __init__(self, directory: Path, kind: type[LinkMarks] | type[FileMarks]) -> None:
        self.directory = directory
        self.counts = Counts()
        self.a = Claims(directory, A, LIMITS, marks=kind(A), counts=self.counts)
        self.b = Claims(directory, B, LIMITS, marks=kind(B))
        self.marks: Marks = kind("c-_45678")

    def texts(self) -> list[str | None]:
        """Return what all marks say."""
        return [self.marks.read(str(one)) for one in sorted(self.directory.iterdir())]


@pytest.fixture
def two(tmp_path: Path, kind: type[LinkMarks] | type[FileMarks]) -> Two:
    """Give two processes."""
    return Two(tmp_path, kind)


def test_the_first_who_asks_is_the_owner(two: Two) -> None:
    """For everybody, and whenever it is asked again."""
    assert two.a.claim(KEY) == Claim(A)
    assert two.b.claim(KEY) == Claim(A)
    assert two.a.claim(KEY) == Claim(A)
    assert two.texts() == [A]


def test_no_key_stands_in_a_path(two: Two) -> None:
    """Not even what sessions are looked up by: who lists the directory learns nothing."""
    two.a.claim(KEY)
    [name] = [one.name for one in two.directory.iterdir()]
    assert name == hashlib.sha256(KEY).hexdigest()[:32]


def test_an_ended_session_stays_claimed_for_its_time(two: Two) -> None:
    """And no longer; nobody has to be asked for it."""
    two.a.claim(KEY)
    two.a.ended(KEY, 1_000.0)
    for one in (two.a, two.b):
        assert one.claim(KEY) == Claim("", ended=True)
    two.a.tick(1_599.0)
    assert two.b.claim(KEY) == Claim("", ended=True)
    two.a.tick(1_600.0)
    assert two.texts() == []
    assert len(two.a) == 0
    assert two.b.claim(KEY) == Claim(B)


def test_its_age_counts_from_its_end(two: Two) -> None:
    """A session of an hour is no older when it ends than one of a second."""
    two.a.claim(KEY)
    two.a.tick(5_000.0)
    two.a.ended(KEY, 5_000.0)
    two.a.tick(5_599.0)
    assert two.b.claim(KEY) == Claim("", ended=True)


def test_a_refused_session_names_who_knows_how(two: Two) -> None:
    """For as long as that is known; then it has just ended."""
    two.a.claim(KEY)
    two.a.ended(KEY, 0.0, refused=True)
    assert two.b.claim(KEY) == Claim(A, ended=True)
    two.a.tick(9.0)
    assert two.b.claim(KEY) == two.a.claim(KEY) == Claim(A, ended=True)
    two.a.tick(10.0)
    assert two.b.claim(KEY) == two.a.claim(KEY) == Claim("", ended=True)
    two.a.tick(610.0)
    assert two.texts() == []


def test_a_released_claim_is_free(two: Two) -> None:
    """Its opening became no session."""
    two.a.claim(KEY)
    two.a.release(KEY)
    assert two.b.claim(KEY) == Claim(B)
    two.a.release(KEY)  # of another: not ours to give back
    two.a.ended(KEY, 0.0)
    assert two.texts() == [B]


def test_remembered_ends_are_bounded(two: Two) -> None:
    """The oldest is forgotten first, here and in the directory."""
    digests = [key_hash(str(number)) for number in range(5)]
    for number, digest in enumerate(digests):
        two.a.claim(digest)
        two.a.ended(digest, float(number))
    assert len(two.a) == len(two.texts()) == LIMITS.tombstones
    assert [two.b.claim(one).ended for one in digests] == [False, False, True, True, True]


def test_refusals_are_bounded_too(two: Two) -> None:
    """The oldest counts among what has just ended."""
    for number in range(20):
        digest = key_hash(str(number))
        two.a.claim(digest)
        two.a.ended(digest, 0.0, refused=True)
    assert len(two.a) == len(two.texts()) == LIMITS.tombstones + LIMITS.refusals
    assert two.texts().count(f"{A}.refused") == LIMITS.refusals


def test_a_lost_directory_is_told_again(two: Two) -> None:
    """Sessions go on meanwhile, and their claims come back."""
    other = key_hash("another")
    two.a.claim(KEY)
    two.a.claim(other)
    shutil.rmtree(two.directory)
    assert two.a.claim(KEY) == Claim(A)
    two.a.ended(other, 0.0)
    assert two.a.untold == 1
    with pytest.raises(Unavailable):
        two.b.claim(other)
    two.directory.mkdir()
    two.a.assert_all()
    two.a.tick(1.0)
    assert two.a.untold == 0
    assert two.b.claim(KEY) == Claim(A)
    assert two.b.claim(other) == Claim("", ended=True)


def test_a_claim_that_another_made_meanwhile_is_left(
    two: Two, caplog: pytest.LogCaptureFixture
) -> None:
    """It is counted and logged: both handlers run, which only a lost directory can bring about."""
    two.a.claim(KEY)
    for one in two.directory.iterdir():
        one.unlink()
    two.b.claim(KEY)
    two.a.assert_all()
    two.a.tick(0.0)
    assert two.texts() == [B]
    assert two.counts.conflicts == 1
    assert B in caplog.text
    two.a.ended(KEY, 0.0)
    two.a.tick(700.0)
    assert two.texts() == [B]


def test_a_full_disk_is_logged_once(
    two: Two, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Openings get 503; sessions that end are told when there is room."""
    two.a.claim(KEY)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "symlink", full)
        patch.setattr("byway.backplane.marks.open", full, raising=False)
        for number in range(3):
            with pytest.raises(Unavailable, match="No space"):
                two.a.claim(key_hash(str(number)))
        two.a.ended(KEY, 0.0)
    assert len(caplog.records) == 1
    assert two.b.claim(KEY) == Claim(A)
    two.a.tick(1.0)
    assert two.b.claim(KEY) == Claim("", ended=True)


@pytest.mark.parametrize("text", ["", "short", "../../x", "A-_45678.other", "A+_45678"])
def test_a_mark_that_is_none_of_ours_refuses(two: Two, text: str) -> None:
    """Whatever it says becomes no name of a process."""
    two.marks.put(str(two.directory / hashlib.sha256(KEY).hexdigest()[:32]), text or "-")
    with pytest.raises(Unavailable):
        two.a.claim(KEY)


def test_counts(two: Two) -> None:
    """What was claimed is counted by what came of it."""
    two.b.claim(key_hash("b"))
    two.a.claim(KEY)
    two.a.claim(key_hash("b"))
    two.a.ended(KEY, 0.0)
    two.a.claim(KEY)
    assert (two.counts.mine, two.counts.owned, two.counts.ended) == (1, 1, 1)


@pytest.mark.parametrize("kind", [LinkMarks, FileMarks])
def test_processes_that_race_agree(tmp_path: Path, kind: type[LinkMarks] | type[FileMarks]) -> None:
    """Of four that claim the same 500 keys at the same moment each key has one owner."""
    digests = [key_hash(str(number)) for number in range(500)]

    def claim_all(name: str) -> str:
        claims = Claims(tmp_path, name, LIMITS, marks=kind(name))
        mine = [str(i) for i, one in enumerate(digests) if claims.claim(one) == Claim(name)]
        return " ".join(mine)

    said = at_once([partial(claim_all, secrets.token_urlsafe(6)) for _ in range(4)])
    won = Counter(number for one in said for number in one.split())
    assert set(won) == {str(number) for number in range(500)}
    assert set(won.values()) == {1}
    assert not [one for one in tmp_path.iterdir() if one.name.startswith(".")]


OWNERS = st.integers(0, 2)
KEYS = st.integers(0, 3)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("claim"), OWNERS, KEYS),
        st.tuples(st.just("end"), OWNERS, KEYS),
        st.tuples(st.just("refuse"), OWNERS, KEYS),
        st.tuples(st.just("release"), OWNERS, KEYS),
        st.tuples(st.just("wait"), st.sampled_from([1, 9, 11, 599, 601]), KEYS),
        st.tuples(st.just("tick"), OWNERS, KEYS),
        st.tuples(st.just("lose"), OWNERS, KEYS),
    ),
    max_size=60,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps=STEPS, files=st.booleans())
def test_nobody_gets_what_another_has(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]], files: bool
) -> None:
    """Whatever three processes do, and when: a claim is never given twice while it stands.

    A mark may be removed from outside; its owner tells it again, and only between the two may
    another get it.
    """
    directory = tmp_path_factory.mktemp("claims")
    kind = FileMarks if files else LinkMarks
    limits = replace(LIMITS, tombstones=100, refusals=100)
    names = [f"{letter}_______" for letter in "abc"]
    processes = [Claims(directory, name, limits, marks=kind(name)) for name in names]
    state: dict[int, tuple[int, str, float]] = {}  # key: owner, what it is, since when
    now = 0.0
    for what, number, key in steps:
        digest = key_hash(str(key))
        if what == "wait":
            now += number
            for one in processes:
                one.tick(now)
        elif what == "tick":
            processes[number].tick(now)
        elif what == "lose":
            for entry in directory.iterdir():
                entry.unlink()
            for one in processes:
                one.assert_all()
                one.tick(now)
        known = state.get(key)
        owner = known[0] if known is not None else None
        if what == "claim":
            claim = processes[number].claim(digest)
            age = now - known[2] if known is not None else 0.0
            if known is None:
                assert claim == Claim(names[number])
                state[key] = (number, "live", now)
            elif known[1] == "live":
                assert claim == Claim(names[known[0]])
            elif known[1] == "refused" and age < limits.refusal_age:
                assert claim == Claim(names[known[0]], ended=True)
            elif age < limits.tombstone_age:
                # One that was refused may have been so until the last tick.
                assert claim.ended
            elif not claim.ended:  # forgotten, within the next tick
                assert claim == Claim(names[number])
                state[key] = (number, "live", now)
        elif what in ("end", "refuse"):
            processes[number].ended(digest, now, refused=what == "refuse")
            if owner == number and known is not None and known[1] == "live":
                state[key] = (number, "refused" if what == "refuse" else "ended", now)
        elif what == "release" and owner == number and known is not None and known[1] == "live":
            processes[number].release(digest)
            del state[key]
    shutil.rmtree(directory)
