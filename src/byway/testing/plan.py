"""Plans: what becomes of a request, settled by the rules before anything is done.

Knows: everything that the proxy can do to a request, its response, a tunnel and the line.
Must not know: which rules there are, sockets, a clock.
"""

from __future__ import annotations

from dataclasses import Field, dataclass, replace
from enum import Enum
from typing import Any

from byway.testing.heads import HeaderPairs, Request, Response


class Fate(Enum):
    """What the proxy does with a request."""

    PASS = "passed"
    """It goes to the origin."""
    ANSWER = "the proxy responds"
    """The origin never sees it."""
    SWALLOW = "swallowed"
    """The origin never sees it, and the client waits."""
    DROP = "dropped"
    """The origin never sees it, and the client's connection is reset."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response of the proxy's own.

    Attributes:
        status: the HTTP status.
        body: HTML, as filters send it.
        headers: more headers.
    """

    status: int
    body: bytes = b"<h1>Blocked</h1>"
    headers: HeaderPairs = ()


@dataclass(frozen=True, slots=True)
class Hold:
    """How a response is held back.

    Whatever is left passes at the end.

    Attributes:
        block: bytes that pass together when so many have come; None for all at the end.
        behind: each piece passes when the next has come, whatever `block` says.
        every: seconds after which whatever has come passes, again and again, whatever `block` says;
            None for not at all.
    """

    block: int | None = None
    behind: bool = False
    every: float | None = None


@dataclass(frozen=True, slots=True)
class Tunnel:
    """What becomes of the bytes after a 101 or a CONNECT.

    Attributes:
        mute_up: what the client sends vanishes.
        mute_down: what the origin sends vanishes.
        kill_after: seconds until both connections are reset.
        kill_bytes: bytes, of both directions together, that pass before that.
    """

    mute_up: bool = False
    mute_down: bool = False
    kill_after: float | None = None
    kill_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of one request. Rules return changed copies.

    Attributes:
        fate: whether it passes.
        why: the rule that decided that; "" where none did.
        answer: what is answered, where the proxy answers.
        strip: headers that do not pass to the origin, in lower case.
        strip_101: headers of a 101 that do not pass to the client, in lower case.
        http10: the origin is spoken to in HTTP/1.0.
        hold_request: its body passes when it is complete, with a length.
        max_body: bytes of body above which it gets 413.
        copies: times that the origin gets it; the client has the response to the last, the
            others end when they begin.
        lose_answer: the client's connection is reset when the response begins.
        hold: how the response is held back; None where it passes as it comes.
        block: status of a page of the proxy's own that stands in the place of the response.
        end_after: seconds after which the response is cut, counted from the request's head.
        end_bytes: bytes of the response's body after which it is cut.
        end_clean: the cut looks like a proper end.
        tunnel: what becomes of a tunnel.
        one_at_a_time: it waits until the client's requests before it are over.
    """

    fate: Fate = Fate.PASS
    why: str = ""
    answer: Answer | None = None
    strip: frozenset[str] = frozenset()
    strip_101: frozenset[str] = frozenset()
    http10: bool = False
    hold_request: bool = False
    max_body: int | None = None
    copies: int = 1
    lose_answer: bool = False
    hold: Hold | None = None
    block: int | None = None
    end_after: float | None = None
    end_bytes: int | None = None
    end_clean: bool = False
    tunnel: Tunnel = Tunnel()
    one_at_a_time: bool = False

    def decide(self, fate: Fate, why: object, answer: Answer | None = None) -> Plan:
        """Return a plan of this fate, unless an earlier rule has decided already."""
        if self.fate is not Fate.PASS:
            return self
        return replace(self, fate=fate, why=str(why), answer=answer)


@dataclass(frozen=True, slots=True)
class Line:
    """The line between clients and the proxy.

    Attributes:
        delay: seconds that each direction takes.
        jitter: seconds that it may take longer, drawn anew for each piece.
        seed: of the draws.
        handshake: a new connection's first bytes take one round trip more.
        rate: bytes a second, each direction, of all connections together.
        silence: seconds without a byte after which a connection is cut.
    """

    delay: float = 0.0
    jitter: float = 0.0
    seed: int = 0
    handshake: bool = False
    rate: float | None = None
    silence: float | None = None


class Rule:
    """One restriction. Subclass it for one of your own, as a frozen dataclass.

    A rule holds no state: the same request, with the same numbers, gets the same plan.
    """

    __slots__ = ()

    def request(self, request: Request, plan: Plan) -> Plan:
        """Return what becomes of a request, given what the rules before say."""
        return plan

    def response(self, response: Response, plan: Plan) -> Plan:
        """Return what becomes of a response; only what concerns answers may be changed."""
        return plan

    def line(self, line: Line) -> Line:
        """Return what becomes of all bytes."""
        return line

    def __str__(self) -> str:
        """Return it as it is written, without arguments that say nothing."""
        known: dict[str, Field[Any]] = getattr(self, "__dataclass_fields__", {})
        values = [(field, getattr(self, field.name)) for field in known.values()]
        shown = [
            f"{field.name}={value!r}"
            for index, (field, value) in enumerate(values)
            if value is not None and (index == 0 or value != field.default)
        ]
        return f"{type(self).__name__}({', '.join(shown)})"


def tightest(first: float | None, second: float | None) -> float | None:
    """Return the smaller bound of two, of which None is no bound."""
    known = [one for one in (first, second) if one is not None]
    return min(known) if known else None
