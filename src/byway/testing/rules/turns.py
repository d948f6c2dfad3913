"""The rule about turns: a client's requests pass one after another.

Knows: that it holds for all requests that reach the origin.
Must not know: who waits for whom.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from byway.testing.heads import Request
from byway.testing.plan import Plan, Rule


@dataclass(frozen=True, slots=True)
class OneAtATime(Rule):
    """Let a client's next request wait until the response to the one before has ended.

    The client is its IP address. A WebSocket holds its turn for as long as it is open. Servers with
    one worker do so (`php -S`, Flask without threads), applications that lock a session (PHP, and
    ASP.NET with `enableSessionState` on), and gateways that know one connection to each client.
    """

    def request(self, request: Request, plan: Plan) -> Plan:
        """Let it wait for its turn."""
        return replace(plan, one_at_a_time=True)
