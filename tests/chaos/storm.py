"""A network that cuts everything again and again, and lets other transports pass each time.

Knows: rules of `byway.testing`, and how each decision follows from a seed.
Must not know: messages, sessions.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from random import Random

from byway.testing import (
    CutResponses,
    DropPost,
    LosePostAnswer,
    Network,
    RepeatPost,
    Rule,
)
from byway.testing.heads import Request, Response, header
from byway.testing.plan import Answer, Fate, Hold, Plan
from tests.support.peers import TRANSPORTS

MEAN_CUT = 1.5
"""Seconds between two cuts, in the mean."""

NETWORKS = ("cuts", "posts", "short")
"""What else they do: nothing; POSTs and answers are lost and repeated; all answers are short."""


@dataclass(frozen=True)
class Allow(Rule):
    """Let some transports pass only.

    Attributes:
        names: those that pass.
        how: "refuse" the others at once, or "hold" them for ever.
    """

    names: tuple[str, ...]
    how: str = "refuse"

    def request(self, request: Request, plan: Plan) -> Plan:
        """Stop WebSockets."""
        if not request.upgrade or "websocket" in self.names:
            return plan
        if self.how == "hold":
            return plan.decide(Fate.SWALLOW, self)
        return plan.decide(Fate.ANSWER, self, Answer(403))

    def response(self, response: Response, plan: Plan) -> Plan:
        """Stop answers: an endless one can be held, one that ends is cut."""
        name = header(response.headers, "byway")
        if name not in TRANSPORTS or name in self.names:
            return plan
        if self.how == "hold" and name != "poll":
            return replace(plan, hold=Hold())
        return replace(plan, end_bytes=0)


@dataclass
class Storm:
    """The cuts and changes of one network, drawn from a seed.

    Attributes:
        network: where they happen.
        kind: one of `NETWORKS`.
        seed: of all draws.
        told: what was done, for the report of a failure.
    """

    network: Network
    kind: str
    seed: str
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with the first draw."""
        self._draw = Random(f"storm/{self.kind}/{self.seed}")
        self._began = asyncio.get_running_loop().time()
        self.change()

    def change(self) -> int:
        """Change what passes and cut all connections; return how many these were."""
        draw = self._draw
        names = tuple(draw.sample(TRANSPORTS, draw.randint(1, len(TRANSPORTS))))
        rules: list[Rule] = [Allow(names, draw.choice(("refuse", "hold")))]
        seed = draw.randrange(2**32)
        if self.kind == "posts":
            rules += [
                DropPost(probability=0.1, seed=seed),
                LosePostAnswer(probability=0.1, seed=seed),
                RepeatPost(probability=0.2, seed=seed),
            ]
        elif self.kind == "short":
            rules.append(CutResponses(seconds=3, bytes=64 * 1024, clean=draw.random() < 0.5))
        self.network.use(*rules)
        cut = self.network.kill_connections()
        at = asyncio.get_running_loop().time() - self._began
        self.told.append(f"{at:.2f} s: {cut} cut, then {', '.join(map(str, rules))}")
        return cut

    async def blow(self) -> None:
        """Go on until cancelled."""
        while True:
            await asyncio.sleep(self._draw.expovariate(1 / MEAN_CUT))
            self.change()
