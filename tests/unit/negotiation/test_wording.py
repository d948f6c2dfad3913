"""What users read: the whole of each sentence that the diagnosis can say.

The right texts stand in `wording.json`, by the names of the cases below. Who changes a text runs
this module, `python -m tests.unit.negotiation.test_wording`, which writes the file anew, and reads
what has changed in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from byway.negotiation.diagnosis import diagnose
from byway.negotiation.evidence import SLOW, Evidence, Watch
from byway.negotiation.report import Report

TEXTS = Path(__file__).with_name("wording.json")
URL = "http://app.example/chat"

WORKS = Evidence(
    transport="poll",
    answered=0.01,
    opened=0.01,
    proven=0.02,
    status=200,
    mark="poll",
    heartbeat=10.0,
    sent=131_072,
    echoed=131_072,
    echo_time=0.5,
)
"""Another transport that works, and so shows that byway is served."""

NOT_BYWAY = Evidence(transport="poll", status=404)
SOCKET = Evidence(transport="websocket", answered=0.1, opened=0.1, proven=0.2)
STREAM = Evidence(transport="stream", answered=0.1, opened=0.1, proven=0.2)
TEXT = Evidence(transport="poll", opened=0.1, proven=0.2, status=200, mark="poll", text_only=True)
EVENTS = Evidence(transport="sse", opened=0.1, proven=0.2, status=200, mark="sse")
TEXT_EVENTS = Evidence(
    transport="sse", opened=0.1, proven=0.2, status=200, mark="sse", text_only=True
)
UP_UNKNOWN = Evidence(transport="sse", opened=0.1, status=200, mark="sse", timeout=10.0)
PLAIN = Evidence(transport="websocket", plain=True, opened=0.1, answered=0.1, status=101)


def by(*headers: str) -> tuple[tuple[str, str], ...]:
    """Return headers that were written as `name: value`."""
    pairs = (one.split(": ", 1) for one in headers)
    return tuple((name, value) for name, value in pairs)


def up(**seen: Any) -> dict[str, Any]:
    """Return evidence of a carrier that opened and was proven."""
    return {"answered": 0.1, "opened": 0.1, "proven": 0.2, "heartbeat": 10.0, **seen}


def cut(at: float, seconds: float = 20.0) -> Watch:
    """Return a watch in which a carrier was cut."""
    return Watch(seconds=seconds, watched=at, cut=True)


LASTED = Watch(seconds=20.0, watched=20.0)

Case = tuple[str, dict[str, Any], tuple[Evidence, ...]]

NGINX = by("server: nginx/1.22.1")
ENVOY = by("server: envoy")

FINDINGS: dict[str, Case] = {}


def served(name: str, transport: str, **seen: Any) -> None:
    """Add a case of a transport beside another that works."""
    FINDINGS[name] = (transport, {"timeout": 10.0, **seen}, (WORKS,))


def alone(name: str, transport: str, *others: Evidence, **seen: Any) -> None:
    """Add a case of a transport alone, or beside these."""
    FINDINGS[name] = (transport, {"timeout": 10.0, **seen}, others)


# Responses of others than byway, where it is served.
for code in (101, 299, 300, 399, 400, 401, 403, 404, 405, 407, 426, 501, 502, 503, 504, 511):
    served(f"handshake {code}", "websocket", status=code)
for code in (299, 300, 399, 400, 401, 403, 404, 405, 407, 411, 413, 418, 502, 503, 504, 511):
    served(f"post {code}", "stream", status=code)
for code in (400, 403, 404, 405, 426, 501):
    served(f"handshake {code} by nginx", "websocket", status=code, headers=NGINX)
    served(f"handshake {code} by Envoy", "websocket", status=code, headers=ENVOY)
served("post 403 by nginx", "stream", status=403, headers=NGINX)
served("post 401 with a scheme", "stream", status=401, headers=by("www-authenticate: Bearer"))
served("post 302 with a target", "stream", status=302, headers=by("location: /login"))
served("handshake 302 with a target", "websocket", status=302, headers=by("location: /login"))
for schemes in (["Basic"], ["NTLM"], ["Negotiate", "NTLM"], ["NTLM", "BASIC"]):
    named = by(*(f"proxy-authenticate: {one}" for one in schemes))
    said = " ".join(schemes)
    served(f"post 407 {said}", "stream", status=407, headers=named)
    served(f"connect 407 {said}", "websocket", status=407, trouble="proxy", headers=named)
for code in (403, 407, 502):
    served(f"connect {code}", "websocket", status=code, trouble="proxy")
    alone(f"connect {code} alone", "stream", status=code, trouble="proxy")
alone("connect 405 beside what is not byway", "stream", NOT_BYWAY, status=405, trouble="proxy")

# The same where nothing shows that byway is served.
for code in (401, 403, 502):
    alone(f"handshake {code} alone", "websocket", status=code)
    alone(f"post {code} alone", "stream", status=code)
    alone(f"post {code} alone by nginx", "stream", status=code, headers=NGINX)

# Byway's own.
for code in (400, 403, 409, 410, 426, 429, 503):
    for kind in ("websocket", "stream"):
        served(f"{kind} {code} by byway", kind, status=code, mark="error", error="bad")
        served(f"{kind} {code} by the application", kind, status=code, mark="refused", error="bad")
for code in (400, 426):
    served(
        f"websocket {code} by byway through nginx",
        "websocket",
        status=code,
        mark="error",
        headers=NGINX,
    )
for name in ("nginx", "HAProxy", "Apache", "Caddy", "Envoy", "Traefik", "Squid", "mitmproxy"):
    served(
        f"426 through {name}", "websocket", status=426, mark="error", headers=by(f"server: {name}")
    )
served("426 through Varnish", "websocket", status=426, mark="error", headers=by("server: varnish"))
served("406 by byway", "sse", status=406, mark="error")
served("406 by another", "sse", status=406)
served("404 with byway's error", "sse", status=404, mark="error", error="no such session")

# Somebody without byway.
for code in (199, 200, 299, 300, 302, 399, 400, 404):
    for kind in ("websocket", "stream"):
        alone(f"{kind} {code} not byway", kind, NOT_BYWAY, status=code)
alone("200 with a page", "stream", status=200, headers=by("content-type: text/html"))
alone("200 with text", "stream", status=200, headers=by("content-type: text/plain"))
alone(
    "200 with a page by nginx",
    "stream",
    status=200,
    headers=(*NGINX, *by("content-type: text/html")),
)
alone(
    "302 to a login by nginx",
    "websocket",
    status=302,
    headers=(*NGINX, *by("location: http://gate/login")),
)
alone("404 by nginx", "websocket", status=404, headers=NGINX)
for code in (402, 403, 429, 451, 503):
    alone(f"{code} beside what is not byway", "stream", NOT_BYWAY, status=code)

# Responses that are blocked for their type.
for code in (200, 302, 399, 400, 403, 404, 406, 415):
    alone(f"stream {code} beside text", "stream", TEXT, status=code)
alone(
    "stream blocked by Squid", "stream", TEXT, TEXT_EVENTS, status=403, headers=by("via: 1.1 squid")
)
alone("sse blocked", "sse", WORKS, status=403)
alone("poll blocked beside events whose way up is unknown", "poll", UP_UNKNOWN, status=403)
alone("poll not blocked beside events", "poll", EVENTS, status=403)
alone("poll blocked beside events in text", "poll", TEXT_EVENTS, status=403)
alone("stream blocked in a session", "stream", Evidence(transport="sse", in_use=True), status=403)
alone("stream blocked after one", "stream", Evidence(transport="sse", carried=True), status=403)
alone("websocket beside text", "websocket", TEXT, status=403)

# Middleware inside of a router.
for code in (403, 404, 405):
    alone(f"post {code} beside a WebSocket", "stream", SOCKET, status=code)
alone("handshake 404 beside a WebSocket", "websocket", SOCKET, status=404)
alone("404 by byway beside a WebSocket", "stream", SOCKET, status=404, mark="error", error="gone")
alone("post 404 beside a stream", "poll", STREAM, status=404)
alone("post 404 beside a plain WebSocket", "poll", PLAIN, WORKS, status=404)

# No response at all.
for word in (
    "name",
    "name-timeout",
    "refused",
    "certificate",
    "tls",
    "unreachable",
    "connect-timeout",
    "proxy",
):
    alone(f"trouble {word}", "poll", trouble=word, error="as the system says")
    served(f"trouble {word} beside one that works", "poll", trouble=word, error="as it says")
for kind in ("websocket", "stream"):
    for how, add in (("alone", alone), ("where byway is served", served)):
        add(f"{kind} reset {how}", kind, trouble="reset", error="reset by peer")
        add(f"{kind} protocol {how}", kind, trouble="protocol", error="no HTTP")
        add(f"{kind} silent {how}", kind, trouble="timeout")
        add(f"{kind} began {how}", kind, answered=0.1, trouble="timeout", timeout=10.4)
        add(f"{kind} silent without a limit {how}", kind, timeout=None)
served(
    "a WebSocket that opened and said nothing",
    "websocket",
    answered=0.1,
    status=101,
    mark="websocket",
)
served("a stream that began and said nothing", "stream", answered=0.1, status=200, mark="stream")
served("another protocol", "websocket", trouble="dropped", status=101)
served("a plain WebSocket where byway is served", "websocket", plain=True, status=101)
alone("a plain WebSocket", "websocket", plain=True, status=101)
served("one request at a time", "stream", **up(trouble="turns"))

# A carrier that opened.
for kind in ("websocket", "stream"):
    served(f"{kind} works", kind, **up())
    served(f"{kind} open and dead", kind, answered=0.1, opened=0.1)
    served(f"{kind} open and dead without a limit", kind, answered=0.1, opened=0.1, timeout=None)
    served(f"{kind} cut unproven", kind, answered=0.1, opened=0.1, cut=3.0, trouble="reset")
    served(f"{kind} timeout unproven", kind, answered=0.1, opened=0.1, cut=3.0, trouble="timeout")
    served(f"{kind} cut and timeout", kind, **up(cut=3.0, trouble="timeout"))
    served(f"{kind} batch refused", kind, answered=0.1, opened=0.1, batch_status=403)
served("slow", "stream", **up(trouble=SLOW, error="0.9 s beside 0.1 s"))
for at in (1.04, 9.44, 9.5, 9.99, 10.0, 15.1):
    served(f"cut after {at}", "stream", **up(cut=at))
served("cut after 9 with a heartbeat of 8", "stream", **up(cut=9.0, heartbeat=8.0))
served("cut after 9 with no heartbeat", "stream", **up(cut=9.0, heartbeat=None))
served("cut after 10 with no heartbeat", "stream", **up(cut=10.0, heartbeat=None))
for count in (8191, 8192, 65_536):
    served(f"cut after {count} bytes", "stream", **up(cut=12.0, cut_by_amount=True, echoed=count))
    served(f"stalled after {count} bytes", "stream", **up(stalled=True, echoed=count))
for beat in (None, 4.0, 10.0, 12.5):
    for at in (4.0, 10.0, 10.1, 12.5, 15.0):
        served(
            f"silence cut after {at}, heartbeat {beat}",
            "stream",
            **up(heartbeat=beat, busy=LASTED, silent=cut(at)),
        )
        served(
            f"cut while busy after {at}, heartbeat {beat}",
            "stream",
            **up(heartbeat=beat, busy=cut(at)),
        )
served("cut while busy in a short watch", "stream", **up(busy=cut(6.0, 6.0)))
served("cut in both", "stream", **up(busy=cut(15.0), silent=cut(14.0)))
served("held", "stream", opened=4.0, held=True)
served("held by nginx", "stream", opened=4.0, held=True, headers=NGINX)
alone("text held", "sse", STREAM, opened=4.0, held=True)
alone(
    "text held beside a stream that is",
    "sse",
    Evidence(transport="stream", opened=4.0, proven=4.1, held=True),
    opened=4.0,
    held=True,
)
alone(
    "text held beside a dead stream",
    "sse",
    Evidence(transport="stream", opened=0.1),
    opened=4.0,
    held=True,
)
alone("a stream held beside one", "poll", STREAM, opened=4.0, held=True)

# Several processes.
for count in (1, 2):
    for kind in ("websocket", "stream"):
        served(f"{kind} {count} strangers", kind, **up(strangers=count, trip=0.1))
        served(f"{kind} {count} strangers in a session", kind, strangers=count, opened=0.1)
served("websocket strangers without a round trip", "websocket", **up(strangers=1))

# Notes.
served("one lost", "stream", **up(lost=1))
served("one batch lost", "stream", **up(lost_batches=1, repeats=3))
served("two lost", "stream", **up(lost=2))
served("three lost", "stream", **up(lost=1, lost_batches=2))
served("repeats", "stream", **up(repeats=1))
served("away once", "stream", **up(away=1))
served("away twice", "stream", **up(away=2))
served("text", "poll", **up(text_only=True))
served("shorter requests", "stream", **up(batch_status=413))
served("other batches", "stream", **up(batch_status=403))
served("a slow trip", "stream", **up(trip=0.3))
served("a quick trip", "stream", **up(trip=0.299))
served("slow echoes", "stream", **up(echoed=20_480, echo_time=2.0))
served(
    "slow echoes that did not end", "stream", **up(echoed=20_480, echo_time=2.0, unfinished=True)
)
served("echoes of just enough", "stream", **up(echoed=65_536, echo_time=2.0))
served("echoes of just too few", "stream", **up(echoed=65_535, echo_time=2.0))
served("no echo", "stream", **up(echoed=0, echo_time=2.0))
served("many echoes", "stream", **up(echoed=4_000_000, echo_time=200.0))
served("watched", "stream", **up(busy=LASTED, silent=Watch(seconds=20.0, watched=9.0)))
served("through Squid", "stream", **up(headers=by("via: 1.1 squid")))
served(
    "not opened, and more",
    "stream",
    lost=1,
    away=1,
    text_only=True,
    trip=0.5,
    busy=LASTED,
    echoed=100,
    echo_time=1.0,
    headers=NGINX,
    trouble="timeout",
)

# In a session, and what was not tried.
alone("carries", "stream", in_use=True)
alone("carried", "stream", carried=True)
alone("carries plainly", "websocket", in_use=True, plain=True)
alone("carried plainly", "websocket", carried=True, plain=True)
alone("not offered", "sse", tried=False, offered=("stream", "poll"))
alone("offered, not tried", "poll", tried=False, offered=("stream", "poll"))
alone("not tried", "poll", tried=False)
alone(
    "not tried for a plain one",
    "poll",
    Evidence(transport="websocket", in_use=True, plain=True),
    tried=False,
)
alone(
    "not tried for another plain one",
    "poll",
    Evidence(transport="websocket", carried=True, plain=True),
    tried=False,
)
alone(
    "not tried for a refusal",
    "poll",
    Evidence(transport="websocket", status=401, mark="refused"),
    tried=False,
)

# Pages of the URL's own origin.
alone("a page's WebSocket", "websocket", WORKS, **up(page_refused=True))
alone("a page's stream", "stream", WORKS, **up(page_refused=True))
alone(
    "a page's WebSocket where all are refused",
    "websocket",
    Evidence(transport="poll", **up(page_refused=True)),
    **up(page_refused=True),
)
alone("a page's WebSocket beside a refusal", "websocket", NOT_BYWAY, **up(page_refused=True))


def found(name: str) -> dict[str, Any]:
    """Return what is said of a transport."""
    transport, seen, others = FINDINGS[name]
    evidence = [Evidence(transport=transport, **seen), *others]
    first = diagnose(evidence, url=URL).findings[0].as_json()
    said = {key: value for key, value in first.items() if key not in ("evidence", "transport")}
    return {key: value for key, value in said.items() if value or key == "why"}


def some(**verdicts: dict[str, Any]) -> list[Evidence]:
    """Return evidence of some transports."""
    return [Evidence(transport=name, **seen) for name, seen in verdicts.items()]


UNTRIED: dict[str, Any] = {"tried": False}
DEAD: dict[str, Any] = {"trouble": "timeout", "timeout": 10.0}
REPORTS: dict[str, Callable[[], Report]] = {
    "all work": lambda: diagnose(some(websocket=up(), poll=up(trip=0.0501)), url=URL),
    "one is slow by name": lambda: diagnose(
        some(websocket=up(trip=1.5), poll=up(trip=0.05)), url=URL
    ),
    "one is slow": lambda: diagnose(
        some(websocket=up(trouble=SLOW, error="0.9 s beside 0.1 s"), poll=up(trip=0.1)), url=URL
    ),
    "one is not reached": lambda: diagnose(
        some(websocket={"status": 403, "headers": ENVOY}, stream=up(), sse=up(), poll=up()),
        url=URL,
    ),
    "one was not tried": lambda: diagnose(some(websocket=up(), poll=UNTRIED), url=URL),
    "through a proxy": lambda: diagnose(
        some(websocket={"status": 403, "trouble": "proxy"}, poll=up()),
        url=URL,
        proxy="http://gate:3128",
    ),
    "only what is cut": lambda: diagnose(some(websocket=up(cut=1.0), sse=DEAD), url=URL),
    "some are cut": lambda: diagnose(
        some(websocket=up(cut=1.0), stream=up(cut=15.0), sse=DEAD, poll=up()), url=URL
    ),
    "nothing gets through": lambda: diagnose(some(websocket=DEAD, sse=up(stalled=True)), url=URL),
    "nothing known": lambda: diagnose(some(websocket=DEAD, sse=DEAD), url=URL),
    "a proxy that does not know CONNECT": lambda: diagnose(
        some(websocket={"status": 405, "trouble": "proxy"}), url=URL, proxy="http://gate:3128"
    ),
    "known to be served": lambda: diagnose(some(websocket=DEAD, sse=DEAD), url=URL, served=True),
    "nobody there": lambda: diagnose(
        some(websocket={"trouble": "name"}, sse={"trouble": "name"}), url=URL
    ),
    "nobody there, or silent": lambda: diagnose(
        some(websocket={"trouble": "name"}, sse=DEAD), url=URL
    ),
    "no byway": lambda: diagnose(some(websocket={"status": 404}, sse={"status": 403}), url=URL),
    "a plain WebSocket": lambda: diagnose(
        some(websocket={"plain": True, "status": 101}, sse={"status": 404}), url=URL
    ),
    "refused": lambda: diagnose(
        some(websocket={"status": 401, "mark": "refused"}, poll=UNTRIED), url=URL
    ),
    "refused, and another works": lambda: diagnose(
        some(websocket={"status": 401, "mark": "refused"}, poll=up()), url=URL
    ),
    "a session": lambda: diagnose(
        some(websocket={"status": 403}, stream={"in_use": True}, poll=UNTRIED),
        url=URL,
        in_use="stream",
        last="stream",
    ),
    "a session with nothing in vain": lambda: diagnose(
        some(websocket={"in_use": True}, poll=UNTRIED), url=URL, in_use="websocket"
    ),
    "a session that was": lambda: diagnose(
        some(websocket={"status": 403}, stream={"carried": True}, poll=UNTRIED),
        url=URL,
        last="stream",
    ),
    "a session that was, and what failed": lambda: diagnose(
        some(websocket={"opened": 3.0, "cut": 3.0, "trouble": "reset"}, poll=DEAD),
        url=URL,
        last="websocket",
    ),
    "a plain session": lambda: diagnose(
        some(websocket={"in_use": True, "plain": True}, poll=UNTRIED), url=URL, in_use="websocket"
    ),
    "several processes": lambda: diagnose(
        some(websocket=up(strangers=2, trip=0.01), poll=up(strangers=2)), url=URL
    ),
    "pages are refused": lambda: diagnose(
        some(websocket=up(page_refused=True), poll=up(page_refused=True)), url=URL
    ),
    "some pages are refused": lambda: diagnose(
        some(websocket=up(page_refused=True), poll=up()), url=URL
    ),
    "names that cannot be shown": lambda: diagnose(
        some(
            websocket={"status": 404, "headers": by("server: evil\x1b[2J " + "x" * 60)},
            stream={"status": 302, "headers": by("location: /login")},
            poll={"status": 404, "headers": by("via: 1.1 gate", "server: x")},
        ),
        url=URL,
    ),
    "times": lambda: diagnose(
        some(
            websocket={"opened": 1.2345, "proven": 2.5, "answered": 1.2},
            stream={"opened": 0.1, "answered": 0.1, **DEAD},
            poll=up(trip=0.0501, proven=None, cut=12.0),
        ),
        url=URL,
    ),
    "nothing": lambda: Report(url=URL, summary="Nothing was tried."),
}


def read(name: str) -> dict[str, Any]:
    """Return a report as it is read, and what programs take from it."""
    report = REPORTS[name]()
    fields = report.as_json()
    del fields["findings"]
    return {**fields, "text": str(report).splitlines()}


@pytest.fixture(scope="module")
def texts() -> dict[str, dict[str, Any]]:
    """Return the right ones."""
    content: dict[str, dict[str, Any]] = json.loads(TEXTS.read_text())
    return content


@pytest.mark.parametrize("name", FINDINGS)
def test_what_is_said_of_a_transport(name: str, texts: dict[str, dict[str, Any]]) -> None:
    assert found(name) == texts["findings"][name]


@pytest.mark.parametrize("name", REPORTS)
def test_what_a_report_comes_to(name: str, texts: dict[str, dict[str, Any]]) -> None:
    assert read(name) == texts["reports"][name]


def test_every_text_has_its_case(texts: dict[str, dict[str, Any]]) -> None:
    assert list(texts["findings"]) == list(FINDINGS)
    assert list(texts["reports"]) == list(REPORTS)


if __name__ == "__main__":
    right = {
        "findings": {name: found(name) for name in FINDINGS},
        "reports": {name: read(name) for name in REPORTS},
    }
    TEXTS.write_text(json.dumps(right, indent=1, ensure_ascii=False) + "\n")
