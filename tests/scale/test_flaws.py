"""Each rule of the design is needed: the model breaks a promise where it is taken away."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.scale.flaws import Flaw
from tests.scale.seeds import FOUND_BY
from tests.scale.simulate import search

MORE = 100
"""Runs that are tried where the kept seed finds nothing: what a seed does changes with the code."""


def test_every_rule_has_a_seed() -> None:
    """None is forgotten."""
    assert set(FOUND_BY) == set(Flaw)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("flaw", Flaw, ids=lambda flaw: flaw.name)
def test_the_model_fails_without(flaw: Flaw) -> None:
    """A violation is found: with the seed that is kept, or near it."""
    kept = FOUND_BY[flaw]
    assert search(kept, 1) or search(kept, MORE), f"nothing shows that {flaw.value} does harm"


def test_the_design_keeps_its_promises_with_these_seeds() -> None:
    """What is found is the missing rule, and not the seed."""
    for kept in FOUND_BY.values():
        assert search(replace(kept, flaw=None), 1) is None
