"""Unopened: the verdict on a transport on which no OPEN came.

Knows: what refusals, errors and silence mean, and what helps.
Must not know: carriers that opened, how anything was seen.
"""

from __future__ import annotations

from typing import Final

from byway.errors import DROPPED
from byway.negotiation.evidence import Evidence
from byway.negotiation.inside import ADVICE as INSIDE
from byway.negotiation.inside import inside_a_router
from byway.negotiation.judgement import ADD, WITHOUT, Others, judged
from byway.negotiation.products import product
from byway.negotiation.report import Finding, Verdict
from byway.negotiation.responses import not_byway, refusal
from byway.negotiation.types import blocked

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


def judge_untried(one: Evidence, others: Others) -> Finding:
    """Say why a transport was not tried."""
    if one.offered and one.transport not in one.offered:
        why = f"The server does not offer {one.transport}."
        return judged(one, Verdict.NOT_OFFERED, why, ADD)
    if others.plain:
        why = "It was not tried: it needs byway, and this server does not speak byway."
    elif others.carried:
        why = "It was not tried: another transport works."
    elif others.said_no:
        why = "It was not tried: the application had already refused the client."
    else:
        why = "There was no time to try it."
    return judged(one, Verdict.NOT_TRIED, why)


def judge_unopened(one: Evidence, others: Others) -> Finding:
    """Judge a transport that was tried, and on which no OPEN came."""
    if one.trouble == DROPPED or (one.plain and others.served):
        return judged(
            one,
            Verdict.REFUSED,
            "A WebSocket opened, but it is not byway's, although byway is served there. Either a "
            "proxy removes the `Sec-WebSocket-Protocol` header, or WebSockets go to another "
            "server.",
            "Ask whoever runs the proxy to forward `Sec-WebSocket-Protocol`, and to send the "
            "WebSockets and POSTs of this path to the same server. " + WITHOUT,
            outcome="refused (not byway)",
        )
    if one.plain:
        return judged(
            one,
            Verdict.NO_BYWAY,
            "A WebSocket opened, but its server does not speak byway.",
            "connect() uses it as a plain WebSocket, without another transport and without "
            "resuming (unless plain=False). For both, wrap the application in FallbackMiddleware.",
        )
    if one.trouble in UNREACHABLE and not (one.trouble == "proxy" and one.status is not None):
        return _unreachable(one, others.proxy)
    if one.status is not None and one.mark != one.transport:
        return _responded(one, others)
    if one.trouble in ("reset", "protocol"):
        return _ended(one, others.served)
    return _silent(one, others.served)


def _responded(one: Evidence, others: Others) -> Finding:
    by = product(one.headers)
    if one.mark == "error" and one.status == 406:
        why = f"The server does not offer {one.transport}."
        return judged(one, Verdict.NOT_OFFERED, why, ADD)
    if not others.served and others.plainly_not and one.trouble != "proxy":
        why, advice = not_byway(one, by)
        return judged(one, Verdict.NO_BYWAY, why, advice)
    if (by_type := blocked(one, others.types, by)) is not None:
        why, advice = by_type
        outcome = f"{Verdict.BLOCKED.value} ({one.status})"
        return judged(one, Verdict.BLOCKED, why, f"{advice} {WITHOUT}", outcome=outcome)
    why, advice = refusal(one, by, others.served)
    if within := inside_a_router(one, others.evidence):
        why, advice = within, INSIDE
    if others.served and not one.mark:
        advice = f"{advice} {WITHOUT}".strip()
    return judged(one, Verdict.REFUSED, why, advice, outcome=f"refused ({one.status})")


def _unreachable(one: Evidence, proxy: bool) -> Finding:
    what = "the proxy" if proxy else "the server"
    why, advice = {
        "name": (
            f"The host name of {what} cannot be resolved.",
            "Check the spelling of the URL and the DNS server. If your network allows the web "
            "through a proxy only, name the proxy with --proxy.",
        ),
        "name-timeout": (
            f"No DNS server responded when asked for the address of {what}.",
            "Check the DNS servers of this machine. If your network allows the web through a "
            "proxy only, name the proxy with --proxy.",
        ),
        "refused": (
            f"Nothing accepts connections at the address and port of {what}.",
            f"Check the port, and whether {what} is running.",
        ),
        "certificate": (
            "The certificate is not trusted, or is for another name.",
            "Name the certificate authority that signed it with --ca (in a program, `ssl=`). If "
            "an unknown authority signs for every site, the network intercepts TLS.",
        ),
        "tls": (
            "The other side does not speak TLS, or none of the versions allowed.",
            "Check that the port is the one for https:// and wss://.",
        ),
        "connect-timeout": (
            f"It never connected: nothing responds at the address of {what}, not even to refuse.",
            "A firewall drops the packets, or the machine is down. Check the address and the port.",
        ),
        "proxy": (
            "The proxy did not do what it was asked to do.",
            "Check its address, its credentials, and whether it may reach this server.",
        ),
    }.get(
        one.trouble,
        (f"There is no route to {what} from here.", "Check the address and the network."),
    )
    if one.trouble not in ("name", "name-timeout", "refused", "connect-timeout"):  # they say it
        why = f"{why} ({one.error})"
    return judged(one, Verdict.UNREACHABLE, why, advice)


def _ended(one: Evidence, served: bool) -> Finding:
    what = "handshake" if one.transport == "websocket" else "request"
    if one.trouble == "protocol":
        why = f"The response to the {what} breaks the protocol: {one.error}."
        advice = "Check that this is the port of a web server."
    else:
        why = f"The connection was closed during the {what}, without a response."
        advice = "A filter on the way did that, or a server that has stopped."
    if served:
        advice = WITHOUT
    return judged(one, Verdict.REFUSED, why, advice, outcome="refused (cut off)")


def _silent(one: Evidence, served: bool) -> Finding:
    time = f"{one.timeout:.0f} s" if one.timeout is not None else "the time given"
    what = "handshake" if one.transport == "websocket" else "request"
    if one.answered is None:
        why = f"The {what} got no response within {time}: something on the way drops it."
    elif one.transport == "websocket":
        why = f"The WebSocket opened, but nothing came from the server within {time}."
    else:
        why = f"A response began, but none of its body came within {time}."
    if served:
        return judged(one, Verdict.SILENT, why, WITHOUT)
    return judged(
        one,
        Verdict.SILENT,
        why,
        "Check the address. If the path is slow, try again with a longer --timeout.",
    )
