"""Rules of HTTP's ways up and down are needed: the model finds what breaks without each of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from byway.transports.http import batches
from byway.transports.http.batches import Batches, Decision, Rewind
from byway.transports.http.polls import Ask, Polls
from byway.transports.http.upload import Move, Upload
from tests.unit.session.test_model import Ordeal

SEARCHES = 400
"""Short searches for each, the one that is known first: most find it within fifty."""

SEARCH = settings(
    max_examples=12,
    phases=[Phase.generate],  # the first that is found will do
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

Flaw = Callable[[pytest.MonkeyPatch], None]


def batches_are_never_halved(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(batches, "_half", lambda size: size)


def batches_that_fail_are_repeated_without_a_pause(patch: pytest.MonkeyPatch) -> None:
    failed = Batches._failed

    def hasty(self: Batches, *args: Any) -> Decision:
        decision = failed(self, *args)
        self._not_before = 0.0
        return Rewind() if isinstance(decision, Rewind) else decision

    patch.setattr(Batches, "_failed", hasty)


def a_gap_is_taken_for_acknowledged(patch: pytest.MonkeyPatch) -> None:
    landed = Batches.landed

    def trusting(self: Batches, flight: Any, error: Any, now: float, *_: int) -> Decision | None:
        return landed(self, flight, error, now, flight.end, flight.end)

    patch.setattr(Batches, "landed", trusting)


def an_upload_is_never_given_up(patch: pytest.MonkeyPatch) -> None:
    look = Upload.look

    def patient(self: Upload, *args: Any) -> Move:
        move = look(self, *args)
        return Move.NOTHING if move is Move.LOST else move

    patch.setattr(Upload, "look", patient)


def an_upload_is_used_and_no_ping_looks_after_it(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Upload, "look", lambda *_: Move.NOTHING)


def a_visit_keeps_its_carrier(patch: pytest.MonkeyPatch) -> None:
    following = Polls.next

    def staying(self: Polls, *, visiting: bool) -> Ask:
        return Ask(following(self, visiting=visiting).count)

    patch.setattr(Polls, "next", staying)


def what_went_up_with_a_lost_poll_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Polls, "speaks", lambda _: None)


FLAWS: dict[Flaw, int] = {
    batches_are_never_halved: 12,
    batches_that_fail_are_repeated_without_a_pause: 1,
    a_gap_is_taken_for_acknowledged: 23,
    an_upload_is_never_given_up: 1,
    an_upload_is_used_and_no_ping_looks_after_it: 1,
    a_visit_keeps_its_carrier: 5,
    what_went_up_with_a_lost_poll_is_forgotten: 38,
}
"""Each with the seed of a search that finds it. After a change of the model others find it, each of
which costs half a second."""


@pytest.mark.timeout(240)
@pytest.mark.parametrize("flaw", FLAWS, ids=lambda flaw: flaw.__name__)
def test_the_model_finds(flaw: Flaw, monkeypatch: pytest.MonkeyPatch) -> None:
    flaw(monkeypatch)
    assert any(finds(seed) for seed in (FLAWS[flaw], *range(SEARCHES)))


def finds(seed: int) -> bool:
    """Say whether one of a dozen runs breaks a promise."""
    kind: type[Ordeal] = hypothesis.seed(seed)(type("Sought", (Ordeal,), {}))
    try:
        run_state_machine_as_test(kind, settings=SEARCH)
    except AssertionError:
        return True
    return False
