"""The attempt log: what a session's own attempts have seen, for its report.

Knows: the newest failed attempt of each transport, which one carried the session, and what follows
from that.
Must not know: when anything is tried, or why.
"""

from __future__ import annotations

from dataclasses import replace

from byway.client.address import shown, shown_proxy
from byway.errors import Attempt
from byway.handshake import Open
from byway.http_library import httpx, library_name
from byway.negotiation.diagnosis import diagnose
from byway.negotiation.evidence import SLOW, Evidence
from byway.negotiation.report import Report

ENOUGH = frozenset({"name-timeout", "connect-timeout", "timeout"})
"""The troubles of an attempt that was given up for taking too long."""


class AttemptLog:
    """The attempts that failed: one for each transport, however long the session lasts."""

    def __init__(self, order: tuple[str, ...]) -> None:
        """Start with nothing.

        Args:
            order: the transports that may be tried, best first.
        """
        self._order = order
        self._newest: dict[str, Attempt] = {}
        self._carried: set[str] = set()
        self._last: str | None = None

    def carried(self, transport: str) -> None:
        """Take it that a transport carries the session from now on: what it failed at is past."""
        self._newest.pop(transport, None)
        self._carried.add(transport)
        self._last = transport

    def add(self, attempt: Attempt) -> None:
        """Keep an attempt in the place of the one before.

        One that had less time than the one before, and was given up, tells less.
        """
        before = self._newest.get(attempt.transport)
        hasty = before is not None and attempt.trouble in ENOUGH
        if before is None or not hasty or attempt.seconds >= before.seconds:
            self._newest[attempt.transport] = attempt

    def slow(self, transport: str, why: str) -> None:
        """Take it that a transport works, and was given up since another is much quicker."""
        self._newest[transport] = Attempt(transport, 0.0, why, trouble=SLOW, opened=True)

    def report(
        self,
        url: httpx.URL,
        proxy: str | None,
        *,
        in_use: str | None = None,
        opening: Open | None = None,
        plain: bool = False,
        text_only: bool = False,
    ) -> Report:
        """Say what became of each transport, without any traffic.

        Args:
            url: the endpoint.
            proxy: the proxy, None for none.
            in_use: the transport that carries the session now; None between two carriers, and
                after the end.
            opening: OPEN of the session, if it came.
            plain: whether a plain WebSocket carries the channel, or did.
            text_only: whether responses that have an end came as text only.
        """
        evidence = [self._evidence(one, one == in_use) for one in self._order]
        if opening is not None:
            evidence = [
                replace(one, offered=opening.transports, heartbeat=opening.heartbeat)
                for one in evidence
            ]
        if text_only:
            evidence = [replace(one, text_only=one.in_use or one.carried) for one in evidence]
        if plain:
            evidence = [replace(one, plain=one.in_use or one.carried) for one in evidence]
        report = diagnose(
            evidence,
            url=shown(str(url)),
            proxy=shown_proxy(proxy),
            in_use=in_use,
            last=self._last,
            served=opening is not None,
        )
        return replace(report, http_library=library_name())

    def _evidence(self, transport: str, in_use: bool) -> Evidence:
        if in_use:
            return Evidence(transport=transport, in_use=True)
        attempt = self._newest.get(transport)
        if attempt is None and transport in self._carried:
            return Evidence(transport=transport, carried=True)
        if attempt is None:
            return Evidence(transport=transport, tried=False)
        return Evidence.of_attempt(attempt)
