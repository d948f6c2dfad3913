"""Rules about single POSTs: dropped, repeated, or without their response.

Knows: how one of many is chosen, alike in every run.
Must not know: sockets, how a plan is carried out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from byway.errors import UsageError
from byway.testing.heads import Request
from byway.testing.plan import Fate, Plan, Rule


@dataclass(frozen=True, slots=True)
class SomePosts(Rule):
    """Choose POSTs: all, every nth, or each with a probability.

    Attributes:
        nth: of so many POSTs the last is chosen. POSTs are counted from when the rules were put
            in place.
        probability: chance of each POST, from 0 to 1, instead of `nth`.
        seed: of the chances; the same POSTs are chosen in every run.
    """

    nth: int | None = None
    probability: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the numbers."""
        if self.nth is not None and (self.nth < 1 or self.probability is not None):
            raise UsageError("nth must be 1 or more, without probability")
        if self.probability is not None and not 0 <= self.probability <= 1:
            raise UsageError("probability is a number from 0 to 1")

    def chooses(self, request: Request) -> bool:
        """Say whether a request is chosen."""
        if request.method != "POST":
            return False
        if self.probability is None:
            return request.of_method % (self.nth or 1) == 0
        # The name, since two rules of one seed should not choose the same POSTs.
        draw = Random(f"{type(self).__name__}/{self.seed}/{request.of_method}")
        return draw.random() < self.probability


@dataclass(frozen=True, slots=True)
class DropPost(SomePosts):
    """Reset the connection of a POST that the origin never sees.

    A mobile network does that is lost in mid-request.
    """

    def request(self, request: Request, plan: Plan) -> Plan:
        """Drop it."""
        return plan.decide(Fate.DROP, self) if self.chooses(request) else plan


@dataclass(frozen=True, slots=True)
class RepeatPost(SomePosts):
    """Send a POST to the origin twice, the second time when the first response begins.

    The client has the second answer. nginx with `proxy_next_upstream non_idempotent` repeats what
    it believes to have failed; so do clients and tunnels that retry.
    """

    def request(self, request: Request, plan: Plan) -> Plan:
        """Send it once more."""
        return replace(plan, copies=plan.copies + 1) if self.chooses(request) else plan


@dataclass(frozen=True, slots=True)
class LosePostAnswer(SomePosts):
    """Reset the connection of a POST when its response begins: done, and not known to be.

    Any network does that is lost between a request and its response.
    """

    def request(self, request: Request, plan: Plan) -> Plan:
        """Lose the response."""
        return replace(plan, lose_answer=True) if self.chooses(request) else plan
