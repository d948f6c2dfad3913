"""Diagnosis: from what was seen of the transports to a verdict on each, and what to do.

Knows: in which order what was seen is looked at, what all transports together show.
Must not know: how anything was seen, a clock, asyncio; what a verdict says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from byway.negotiation import confined
from byway.negotiation.evidence import SLOW, Evidence
from byway.negotiation.judgement import WITHOUT, Others, judged
from byway.negotiation.opened import judge_held, judge_opened
from byway.negotiation.pace import INFINITE, quick_first
from byway.negotiation.pages import SUMMARY as PAGES_REFUSED
from byway.negotiation.pages import page_note, pages_are_refused
from byway.negotiation.processes import ONE_PROCESS, several_processes
from byway.negotiation.processes import SUMMARY as SEVERAL
from byway.negotiation.report import Finding, Report, Verdict
from byway.negotiation.summary import summary
from byway.negotiation.types import passing
from byway.negotiation.unopened import judge_unopened, judge_untried

NEVER_BYWAYS: Final = frozenset({401, 402, 403, 407, 429, 451, 502, 503, 504, 511})
"""Statuses that do not show what is served behind whatever sent them."""


def diagnose(
    evidence: Sequence[Evidence],
    *,
    url: str,
    proxy: str = "",
    in_use: str | None = None,
    last: str | None = None,
    served: bool = False,
) -> Report:
    """Judge what was seen of the transports.

    Args:
        evidence: of each transport, best transport first.
        url: without anything secret.
        proxy: without anything secret; "" for none.
        in_use: the transport that carries a session now, if this is about one.
        last: the transport that carried it last, which may be the one in use.
        served: whether byway is known to be served there, whatever is seen of the transports.
    """
    ours = [one for one in evidence if one.in_use or one.carried]
    plain = any(one.plain for one in ours)
    served = served or any(one.shows_byway for one in evidence) or (bool(ours) and not plain)
    plainly_not = not served and any(_says_something_else(one) for one in evidence)
    others = Others(
        served,
        plainly_not,
        bool(proxy),
        any(one.transport == "stream" and one.proven and not one.held for one in evidence),
        carried=bool(in_use or last),
        plain=plain,
        said_no=any(one.mark == "refused" for one in evidence),
        types=passing(evidence),
        evidence=evidence,
    )
    findings = tuple(
        replace(found, notes=(*found.notes, note)) if note else found
        for found, note in ((_judge(one, others), page_note(one, evidence)) for one in evidence)
    )
    usable = quick_first(
        [
            (one.transport, INFINITE if one.evidence.trouble == SLOW else one.evidence.trip)
            for one in findings
            # A server without byway has nothing but its WebSocket.
            if one.usable or (others.carried and not plain and one.verdict is Verdict.NOT_TRIED)
        ]
    )
    # What is cut within moments still carries a session, by resuming again and again.
    usable = usable or [one.transport for one in findings if one.verdict is Verdict.CUT]
    if not usable:
        findings = tuple(
            replace(one, advice=one.advice.replace(WITHOUT, "").strip()) for one in findings
        )
    report = Report(
        url=url,
        proxy=proxy,
        served=True if served else False if plainly_not else None,
        in_use=in_use,
        findings=findings,
        preference=", ".join(usable),
    )
    said = summary(report, last)
    if any(one.strangers for one in evidence):
        said = f"{SEVERAL} {said}"
    if pages_are_refused(evidence):
        said = f"{said} {PAGES_REFUSED}"
    return replace(report, summary=said)


def _says_something_else(one: Evidence) -> bool:
    """Say whether a server without byway has responded on purpose."""
    return one.plain or (
        not one.mark
        and one.trouble != "proxy"
        and one.status is not None
        and one.status not in NEVER_BYWAYS
    )


def _judge(one: Evidence, others: Others) -> Finding:
    if not one.tried:
        return judge_untried(one, others)
    if one.in_use or one.carried:
        how = "carries" if one.in_use else "carried"
        why = f"It {how} the session."
        if one.plain:
            why = f"A plain WebSocket {how} the channel: its server does not speak byway."
        return replace(judged(one, Verdict.WORKS, why), usable=True)
    if one.trouble == confined.TROUBLE:
        why, advice = confined.WHY, f"{confined.ADVICE} {WITHOUT}"
        return judged(one, Verdict.SILENT, why, advice, outcome=confined.OUTCOME)
    if one.strangers:
        usable = one.transport == "websocket" and one.trip is not None
        found = judged(one, Verdict.SEVERAL_PROCESSES, several_processes(one), ONE_PROCESS)
        return replace(found, usable=usable)
    if one.held:
        return judge_held(one, others)
    if one.opened is not None:
        return judge_opened(one)
    return judge_unopened(one, others)
