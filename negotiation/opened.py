"""Opened: the verdict on a carrier on which OPEN came, or whose response was held back.

Knows: what cuts, silence and buffering mean, and what helps.
Must not know: refusals, how anything was seen.
"""

from __future__ import annotations

from dataclasses import replace

from byway.negotiation.evidence import SLOW, Evidence
from byway.negotiation.judgement import WITHOUT, Others, judged
from byway.negotiation.notes import size_text, time_text
from byway.negotiation.products import product
from byway.negotiation.report import Finding, Verdict


def judge_held(one: Evidence, others: Others) -> Finding:
    """Judge a transport whose response came only when it was complete."""
    by = product(one.headers) or "something on the way"
    held = "buffers whole responses"
    if one.transport == "sse" and others.stream_passes:
        held = "buffers responses that are text, and passes others at once, as stream shows"
    return judged(
        one,
        Verdict.BUFFERED,
        f"What the server wrote arrived only after the response had ended: {by} {held}.",
        "Ask whoever runs the proxy to switch off response buffering (nginx: "
        "docs/how-to/nginx.md; with two nginx in a row, set `proxy_pass_header "
        "X-Accel-Buffering;` in the one next to the server). On the client's own machine a virus "
        f"scanner may do it. {WITHOUT}",
    )


def judge_opened(one: Evidence) -> Finding:
    """Judge a carrier on which OPEN came."""
    if one.trouble == SLOW:
        why = f"Messages pass, but much more slowly than over another transport: {one.error}."
        return replace(judged(one, Verdict.WORKS, why, outcome=SLOW), usable=True)
    if one.cut is not None and not (one.proven is None and one.trouble == "timeout"):
        return _cut(one)
    if one.proven is None:
        how = (
            "the server responded to nothing that the client sent"
            if one.transport == "websocket"
            else "nothing came down in response to what the client sent"
        )
        if one.batch_status is not None:
            return judged(
                one,
                Verdict.REFUSED,
                f"The downlink opened, but requests that go up get status {one.batch_status}.",
                WITHOUT,
                outcome=f"refused ({one.batch_status})",
            )
        why = f"OPEN came, and then {how} within {one.timeout or 0:.0f} s: it is open but dead."
        return judged(one, Verdict.SILENT, why, WITHOUT)
    if one.stalled:
        return judged(
            one,
            Verdict.SILENT,
            f"It opened, and fell silent after {size_text(one.echoed)} had come back.",
            WITHOUT,
            outcome=f"silent after {size_text(one.echoed)}",
        )
    if (found := _watched(one)) is not None:
        return found
    return replace(
        judged(one, Verdict.WORKS, "Messages pass both ways while it is open."), usable=True
    )


def _cut(one: Evidence) -> Finding:
    assert one.cut is not None
    after = size_text(one.echoed) if one.cut_by_amount else time_text(one.cut)
    if one.cut_by_amount:
        why = (
            f"The connection was cut after {size_text(one.echoed)} had come back. Another one, on "
            "which little was sent, lasted longer: something limits the amount."
        )
    else:
        why = f"The connection was cut {time_text(one.cut)} after it had opened."
    why += " Sessions resume on the next connection without loss, but each cut costs a moment."
    found = judged(
        one,
        Verdict.CUT,
        why,
        "Ask whoever runs the proxy to lift the limit for this path. " + WITHOUT,
        outcome=f"cut after {after}",
    )
    # As good as most: a client follows at once what has carried it for a heartbeat.
    return replace(found, usable=not one.cut_by_amount and one.cut >= (one.heartbeat or 10.0))


def _watched(one: Evidence) -> Finding | None:
    """Judge what a longer watch has seen; None for nothing against it."""
    busy, silent = one.busy, one.silent
    heartbeat = one.heartbeat or 10.0
    if busy is not None and busy.cut:
        found = judged(
            one,
            Verdict.CUT,
            f"The connection was cut {time_text(busy.watched)} after it had opened, although a "
            "message passed every second: something limits how long it may last. "
            "Sessions resume on the next connection without loss.",
            "Ask whoever runs the proxy to lift the limit for this path (Envoy: set `timeout: 0s` "
            "for the route).",
            outcome=f"cut after {time_text(busy.watched)} whatever happens",
        )
        return replace(found, usable=busy.watched >= min(heartbeat, busy.seconds))
    if silent is not None and silent.cut:
        kept = silent.watched > heartbeat
        found = judged(
            one,
            Verdict.CUT,
            f"The connection was cut after {time_text(silent.watched)} without a message; "
            "with a message every second it was not. "
            + (
                f"The server's heartbeat of {heartbeat:g} s is shorter, so sessions are not cut."
                if kept
                else f"The server's heartbeat of {heartbeat:g} s is longer, so an idle session "
                "is cut, and resumes, again and again."
            ),
            "You need to do nothing; keep the server's `heartbeat` limit below that time."
            if kept
            else "Ask whoever runs the server to set `ServerLimits(heartbeat=…)` to half of that "
            "time. byway's client notices it after a cut or two, and asks for a shorter heartbeat.",
            outcome=f"cut after {time_text(silent.watched)} of silence",
        )
        return replace(found, usable=True)
    return None
