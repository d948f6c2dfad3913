"""Rules about bodies: held back, refused, or without chunks.

Knows: what networks do to the bodies of requests and answers.
Must not know: sockets, how a plan is carried out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from byway.errors import UsageError
from byway.testing.heads import Request, Response, header
from byway.testing.plan import Answer, Fate, Hold, Plan, Rule


@dataclass(frozen=True, slots=True)
class BufferResponses(Rule):
    """Hold every response back, head and body, until it is complete or has so many bytes.

    mitmproxy and Traefik's buffering middleware hold a response to its end; nginx holds a TLS
    answer in blocks of 16 KiB, unless it says `X-Accel-Buffering: no`.

    Attributes:
        until_bytes: bytes that pass together once so many have come; the rest passes at the end.
            None for all at the end.
        unless_accel: let answers with `X-Accel-Buffering: no` pass live, as nginx does.
    """

    until_bytes: int | None = None
    unless_accel: bool = False

    def response(self, response: Response, plan: Plan) -> Plan:
        """Hold the response."""
        if self.unless_accel and header(response.headers, "x-accel-buffering").lower() == "no":
            return plan
        return _held(plan, self.until_bytes)


@dataclass(frozen=True, slots=True)
class HoldText(Rule):
    """Hold back answers of `text/*`, `text/event-stream` among them; all others pass live.

    Virus scanners on the way, and on the machine, look at whole texts before they pass them;
    two filters of those measured let `application/octet-stream` pass live.

    Attributes:
        until_bytes: as with `BufferResponses`.
    """

    until_bytes: int | None = None

    def response(self, response: Response, plan: Plan) -> Plan:
        """Hold text."""
        if not response.content_type.startswith("text/"):
            return plan
        return _held(plan, self.until_bytes)


@dataclass(frozen=True, slots=True)
class OneBehind(Rule):
    """Pass each piece of a response on when the next one comes, and the last at the end.

    Scanners of HTTPS on the user's machine do, which look at a piece while they wait for more;
    HAProxy's compression does to a response without `no-transform`. A response with a length, which
    ends at once, is not held.
    """

    def response(self, response: Response, plan: Plan) -> Plan:
        """Hold a piece."""
        return plan if plan.hold is not None else replace(plan, hold=Hold(behind=True))


@dataclass(frozen=True, slots=True)
class FlushEvery(Rule):
    """Pass what has come of a response on every few seconds, and the rest at its end.

    Gateways with a flush interval do, such as those made of Go's `ReverseProxy` with
    `FlushInterval` (releases before 1.13; later ones pass a response without a length at once).

    Attributes:
        seconds: the interval.
    """

    seconds: float

    def response(self, response: Response, plan: Plan) -> Plan:
        """Hold for a time."""
        if plan.hold is not None and plan.hold.every is None and not plan.hold.behind:
            return plan  # it is held for longer than that
        held = plan.hold.every if plan.hold is not None else None
        return replace(plan, hold=Hold(every=max(self.seconds, held or 0.0)))


@dataclass(frozen=True, slots=True)
class BlockTypes(Rule):
    """Put a page in the place of responses of some types, whatever the request was.

    Secure web gateways do by a file-type policy: `application/octet-stream` is what they take for
    a program that is downloaded. The page comes with 403 (Squid, `http_reply_access` with a
    `rep_mime_type`) or 200; some cut the connection when they have seen the head.

    Attributes:
        types: patterns of media types, as of a shell.
        status: of the page; None to let the head pass and cut the connection at the first byte of
            the body.
    """

    types: tuple[str, ...] = ("application/octet-stream",)
    status: int | None = 403

    def __post_init__(self) -> None:
        """Check the status."""
        if self.status is not None and not 200 <= self.status <= 599:
            raise UsageError(f"status is 200 to 599 or None, not {self.status!r}")

    def response(self, response: Response, plan: Plan) -> Plan:
        """Block what matches."""
        if not any(fnmatchcase(response.content_type, pattern) for pattern in self.types):
            return plan
        if self.status is None:
            return replace(plan, end_bytes=0)
        return replace(plan, block=plan.block or self.status)


@dataclass(frozen=True, slots=True)
class BufferRequests(Rule):
    """Pass a request's body on when it is complete, with a length.

    nginx, Traefik's buffering middleware and mitmproxy do: a body that is streamed up arrives
    at its end.
    """

    def request(self, request: Request, plan: Plan) -> Plan:
        """Hold the body."""
        return replace(plan, hold_request=True)


@dataclass(frozen=True, slots=True)
class RefuseChunked(Rule):
    """Answer requests whose body has no length with an error.

    WSGI servers and some gateways respond with 411 Length Required.

    Attributes:
        status: the status of the response.
    """

    status: int = 411

    def request(self, request: Request, plan: Plan) -> Plan:
        """Answer chunked requests."""
        if not request.chunked:
            return plan
        return plan.decide(Fate.ANSWER, self, Answer(self.status))


@dataclass(frozen=True, slots=True)
class RefuseBodies(Rule):
    """Answer requests with a longer body with 413.

    nginx does over 1 MB (`client_max_body_size`).

    Attributes:
        over: the longest body in bytes that passes.
    """

    over: int = 1_048_576

    def request(self, request: Request, plan: Plan) -> Plan:
        """Answer by the length announced; a chunked body is counted on its way."""
        if request.length > self.over:
            return plan.decide(Fate.ANSWER, self, Answer(413))
        bound = self.over if plan.max_body is None else min(plan.max_body, self.over)
        return replace(plan, max_body=bound)


@dataclass(frozen=True, slots=True)
class Http10(Rule):
    """Speak HTTP/1.0 to the origin: no upgrade, no chunked request, a connection a request.

    nginx 1.22 does with a plain `proxy_pass`.
    """

    def request(self, request: Request, plan: Plan) -> Plan:
        """Speak HTTP/1.0."""
        strip = plan.strip | {"upgrade", "connection"}
        return replace(
            plan, http10=True, strip=strip, hold_request=plan.hold_request or request.chunked
        )


def _held(plan: Plan, block: int | None) -> Plan:
    if plan.hold is not None and plan.hold.every is None and not plan.hold.behind:
        held = plan.hold.block
        # The whole response is longer than any block of it.
        block = None if block is None or held is None else max(block, held)
    return replace(plan, hold=Hold(block))
