"""The report: what each transport is worth on one network, for people and for programs.

Knows: verdicts, and how they are written down.
Must not know: how a verdict is reached, transports.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from byway.negotiation.evidence import Evidence

PAGE: Final = "docs/reference/doctor.md"
"""The page that says what to do about each verdict."""


class Verdict(Enum):
    """What became of a transport."""

    WORKS = "works"
    REFUSED = "refused"
    BLOCKED = "blocked by type"
    SILENT = "silent"
    BUFFERED = "buffered"
    CUT = "cut"
    SEVERAL_PROCESSES = "several processes"
    NOT_OFFERED = "not offered"
    NO_BYWAY = "no byway there"
    UNREACHABLE = "unreachable"
    NOT_TRIED = "not tried"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The verdict on one transport.

    Attributes:
        transport: its name.
        verdict: the verdict.
        outcome: the verdict in a few words, with its number: `cut after 15 s of silence`.
        why: a sentence or two that say what was seen and what it means.
        advice: what to do about it, "" where there is nothing to do.
        notes: what else was seen: loss, a slow line.
        usable: whether a session can use it for more than moments.
        evidence: what was seen.
    """

    transport: str
    verdict: Verdict
    outcome: str
    why: str
    advice: str = ""
    notes: tuple[str, ...] = ()
    usable: bool = False
    evidence: Evidence

    def as_json(self) -> dict[str, Any]:
        """Return it for a program."""
        return {
            "transport": self.transport,
            "verdict": self.verdict.value,
            "outcome": self.outcome,
            "why": self.why,
            "advice": self.advice,
            "notes": list(self.notes),
            "usable": self.usable,
            "evidence": self.evidence.as_json(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What each transport is worth on the way to one URL.

    Attributes:
        url: the URL, without credentials and without what its query says.
        proxy: the forward proxy, without credentials; "" for none.
        served: whether byway is served there; None if nothing shows it.
        in_use: the transport that carries the session which this is a report of, if one does.
        findings: a verdict on each transport, best transport first.
        preference: what to set as `BYWAY_TRANSPORTS` or `transports=`; "" where nothing works.
        summary: the report in a sentence or two.
        http_library: the library that made the HTTP requests, with its release; "" where the
            report does not say.
    """

    url: str
    proxy: str = ""
    served: bool | None = None
    in_use: str | None = None
    findings: tuple[Finding, ...] = ()
    preference: str = ""
    summary: str = ""
    http_library: str = ""

    @property
    def works(self) -> bool:
        """Whether a session can be had."""
        return bool(self.preference)

    def finding(self, transport: str) -> Finding:
        """Return the verdict on a transport.

        Raises:
            KeyError: there is none.
        """
        for one in self.findings:
            if one.transport == transport:
                return one
        raise KeyError(transport)

    def as_json(self) -> dict[str, Any]:
        """Return it for a program. Fields may be added; those here keep their meaning."""
        return {
            "url": self.url,
            "proxy": self.proxy or None,
            "served": self.served,
            "works": self.works,
            "in_use": self.in_use,
            "preference": self.preference or None,
            "summary": self.summary,
            "http_library": self.http_library or None,
            "findings": [one.as_json() for one in self.findings],
        }

    def __str__(self) -> str:
        """Return it for reading, in lines of at most 100 characters."""
        return "\n".join(self.lines())

    def lines(self, width: int = 100) -> Iterator[str]:
        """Give the lines of the text.

        Args:
            width: characters a line at most, where words allow it.
        """
        yield f"{self.url}{f' through the proxy {self.proxy}' if self.proxy else ''}"
        yield ""
        wide = max([len(one.outcome) for one in self.findings], default=0)
        yield f"{'transport':<10} {'verdict':<{wide}}  {'opened':>9}  {'round trip':>10}  response"
        for one in self.findings:
            seen = one.evidence
            trip = seen.trip
            if trip is None and seen.opened is not None and seen.proven is not None:
                trip = seen.proven - seen.opened
            row = (
                f"{one.transport:<10} {one.outcome:<{wide}}  {_ms(seen.opened):>9}  {_ms(trip):>10}"
            )
            yield _shown(f"{row}  {_response(seen)}").rstrip()
        said: dict[tuple[str, ...], list[str]] = {}
        for one in self.findings:
            if text := _said(one):
                said.setdefault(text, []).append(one.transport)
        for text, names in said.items():
            yield ""
            yield from _filled(f"{', '.join(names)}: {text[0]}", "  ", width)
            for more in text[1:]:
                yield from _filled("  " + more, "  ", width)
        yield ""
        yield from _filled(self.summary, "", width)
        if self.http_library:
            yield f"HTTP requests were made with {self.http_library}."
        if any(one.verdict not in (Verdict.WORKS, Verdict.NOT_TRIED) for one in self.findings):
            yield f"{PAGE} explains each verdict, and what to do about it."


def _said(one: Finding) -> tuple[str, ...]:
    advice = [f"To do: {one.advice}"] if one.advice else []
    if one.outcome == Verdict.WORKS.value and not one.evidence.in_use:
        return one.notes  # the table says that it works
    return (one.why, *one.notes, *advice)


def _response(seen: Evidence) -> str:
    """Return the status of the response and what sent it, in a few words."""
    words = [] if seen.status is None else [str(seen.status)]
    for name in ("via", "server", "location"):
        if value := seen.header(name):
            words.append(f"{name}: {value[:40]}")
            break
    return ", ".join(words)


def _filled(text: str, indent: str, width: int) -> list[str]:
    return textwrap.wrap(
        _shown(text),
        width,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _shown(text: str) -> str:
    """Return it without control characters, which a server may have sent to a terminal."""
    return "".join(one if one.isprintable() else "?" for one in text)


def _ms(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:,.0f} ms"
