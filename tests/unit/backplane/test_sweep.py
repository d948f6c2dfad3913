"""Sweeping: what the dead left goes, what the living have stays."""

from __future__ import annotations

import os
import shutil
from itertools import count
from pathlib import Path

import pytest

from byway.backplane.claims import Claims
from byway.backplane.life import Life, Lock, look
from byway.backplane.marks import marks_for
from byway.backplane.meeting import Meeting
from byway.backplane.sweep import PIECE, Sweep, leave
from byway.keys import key_hash
from byway.limits import ServerLimits

A, B, C = "A-_45678", "B-_45678", "C-_45678"
AGE = 600.0


class Place:
    """A meeting place, and processes that join it: locks that are held or let go."""

    def __init__(self, path: Path) -> None:
        self.meeting = Meeting(path)
        self.meeting.prepare()
        self.locks: dict[str, Lock] = {}
        self._keys = count()

    def join(self, name: str) -> None:
        """Live."""
        self.locks[name] = Lock(self.meeting.lock(name))
        self.locks[name].take()

    def claim(self, name: str, times: int = 1) -> None:
        """Claim new keys for a process."""
        claims = Claims(self.meeting.claims, name, ServerLimits(), marks=marks_for(name))
        for _ in range(times):
            claims.claim(key_hash(str(next(self._keys))))

    def owners(self) -> list[str]:
        """Return who has claims."""
        return sorted(os.readlink(one) for one in self.meeting.claims.iterdir())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Give one that is empty."""
    return Place(tmp_path / "place")


def swept(sweep: Sweep, now: float) -> int:
    """Sweep once; return in how many steps."""
    return sum(1 for _ in sweep.steps(now))


def test_the_claims_of_the_dead_stay_for_their_time(place: Place) -> None:
    """From when it was first seen dead, by whomever; then all that it left goes."""
    for one in (A, B, C):
        place.join(one)
        place.claim(one)
    place.locks[B].let_go()
    first, second = Sweep(place.meeting, A, AGE), Sweep(place.meeting, C, AGE)
    swept(first, 1_000.0)
    swept(second, 1_599.0)
    assert place.owners() == [A, B, C]
    swept(second, 1_600.0)
    assert place.owners() == [A, C]
    assert place.meeting.names() == {A, C}
    assert look(place.meeting.lock(A)) is Life.LIVES


def test_claims_of_the_living_stay(place: Place) -> None:
    """However old they are, and whatever the time of day says."""
    place.join(A)
    place.join(B)
    place.claim(A)
    place.claim(B)
    for one in place.meeting.claims.iterdir():
        os.utime(one, (0, 0), follow_symlinks=False)
    sweep = Sweep(place.meeting, A, AGE)
    for now in (0.0, 1e6, 2e6):
        swept(sweep, now)
    assert place.owners() == [A, B]


def test_a_process_whose_lock_was_removed_may_live(place: Place) -> None:
    """It makes it anew; what was noted of its death is forgotten."""
    place.join(B)
    place.claim(B)
    place.meeting.lock(B).unlink()
    place.meeting.door(B).touch()
    sweep = Sweep(place.meeting, A, AGE)
    swept(sweep, 0.0)
    place.locks[B].take()
    swept(sweep, 599.0)
    place.meeting.lock(B).unlink()
    swept(sweep, 601.0)
    swept(sweep, 1_100.0)
    assert place.owners() == [B]
    swept(sweep, 1_201.0)
    assert place.owners() == []
    assert place.meeting.names() == set()


def test_claims_of_which_nothing_else_is_left_go_too(place: Place) -> None:
    """Their owner is noted as dead when the first sweep finds them."""
    place.claim(B)
    sweep = Sweep(place.meeting, A, AGE)
    swept(sweep, 0.0)
    swept(sweep, 601.0)
    assert place.owners() == []
    assert place.meeting.names() == set()


def test_a_note_of_before_the_machine_started_counts_anew(place: Place) -> None:
    """Its clock has begun again; so does a note that nobody can read."""
    for name, text in ((B, "5000000"), (C, "soon")):
        place.join(name)
        place.claim(name)
        place.locks[name].let_go()
        place.meeting.death(name).symlink_to(text)
    sweep = Sweep(place.meeting, A, AGE)
    swept(sweep, 100.0)
    swept(sweep, 699.0)
    assert place.owners() == [B, C]
    swept(sweep, 700.0)
    assert place.owners() == []


def test_it_is_done_in_pieces(place: Place) -> None:
    """So that no other thing of the process waits for long."""
    place.claim(B, 3 * PIECE)
    sweep = Sweep(place.meeting, A, AGE)
    assert swept(sweep, 0.0) == 3
    assert swept(sweep, 60.0) == 0  # nobody is dead for long: no claim is looked at
    steps = sweep.steps(700.0)
    next(steps)
    left = len(place.owners())
    assert 0 < left < 3 * PIECE
    assert place.meeting.death(B).is_symlink()
    sum(1 for _ in steps)
    assert place.owners() == []


def test_what_was_being_made_goes_with_its_maker(place: Place) -> None:
    """A process that is killed may leave a mark that has no name yet."""
    place.join(B)
    (place.meeting.claims / f".{B}.").symlink_to(B)
    sweep = Sweep(place.meeting, A, AGE)
    swept(sweep, 0.0)
    swept(sweep, 601.0)
    assert len(list(place.meeting.claims.iterdir())) == 1
    place.locks[B].let_go()
    swept(sweep, 602.0)
    swept(sweep, 1_300.0)
    assert not list(place.meeting.claims.iterdir())


def test_foreign_files_are_left_alone(place: Place) -> None:
    """What is none of ours is not ours to judge."""
    (place.meeting.claims / "README").write_text("hello")
    (place.meeting.path / "notes").write_text("hello")
    sweep = Sweep(place.meeting, A, AGE)
    swept(sweep, 0.0)
    swept(sweep, 1e6)
    assert (place.meeting.claims / "README").exists()
    assert (place.meeting.path / "notes").exists()


def test_a_place_that_vanishes_ends_the_sweep(place: Place) -> None:
    """Nothing is raised."""
    place.claim(B, 2 * PIECE)
    steps = Sweep(place.meeting, A, AGE).steps(0.0)
    next(steps)
    shutil.rmtree(place.meeting.path)
    sum(1 for _ in steps)
    assert swept(Sweep(place.meeting, A, AGE), 0.0) == 0


def test_the_last_one_to_leave_empties_the_place(place: Place) -> None:
    """And nobody else does. That the processes have ended can still be seen."""
    place.join(A)
    place.join(B)
    place.claim(A)
    place.meeting.door(A).touch()
    place.locks[A].let_go()
    leave(place.meeting, A)
    assert place.owners() == [A]
    with place.meeting.held() as joining:
        assert joining
        place.locks[B].let_go()
        leave(place.meeting, B)
    assert place.owners() == [A], "somebody was just joining"
    leave(place.meeting, B)
    assert sorted(one.name for one in place.meeting.path.rglob("*")) == sorted(
        ["claims", f"{A}.lock", f"{B}.lock"]
    )
    assert look(place.meeting.lock(A)) is Life.ENDED
