"""The rule book: the rules in force, and all that the connections of one network share.

Knows: how rules are folded into plans; numbers of requests; where origins are.
Must not know: sockets of clients, what a plan leads to.
"""

from __future__ import annotations

import asyncio
import ssl as ssl_module
from collections import Counter, deque
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

import h11

from byway.testing.counters import Changes, Counters
from byway.testing.heads import Request, Response
from byway.testing.limits import NetworkLimits
from byway.testing.line import Pacer
from byway.testing.plan import Answer, Fate, Line, Plan, Rule
from byway.testing.sides import Address, OriginSide, pairs
from byway.testing.turns import Turns


class RuleBook:
    """The rules in force, and what goes with them.

    Attributes:
        rules: the rules, in order.
        limits: bounds.
        pacer: the line.
        gate: nothing passes while it is not set.
        counters: what has happened.
        changes: wakes those who wait for it.
        turns: whose request passes, where they pass one at a time.
        requests: the last requests, the newest last.
    """

    def __init__(
        self,
        origin: Address | None,
        *,
        forward: bool,
        origin_ssl: ssl_module.SSLContext | None,
        limits: NetworkLimits,
    ) -> None:
        """Start without rules."""
        self.rules: tuple[Rule, ...] = ()
        self.limits: NetworkLimits = limits
        self.pacer: Pacer = Pacer(Line())
        self.gate: asyncio.Event = asyncio.Event()
        self.gate.set()
        self.counters: Counters = Counters()
        self.changes: Changes = Changes()
        self.turns: Turns = Turns()
        self.requests: deque[Request] = deque(maxlen=limits.remembered)
        self._origin = origin
        self._forward = forward
        self._origin_ssl = origin_ssl
        self._numbers: Counter[str] = Counter()

    def use(self, rules: Iterable[Rule]) -> None:
        """Put rules in place of the ones before, and count requests from 1 again."""
        self.rules = tuple(rules)
        self._numbers.clear()
        line = Line()
        for rule in self.rules:
            line = rule.line(line)
        self.pacer.line = line

    def read(self, head: h11.Request, connection: int) -> tuple[Request, Address | None]:
        """Return a request as rules see it, numbered, and where it goes: None if nowhere."""
        method = head.method.decode("latin-1")
        target = head.target.decode("latin-1")
        address = self._origin
        if method == "CONNECT":
            address = Address.of_connect(target) if self._forward else None
        elif "://" in target:
            target, asked = _absolute(target)
            address = asked if self._forward else self._origin
        self._numbers[""] += 1
        self._numbers[method] += 1
        request = Request(
            method=method,
            target=target,
            headers=pairs(head),
            connection=connection,
            number=self._numbers[""],
            of_method=self._numbers[method],
        )
        self.requests.append(request)
        self.counters.requests += 1
        self.counters.upgrades += request.upgrade
        self.counters.posts += method == "POST"
        return request, address

    def plan(self, request: Request, address: Address | None) -> Plan:
        """Settle what becomes of a request."""
        plan = Plan()
        if address is None:
            plan = plan.decide(Fate.ANSWER, "no origin", Answer(400, b"no origin for this target"))
        elif address != self._origin and not address.loopback:
            # Whoever can reach the proxy must not reach the world by it.
            plan = plan.decide(Fate.ANSWER, "loopback only", Answer(403, b"loopback only"))
        for rule in self.rules:
            plan = rule.request(request, plan)
        return plan

    def plan_answer(self, response: Response, plan: Plan) -> Plan:
        """Settle what becomes of a response."""
        for rule in self.rules:
            plan = rule.response(response, plan)
        return plan

    def redirect(self, origin: Address) -> None:
        """Put another server in the place of the origin."""
        self._origin = origin

    async def dial(self, address: Address, touch: Callable[[], None]) -> OriginSide:
        """Connect to an origin.

        Raises:
            OSError: it is not there.
        """
        return await OriginSide.connect(address, self._origin_ssl, self.limits, touch)


def _absolute(target: str) -> tuple[str, Address | None]:
    try:
        parts = urlsplit(target)
        address = Address.of(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}")
    except ValueError:
        return target, None
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), address
