"""Diagnosis: from what was seen of the transports to a verdict on each, and what to do.

Knows: how networks and servers behave that stand in the way, and what helps.
Must not know: how anything was seen, a clock, asyncio.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from byway.errors import DROPPED
from byway.negotiation import confined
from byway.negotiation.answers import not_byway, refusal
from byway.negotiation.evidence import SLOW, Evidence
from byway.negotiation.inside import ADVICE as INSIDE
from byway.negotiation.inside import inside_a_router
from byway.negotiation.notes import notes_on, size_text, time_text
from byway.negotiation.pace import INFINITE, quick_first
from byway.negotiation.pages import SUMMARY as PAGES_REFUSED
from byway.negotiation.pages import page_note, pages_are_refused
from byway.negotiation.processes import ONE_PROCESS, several_processes
from byway.negotiation.processes import SUMMARY as SEVERAL
from byway.negotiation.products import product
from byway.negotiation.report import Finding, Report, Verdict
from byway.negotiation.types import blocked, passing

UNREACHABLE: Final = frozenset(
    {
        "name",
        "name-timeout",
        "refused",
        "certificate",
        "tls",
        "unreachable",
        "connect-timeout",
        "proxy",
    }
)
"""Troubles with which nothing of HTTP was ever seen."""

NEVER_BYWAYS: Final = frozenset({401, 402, 403, 407, 429, 451, 502, 503, 504, 511})
"""Statuses that say nothing of what is served behind the one who answered."""


@dataclass(frozen=True, slots=True)
class _Others:
    """What all transports together show, and how they were tried.

    Attributes:
        served: something came that only byway says.
        plainly_not: somebody without byway answered on purpose.
        proxy: a forward proxy was used.
        stream_passes: an endless answer that is not text passes live.
        carried: a transport carries the session that this is about, or has carried it.
        plain: a plain WebSocket does, or did.
        said_no: the application refused the session.
        types: the types of responses that pass.
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
    others = _Others(
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
    summary = _summary(report, last)
    if any(one.strangers for one in evidence):
        summary = f"{SEVERAL} {summary}"
    if pages_are_refused(evidence):
        summary = f"{summary} {PAGES_REFUSED}"
    return replace(report, summary=summary)


def _says_something_else(one: Evidence) -> bool:
    """Say whether an answer came that somebody without byway gave on purpose."""
    return one.plain or (
        not one.mark
        and one.trouble != "proxy"
        and one.status is not None
        and one.status not in NEVER_BYWAYS
    )


def _judge(one: Evidence, others: _Others) -> Finding:
    if not one.tried:
        return _not_tried(one, others)
    if one.in_use or one.carried:
        how = "carries" if one.in_use else "carried"
        why = f"It {how} the session."
        if one.plain:
            why = f"A plain WebSocket {how} the channel: its server does not speak byway."
        return replace(_found(one, Verdict.WORKS, why), usable=True)
    if one.trouble == confined.TROUBLE:
        why, advice = confined.WHY, f"{confined.ADVICE} {WITHOUT}"
        return _found(one, Verdict.SILENT, why, advice, outcome=confined.OUTCOME)
    if one.strangers:
        usable = one.transport == "websocket" and one.trip is not None
        found = _found(one, Verdict.SEVERAL_PROCESSES, several_processes(one), ONE_PROCESS)
        return replace(found, usable=usable)
    if one.held:
        return _buffered(one, others)
    if one.opened is not None:
        return _opened(one)
    if one.trouble == DROPPED or (one.plain and others.served):
        return _found(
            one,
            Verdict.REFUSED,
            "A WebSocket opened, but not byway's, although byway is served there: something on "
            "the way takes `Sec-WebSocket-Protocol` away, or WebSockets go to another server.",
            "Who runs the proxy: let `Sec-WebSocket-Protocol` pass, and lead WebSockets and POSTs "
            "of this path to the same server. " + WITHOUT,
            outcome="refused (not byway)",
        )
    if one.plain:
        return _found(
            one,
            Verdict.NO_BYWAY,
            "A WebSocket opened, but its server does not speak byway.",
            "connect() goes on there as a plain WebSocket, without another transport and without "
            "resuming (unless plain=False). Wrap the application in FallbackMiddleware for both.",
        )
    if one.trouble in UNREACHABLE and not (one.trouble == "proxy" and one.status is not None):
        return _unreachable(one, others.proxy)
    if one.status is not None and one.mark != one.transport:
        return _answered(one, others)
    if one.trouble in ("reset", "protocol"):
        return _ended(one, others.served)
    return _silent(one, others.served)


def _not_tried(one: Evidence, others: _Others) -> Finding:
    if one.offered and one.transport not in one.offered:
        why = f"The server says that it does not offer {one.transport}."
        return _found(one, Verdict.NOT_OFFERED, why, ADD)
    if others.plain:
        why = "It was not tried, as it needs byway, which the server does not speak."
    elif others.carried:
        why = "It was not tried, as another transport works."
    elif others.said_no:
        why = "It was not tried, as the application had refused the client already."
    else:
        why = "There was no time to try it."
    return _found(one, Verdict.NOT_TRIED, why)


def _found(
    one: Evidence, verdict: Verdict, why: str, advice: str = "", *, outcome: str = ""
) -> Finding:
    return Finding(
        transport=one.transport,
        verdict=verdict,
        outcome=outcome or verdict.value,
        why=why,
        advice=advice,
        notes=notes_on(one, why),
        evidence=one,
    )


NOT_ASKED: Final = "Whether your application accepts this path was not tried."
"""What a doctor does not know: a probe never reaches the application."""

WITHOUT: Final = "The client: set the preference below."
"""What a client does about a transport that is of no use."""

ADD: Final = "Who runs the server: add it to the middleware's `transports`."
"""What helps where the server does not offer a transport."""


def _answered(one: Evidence, others: _Others) -> Finding:
    who = product(one.headers)
    if one.mark == "error" and one.status == 406:
        why = f"The server says that it does not offer {one.transport}."
        return _found(one, Verdict.NOT_OFFERED, why, ADD)
    if not others.served and others.plainly_not and one.trouble != "proxy":
        why, advice = not_byway(one, who)
        return _found(one, Verdict.NO_BYWAY, why, advice)
    if (by_type := blocked(one, others.types, who)) is not None:
        why, advice = by_type
        outcome = f"{Verdict.BLOCKED.value} ({one.status})"
        return _found(one, Verdict.BLOCKED, why, f"{advice} {WITHOUT}", outcome=outcome)
    why, advice = refusal(one, who, others.served)
    if within := inside_a_router(one, others.evidence):
        why, advice = within, INSIDE
    if others.served and not one.mark:
        advice = f"{advice} {WITHOUT}".strip()
    return _found(one, Verdict.REFUSED, why, advice, outcome=f"refused ({one.status})")


def _unreachable(one: Evidence, proxy: bool) -> Finding:
    what = "the proxy" if proxy else "the server"
    why, advice = {
        "name": (
            f"The name of {what} is not known here.",
            "Check the spelling of the URL and the name server; in a network that allows the web "
            "through a proxy only, name the proxy with --proxy.",
        ),
        "name-timeout": (
            f"No name server answered what the address of {what} is.",
            "Check the name servers of this machine; in a network that allows the web through a "
            "proxy only, name the proxy with --proxy.",
        ),
        "refused": (
            f"Nothing accepts connections at the address and port of {what}.",
            f"Check the port, and whether {what} runs.",
        ),
        "certificate": (
            "The certificate is not trusted, or is for another name.",
            "Name the authority that signed it with --ca (in a program, `ssl=`). Where an "
            "unknown authority signs for every site, the network intercepts TLS.",
        ),
        "tls": (
            "What answers there does not speak TLS, or none of the versions allowed.",
            "Check that the port is the one for https:// and wss://.",
        ),
        "connect-timeout": (
            f"It never connected: nothing answers at the address of {what}, not even to refuse.",
            "A firewall drops the packets, or the machine is away. Check the address and the port.",
        ),
        "proxy": (
            "The proxy did not do as it was asked.",
            "Check its address, its credentials and whether it may reach this server.",
        ),
    }.get(
        one.trouble,
        (f"There is no way to {what} from here.", "Check the address and the network."),
    )
    if one.trouble not in ("name", "name-timeout", "refused", "connect-timeout"):  # they say it
        why = f"{why} ({one.error})"
    return _found(one, Verdict.UNREACHABLE, why, advice)


def _ended(one: Evidence, served: bool) -> Finding:
    what = "handshake" if one.transport == "websocket" else "request"
    if one.trouble == "protocol":
        why = f"What answered the {what} is not what was agreed on: {one.error}."
        advice = "Check that this is the port of a web server."
    else:
        why = f"The connection was ended in answer to the {what}, without a word."
        advice = "A filter on the way, or a server that stopped."
    if served:
        advice = WITHOUT
    return _found(one, Verdict.REFUSED, why, advice, outcome="refused (cut off)")


def _silent(one: Evidence, served: bool) -> Finding:
    time = f"{one.timeout:.0f} s" if one.timeout is not None else "the time given"
    what = "handshake" if one.transport == "websocket" else "request"
    if one.answered is None:
        why = f"The {what} was never answered within {time}: somebody swallows it."
    elif one.transport == "websocket":
        why = f"The WebSocket opened, but nothing that the server says came through within {time}."
    else:
        why = f"An answer began, but nothing of it came through within {time}."
    if served:
        return _found(one, Verdict.SILENT, why, WITHOUT)
    return _found(
        one,
        Verdict.SILENT,
        why,
        "Check the address, and try again with a longer --timeout where the way is long.",
    )


def _buffered(one: Evidence, others: _Others) -> Finding:
    who = product(one.headers) or "something on the way"
    held = "holds answers back until they are complete"
    if one.transport == "sse" and others.stream_passes:
        held = "holds text back until it is complete, and passes what is not text, as stream shows"
    return _found(
        one,
        Verdict.BUFFERED,
        f"What the server wrote came only when the answer had ended: {who} {held}.",
        "Who runs the proxy: switch the buffering of answers off (nginx: docs/how-to/nginx.md; "
        "with two of them in a row, `proxy_pass_header X-Accel-Buffering;` in the one next to the "
        f"server); on the client's own machine it may be a virus scanner. {WITHOUT}",
    )


def _opened(one: Evidence) -> Finding:
    """Judge a carrier on which OPEN came."""
    if one.trouble == SLOW:
        why = f"Messages pass, but much slower than over another transport: {one.error}."
        return replace(_found(one, Verdict.WORKS, why, outcome=SLOW), usable=True)
    if one.cut is not None and not (one.proven is None and one.trouble == "timeout"):
        return _cut(one)
    if one.proven is None:
        how = (
            "nothing that the client says was answered"
            if one.transport == "websocket"
            else "no answer to what the client says came down"
        )
        if one.batch_status is not None:
            return _found(
                one,
                Verdict.REFUSED,
                f"The way down opened, but what goes up was answered {one.batch_status}.",
                WITHOUT,
                outcome=f"refused ({one.batch_status})",
            )
        why = f"OPEN came, and then {how} within {one.timeout or 0:.0f} s: it is open and dead."
        return _found(one, Verdict.SILENT, why, WITHOUT)
    if one.stalled:
        return _found(
            one,
            Verdict.SILENT,
            f"It opened, and fell silent after {size_text(one.echoed)} had come back.",
            WITHOUT,
            outcome=f"silent after {size_text(one.echoed)}",
        )
    if (found := _watched(one)) is not None:
        return found
    return replace(
        _found(one, Verdict.WORKS, "Messages pass both ways while it is open."), usable=True
    )


def _cut(one: Evidence) -> Finding:
    assert one.cut is not None
    after = size_text(one.echoed) if one.cut_by_amount else time_text(one.cut)
    if one.cut_by_amount:
        why = (
            f"The connection was cut when {size_text(one.echoed)} had come back of what was sent "
            "to be echoed; another, on which little was sent, lasted longer. The amount is bounded."
        )
    else:
        why = f"The connection was cut {time_text(one.cut)} after it had opened."
    why += " Sessions go on over the next one, without loss, but each cut costs a moment."
    found = _found(
        one,
        Verdict.CUT,
        why,
        "Who runs the proxy: lift the bound for this path. " + WITHOUT,
        outcome=f"cut after {after}",
    )
    # As good as most: a client follows at once what has carried it for a heartbeat.
    return replace(found, usable=not one.cut_by_amount and one.cut >= (one.heartbeat or 10.0))


def _watched(one: Evidence) -> Finding | None:
    """Judge what a longer watch has seen; None for nothing against it."""
    busy, silent = one.busy, one.silent
    heartbeat = one.heartbeat or 10.0
    if busy is not None and busy.cut:
        found = _found(
            one,
            Verdict.CUT,
            f"The connection was cut {time_text(busy.watched)} after it had opened, although a "
            "message passed every second: its time is bounded, whatever happens on it. "
            "Sessions go on over the next one, without loss.",
            "Who runs the proxy: lift the bound for this path (Envoy: the route's `timeout: 0s`).",
            outcome=f"cut after {time_text(busy.watched)} whatever happens",
        )
        return replace(found, usable=busy.watched >= min(heartbeat, busy.seconds))
    if silent is not None and silent.cut:
        kept = silent.watched > heartbeat
        found = _found(
            one,
            Verdict.CUT,
            f"The connection was cut after {time_text(silent.watched)} on which nothing passed; "
            "with a message every second it was not. "
            + (
                f"The server's heartbeat of {heartbeat:g} s is shorter, so a session is not cut."
                if kept
                else f"The server's heartbeat of {heartbeat:g} s is longer, so an idle session "
                "is cut, and resumes, again and again."
            ),
            "Nothing; leave the server's `Limits.heartbeat` below that time."
            if kept
            else "Who runs the server: set `Limits(heartbeat=…)` to half of that time. byway's "
            "client notices by itself after a cut or two, and asks for a shorter one.",
            outcome=f"cut after {time_text(silent.watched)} of silence",
        )
        return replace(found, usable=True)
    return None


def _summary(report: Report, last: str | None) -> str:
    names = [one.transport for one in report.findings]
    verdicts = {one.verdict for one in report.findings}
    if report.in_use or last:
        said = f"{report.in_use} carries the session."
        if not report.in_use:
            said = f"{last} carried the session last."
        if report.preference and any(
            one.evidence.tried and one.verdict is not Verdict.WORKS for one in report.findings
        ):
            said += f" To spare the next one what was in vain, prefer: {report.preference}"
        return said
    said_no = [one.evidence.status for one in report.findings if one.evidence.mark == "refused"]
    if said_no and not report.preference:
        return (
            "byway is served here and answered: the application refused the session with status "
            f"{said_no[0]}. No other transport would change that."
        )
    if report.preference:
        if report.preference == ", ".join(names) and verdicts == {Verdict.WORKS}:
            return (
                "byway is served here and everything that was tried works. "
                f"Nothing has to be set. {NOT_ASKED} The preference: {report.preference}"
            )
        return (
            f"byway is served here and works. {NOT_ASKED} connect() finds a way; to spare it the "
            f"search, set the preference (BYWAY_TRANSPORTS or transports=): {report.preference}"
        )
    if report.served:
        return "byway is served here, but nothing gets through. See what each one says."
    if report.served is False:
        return (
            "byway is not served at this URL. Check the path; the server's application has to be "
            "wrapped in FallbackMiddleware, or be an Endpoint."
        )
    if verdicts == {Verdict.UNREACHABLE}:
        return "The server cannot be reached. " + report.findings[0].advice
    return "Nothing got through, and nothing shows whether byway is served at this URL."
