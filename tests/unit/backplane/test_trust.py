"""Which secret is valid, and for how long."""

from __future__ import annotations

from byway.backplane.trust import KEPT, Trust


def test_one_that_was_given_is_the_only_one() -> None:
    """It is offered to nobody, and what stands in the directory is not heard."""
    trust = Trust(b"g" * 16)
    trust.heard(b"s" * 32, 0.0)
    assert trust.valid() == [b"g" * 16]
    assert trust.offered == b""


def test_the_standing_one_is_used_and_the_one_before_is_valid_for_a_day() -> None:
    """Others may not have heard of it yet."""
    trust = Trust()
    own = trust.offered
    assert len(own) == 32
    assert trust.valid() == [own]
    trust.heard(b"s" * 32, 0.0)
    assert trust.valid() == [b"s" * 32, own]
    assert trust.offered == b"s" * 32
    trust.heard(b"s" * 32, KEPT - 1)
    assert trust.valid() == [b"s" * 32, own]
    trust.heard(b"", KEPT)
    assert trust.valid() == [b"s" * 32]
