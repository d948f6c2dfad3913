"""Judgements: how a verdict on one transport is written down.

Knows: what a finding consists of, the advice that several verdicts share.
Must not know: how a verdict is reached.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from byway.negotiation.evidence import Evidence
from byway.negotiation.notes import notes_on
from byway.negotiation.report import Finding, Verdict

WITHOUT: Final = "In the client, set the preference below."
"""What a client does about a transport that is of no use."""

ADD: Final = "To use it, add it to the middleware's `transports` on the server."
"""What helps where the server does not offer a transport."""


@dataclass(frozen=True, slots=True)
class Others:
    """What all transports together show, and how they were tried.

    Attributes:
        served: something came that only byway says.
        plainly_not: a server without byway responded on purpose.
        proxy: a forward proxy was used.
        stream_passes: an endless response that is not text passes live.
        carried: a transport carries the session that this is about, or has carried it.
        plain: a plain WebSocket does, or did.
        said_no: the application refused the session.
        types: the content types of responses that pass.
        evidence: what was seen of each.
    """

    served: bool
    plainly_not: bool
    proxy: bool
    stream_passes: bool
    carried: bool
    plain: bool
    said_no: bool
    types: frozenset[str]
    evidence: Sequence[Evidence]


def judged(
    one: Evidence, verdict: Verdict, why: str, advice: str = "", *, outcome: str = ""
) -> Finding:
    """Write a verdict down, with the notes on what was seen beside it.

    Args:
        one: what was seen.
        verdict: the verdict.
        why: what was seen, and what it means, in sentences.
        advice: what to do about it; "" for nothing.
        outcome: the verdict in a few words; by default the verdict's own.
    """
    return Finding(
        transport=one.transport,
        verdict=verdict,
        outcome=outcome or verdict.value,
        why=why,
        advice=advice,
        notes=notes_on(one, why),
        evidence=one,
    )
