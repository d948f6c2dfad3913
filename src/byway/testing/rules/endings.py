"""Rules about ends: silence that is cut, answers that are cut, requests that fail.

Knows: when networks end what goes on.
Must not know: sockets, how a plan is carried out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from byway.errors import UsageError
from byway.testing.heads import Request
from byway.testing.plan import Answer, Fate, Line, Plan, Rule, tightest


@dataclass(frozen=True, slots=True)
class CutSilence(Rule):
    """Cut a connection on which no byte passed either way for a while.

    nginx cuts at 60 s (`proxy_read_timeout`), HAProxy with Debian's time-outs at 50 s, mobile
    networks and NAT at 30 s and less. A request that was not answered by then gets 504.
    WebSockets and CONNECT tunnels are cut like everything else, and so is a connection that is kept
    for the next request.

    Attributes:
        seconds: of silence.
    """

    seconds: float = 60.0

    def line(self, line: Line) -> Line:
        """Bound the silence."""
        return replace(line, silence=tightest(line.silence, self.seconds))


@dataclass(frozen=True, slots=True)
class CutResponses(Rule):
    """Cut every response after a while, however busy it is, or after so many bytes.

    Envoy ends every response at 15 s (its default route timeout); a response that has not begun by
    then is a 504. It does not concern WebSockets and CONNECT tunnels.

    Attributes:
        seconds: from the request's head on.
        bytes: of the response's body that pass before.
        clean: make the cut look like a proper end, where the response has no length. Several
            proxies turn a dead origin into a clean end.
    """

    seconds: float | None = None
    bytes: int | None = None
    clean: bool = False

    def __post_init__(self) -> None:
        """Check that there is a bound."""
        if self.seconds is None and self.bytes is None:
            raise UsageError("CutResponses needs seconds or bytes")

    def request(self, request: Request, plan: Plan) -> Plan:
        """Bound the response."""
        sizes = [one for one in (plan.end_bytes, self.bytes) if one is not None]
        return replace(
            plan,
            end_after=tightest(plan.end_after, self.seconds),
            end_bytes=min(sizes, default=None),
            end_clean=plan.end_clean or self.clean,
        )


@dataclass(frozen=True, slots=True)
class FailWith(Rule):
    """Answer requests with an error of the proxy's own.

    502 and 504 are what every reverse proxy says when its origin is away or slow; 403 and 405
    are what filters say to methods and paths that they do not like. While a deploy goes on HAProxy
    and cloud balancers have no server, and say 503 for some seconds.

    Attributes:
        status: the status of the response.
        paths: patterns of paths, as of a shell; all by default.
        methods: methods; all by default.
        first: only so many of all requests are answered so, counted from when the rules were put in
            place; None for all that match.
        retry_after: seconds that the response's `Retry-After` asks for; None for no such header.
    """

    status: int = 502
    paths: tuple[str, ...] = ("*",)
    methods: tuple[str, ...] = ()
    first: int | None = None
    retry_after: int | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        if (self.first or 0) < 0 or (self.retry_after or 0) < 0:
            raise UsageError("first and retry_after must be 0 or more")

    def request(self, request: Request, plan: Plan) -> Plan:
        """Answer what matches."""
        if self.first is not None and request.number > self.first:
            return plan
        if self.methods and request.method not in self.methods:
            return plan
        if not any(fnmatchcase(request.path, pattern) for pattern in self.paths):
            return plan
        wait = () if self.retry_after is None else (("Retry-After", str(self.retry_after)),)
        return plan.decide(Fate.ANSWER, self, Answer(self.status, headers=wait))
