"""Diagnosis: from evidence to a verdict, a sentence and what to do, without any network."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from byway.errors import Attempt
from byway.negotiation import Preference
from byway.negotiation.diagnosis import diagnose
from byway.negotiation.evidence import SLOW, Evidence, Watch
from byway.negotiation.products import product
from byway.negotiation.report import Finding, Report, Verdict

ROOT = Path(__file__).resolve().parents[3]

WORKING = Evidence(
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


def judged(transport: str = "websocket", *, served: bool = True, **seen: Any) -> Finding:
    """Judge one transport, beside another that works or alone."""
    evidence = Evidence(transport=transport, **{"timeout": 10.0, **seen})
    others = [WORKING] if served else []
    return diagnose([evidence, *others], url="http://app.example/").findings[0]


def opened(**seen: Any) -> dict[str, Any]:
    """Return evidence of a carrier that opened and was proven."""
    return {"answered": 0.1, "opened": 0.1, "proven": 0.2, "heartbeat": 10.0, **seen}


REFUSALS: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "websocket",
        {"status": 426, "mark": "error"},
        "without its `Upgrade`",
        "a page for each proxy",
    ),
    ("websocket", {"status": 403}, "Envoy does that", "upgrade_configs"),
    ("websocket", {"status": 426}, "Squid does that", "http_upgrade_request_protocols"),
    ("websocket", {"status": 404}, "taken for a plain request", "let WebSockets pass"),
    ("websocket", {"status": 501}, "status 501", "let WebSockets pass"),
    ("websocket", {"status": 403, "trouble": "proxy"}, "refused CONNECT with status 403", "443"),
    ("websocket", {"status": 407, "trouble": "proxy"}, "requires credentials", "user:password@"),
    ("websocket", {"status": 407}, "requires credentials", "user:password@"),
    ("stream", {"status": 401}, "requires credentials", "Authorization"),
    ("stream", {"status": 403}, "by policy", "allow POST"),
    ("stream", {"status": 405}, "not allow POST", "allow POST"),
    ("stream", {"status": 411}, "`Content-Length` header", "chunked"),
    ("stream", {"status": 413}, "shorter bodies", "client_max_body_size"),
    ("stream", {"status": 302}, "redirects to", "address that it redirects to"),
    ("stream", {"status": 502}, "server is down", "server behind it"),
    ("stream", {"status": 504}, "slow to respond", "server behind it"),
    ("stream", {"status": 511}, "login first", "in a browser"),
    ("stream", {"status": 418}, "status 418", "application/byway"),
    ("stream", {"status": 409, "mark": "error"}, "twice", "proxy_next_upstream"),
    ("stream", {"status": 403, "mark": "error"}, "pages of this origin", "`origins`"),
    ("stream", {"status": 429, "mark": "error", "error": "full"}, "too busy", "later"),
    ("stream", {"status": 503, "mark": "error", "error": "full"}, "too busy", "later"),
    ("stream", {"status": 401, "mark": "refused"}, "application refused", "credentials"),
    ("stream", {"status": 400, "mark": "error", "error": "bad"}, "The server said: bad", ""),
]


@pytest.mark.parametrize(("transport", "seen", "why", "advice"), REFUSALS)
def test_a_refusal_is_explained_by_its_status_and_who_gave_it(
    transport: str, seen: dict[str, Any], why: str, advice: str
) -> None:
    finding = judged(transport, **seen)
    assert finding.verdict is Verdict.REFUSED
    assert finding.outcome == f"refused ({seen['status']})"
    assert why in finding.why
    assert advice in finding.advice
    assert not finding.usable


TEXT_ONLY = Evidence(
    transport="poll", opened=0.1, proven=0.2, status=200, mark="poll", text_only=True
)
EVENTS = Evidence(transport="sse", opened=0.1, proven=0.2, status=200, mark="sse", text_only=True)
CARRYING = Evidence(transport="sse", in_use=True)


@pytest.mark.parametrize("others", [[TEXT_ONLY], [EVENTS], [EVENTS, TEXT_ONLY], [CARRYING]])
@pytest.mark.parametrize("status", [403, 200, 302])
def test_a_response_that_is_blocked_for_its_type_is_not_a_post_that_is(
    others: list[Evidence], status: int
) -> None:
    blocked = Evidence(transport="stream", status=status, headers=(("via", "1.1 squid"),))
    found = diagnose([blocked, *others], url="http://app.example/").findings[0]
    assert (found.verdict, found.outcome) == (Verdict.BLOCKED, f"blocked by type ({status})")
    assert "Squid replaced" in found.why
    assert "`application/octet-stream`, and lets those of `text/" in found.why
    assert "allow `application/octet-stream`" in found.advice
    assert "allow POST" not in found.advice
    assert not found.usable


@pytest.mark.parametrize(
    ("transport", "seen", "others"),
    [
        ("stream", {"status": 403}, [WORKING]),  # another response of that type passes
        ("stream", {"status": 405}, [TEXT_ONLY]),  # no policy's status
        ("stream", {"status": 403}, []),  # nothing shows that POSTs pass
        ("stream", {"status": 403, "mark": "error"}, [TEXT_ONLY]),  # byway's own
        ("websocket", {"status": 403}, [TEXT_ONLY]),
    ],
)
def test_nothing_else_is_taken_for_a_type_that_is_blocked(
    transport: str, seen: dict[str, Any], others: list[Evidence]
) -> None:
    evidence = [Evidence(transport=transport, **seen), *others]
    found = diagnose(evidence, url="http://app.example/").findings[0]
    assert found.verdict is Verdict.REFUSED


def test_who_answers_is_named_where_its_headers_tell() -> None:
    finding = judged(status=403, headers=(("server", "envoy"),))
    assert "got status 403 from Envoy, not from byway" in finding.why
    finding = judged(status=403)
    assert "from something on the way, not from byway" in finding.why


@pytest.mark.parametrize(
    ("server", "page"),
    [
        ("nginx/1.22.1", "nginx"),
        ("Caddy", "caddy"),
        ("Apache/2.4", "apache"),
        ("HAProxy", "haproxy"),
    ],
)
def test_the_advice_names_the_page_of_the_proxy_that_answered(server: str, page: str) -> None:
    assert (ROOT / "docs" / "how-to" / f"{page}.md").is_file()
    finding = judged(status=426, mark="error", headers=(("server", server),))
    assert f"(docs/how-to/{page}.md)" in finding.advice


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ([("via", "1.1 squid.test (squid/5.7)"), ("server", "uvicorn")], "Squid"),
        ([("x-squid-error", "ERR_ACCESS_DENIED 0")], "Squid"),
        ([("server", "nginx/1.22.1")], "nginx"),
        ([("server", "awselb/2.0")], "an AWS load balancer"),
        ([("via", "1.1 gate")], "a proxy that calls itself '1.1 gate'"),
        ([("server", "uvicorn")], ""),
        ([], ""),
    ],
)
def test_products_are_known_by_what_they_sign_with(
    headers: list[tuple[str, str]], name: str
) -> None:
    assert product(headers) == name


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ("name", "cannot be resolved"),
        ("refused", "Nothing accepts connections"),
        ("certificate", "not trusted"),
        ("tls", "does not speak TLS"),
        ("name-timeout", "No DNS server responded"),
        ("connect-timeout", "It never connected: nothing responds"),
        ("unreachable", "no route to the server"),
        ("proxy", "proxy did not do"),
    ],
)
def test_what_was_never_reached_is_unreachable(trouble: str, said: str) -> None:
    finding = judged(served=False, trouble=trouble, error="as the system says it")
    assert finding.verdict is Verdict.UNREACHABLE
    assert said in finding.why
    assert finding.advice


def test_through_a_proxy_it_is_the_proxy_that_was_not_reached() -> None:
    seen = Evidence(transport="poll", trouble="refused")
    report = diagnose([seen], url="http://app.example/", proxy="http://gate:3128/")
    assert "address and port of the proxy" in report.findings[0].why


@pytest.mark.parametrize(
    ("seen", "outcome", "said"),
    [
        ({}, "silent", "no response within 10 s"),
        ({"answered": 0.1, "status": 101, "mark": "websocket"}, "silent", "opened, but nothing"),
        ({"answered": 0.1, "opened": 0.1}, "silent", "open but dead"),
        (opened(stalled=True, echoed=65_536), "silent after about 64 KiB", "fell silent"),
        ({"trouble": "reset"}, "refused (cut off)", "closed during the handshake"),
        ({"trouble": "protocol", "error": "odd"}, "refused (cut off)", "breaks the protocol"),
        (opened(cut=1.04, sent=4096), "cut after 1.0 s", "1.0 s after it had opened"),
        (opened(cut=0.1, cut_by_amount=True, echoed=2048), "cut after a few KiB", "amount"),
        (opened(cut=15.1), "cut after 15 s", "without loss"),
        ({"held": True, "opened": 4.0}, "buffered", "only after the response had ended"),
        ({"status": 406, "mark": "error"}, "not offered", "does not offer"),
        (
            {"answered": 0.1, "opened": 0.1, "batch_status": 403},
            "refused (403)",
            "requests that go up",
        ),
        (opened(), "works", "pass both ways"),
    ],
)
def test_what_was_seen_has_a_name(seen: dict[str, Any], outcome: str, said: str) -> None:
    finding = judged(**seen)
    assert finding.outcome == outcome
    assert said in finding.why


def test_only_an_answer_that_byway_never_gives_shows_that_it_is_not_there() -> None:
    assert judged(served=False, status=404).verdict is Verdict.NO_BYWAY
    assert judged(served=True, status=404).verdict is Verdict.REFUSED
    assert judged(served=False, status=403).verdict is Verdict.REFUSED
    report = diagnose(
        [Evidence(transport="websocket", status=403), Evidence(transport="poll", status=404)],
        url="http://app.example/",
    )
    assert {one.verdict for one in report.findings} == {Verdict.NO_BYWAY}
    assert report.served is False


def test_a_plain_websocket_is_said_to_be_one() -> None:
    finding = judged(served=False, plain=True, answered=0.1, status=101)
    assert finding.verdict is Verdict.NO_BYWAY
    assert "uses it as a plain WebSocket" in finding.advice
    stripped = judged(served=True, plain=True, answered=0.1, status=101)
    assert stripped.verdict is Verdict.REFUSED
    assert "removes the `Sec-WebSocket-Protocol` header" in stripped.why


def watch(cut: float | None, seconds: float = 20.0) -> Watch:
    """Return a watch that was cut, or was not."""
    return Watch(seconds=seconds, watched=cut or seconds, cut=cut is not None)


@pytest.mark.parametrize(
    ("busy", "silent", "heartbeat", "outcome", "usable"),
    [
        (None, None, 10.0, "works", True),
        (None, 15.0, 10.0, "cut after 15 s of silence", True),
        (None, 5.0, 10.0, "cut after 5.0 s of silence", True),
        (15.0, 15.0, 10.0, "cut after 15 s whatever happens", True),
        (15.0, None, 10.0, "cut after 15 s whatever happens", True),
        (4.0, 4.0, 10.0, "cut after 4.0 s whatever happens", False),
    ],
)
def test_silence_is_told_from_time(
    busy: float | None, silent: float | None, heartbeat: float, outcome: str, usable: bool
) -> None:
    finding = judged(**opened(heartbeat=heartbeat, busy=watch(busy), silent=watch(silent)))
    assert finding.outcome == outcome
    assert finding.usable is usable


def test_a_heartbeat_that_is_too_slow_is_advised_against() -> None:
    slow = judged(**opened(busy=watch(None), silent=watch(5.0)))
    assert "heartbeat of 10 s is longer" in slow.why
    assert "ServerLimits(heartbeat=…)" in slow.advice
    quick = judged(**opened(heartbeat=2.0, busy=watch(None), silent=watch(5.0)))
    assert "heartbeat of 2 s is shorter" in quick.why
    assert quick.advice.startswith("You need to do nothing")


@pytest.mark.parametrize(
    ("seen", "note"),
    [
        ({"lost": 1}, "lost 1 request"),
        ({"lost": 1, "lost_batches": 2}, "lost 3 requests"),
        ({"repeats": 3}, "repeats some"),
        ({"batch_status": 413}, "shorter ones are used"),
        ({"trip": 0.8}, "a round trip takes 0.8 s"),
        (
            {"echoed": 20_480, "echo_time": 2.0, "unfinished": True},
            "10 KiB a second came back, and",
        ),
        ({"headers": (("via", "1.1 squid"),)}, "come through Squid"),
        ({"busy": Watch(seconds=20, watched=20)}, "stayed open for 20 s with a message"),
    ],
)
def test_what_was_seen_beside_is_noted(seen: dict[str, Any], note: str) -> None:
    finding = judged(**opened(**seen))
    assert finding.verdict is Verdict.WORKS
    assert len(finding.notes) == 1
    assert note in finding.notes[0]


def test_repeats_of_the_client_s_own_are_not_the_network_s() -> None:
    (note,) = judged(**opened(repeats=3, lost_batches=1)).notes
    assert "lost" in note


def test_the_preference_names_what_can_be_used_best_first() -> None:
    def report(*ones: Evidence) -> Report:
        return diagnose(list(ones), url="http://app.example/")

    cut_soon = Evidence(transport="websocket", **opened(cut=1.0))
    cut_late = Evidence(transport="stream", **opened(cut=15.0))
    dead = Evidence(transport="sse")
    assert report(cut_soon, cut_late, dead, WORKING).preference == "stream, poll"
    assert report(cut_soon, dead).preference == "websocket"  # better than nothing
    assert report(dead).preference == ""
    for one in (report(cut_soon, cut_late, dead, WORKING), report(cut_soon, dead)):
        assert Preference.of(one.preference).order
    assert not report(dead).works


def test_a_report_reads_well_and_can_be_read_by_programs() -> None:
    blocked = Evidence(transport="websocket", status=403, headers=(("server", "envoy"),))
    held = [Evidence(transport=one, held=True, opened=4.0) for one in ("stream", "sse")]
    report = diagnose([blocked, *held, WORKING], url="http://app.example/chat")
    text = str(report)
    assert max(map(len, text.splitlines())) <= 100
    assert "websocket  refused (403)" in text
    assert "403, server: envoy" in text
    assert "docs/reference/doctor.md" in text
    fields = json.loads(json.dumps(report.as_json()))
    assert [one["verdict"] for one in fields["findings"]] == [
        "refused",
        "buffered",
        "buffered",
        "works",
    ]
    assert fields["findings"][0]["evidence"]["headers"] == [["server", "envoy"]]
    assert report.finding("poll").verdict is Verdict.WORKS
    with pytest.raises(KeyError, match="smoke"):
        report.finding("smoke")


def test_what_people_copy_is_not_broken_over_lines() -> None:
    report = Report(url="http://app.example/", summary="Set the X-Accel-Buffering header-of-these.")
    assert list(report.lines(width=18))[4:] == ["Set the", "X-Accel-Buffering", "header-of-these."]
    assert list(report.lines(width=8))[4:] == ["Set the", "X-Accel-Buffering", "header-of-these."]


def test_what_a_server_says_cannot_command_a_terminal() -> None:
    seen = Evidence(transport="poll", status=400, mark="error", error="answered 400: \x1b[2J")
    report = diagnose([seen], url="http://app.example/")
    assert "answered 400: ?[2J" in str(report)
    assert "\x1b" not in str(report)


def test_nor_can_a_header_in_the_table() -> None:
    seen = Evidence(transport="poll", status=404, headers=(("server", "evil\x1b[2J"),))
    text = str(diagnose([seen], url="http://app.example/"))
    assert "404, server: evil?[2J" in text
    assert "\x1b" not in text


def test_what_is_slow_is_explained() -> None:
    slow = Evidence(transport="stream", **opened(trouble=SLOW, error="0.9 s beside 0.1 s"))
    text = str(diagnose([slow, WORKING], url="http://app.example/"))
    assert "stream: Messages pass, but much more slowly than over another transport: 0.9 s" in text


def test_what_is_said_of_several_is_said_once() -> None:
    ones = [Evidence(transport=one, trouble="name") for one in ("stream", "sse", "poll")]
    text = str(diagnose(ones, url="http://app.example/"))
    assert text.count("cannot be resolved") == 1
    assert "stream, sse, poll: " in text


def test_a_session_s_own_attempts_are_judged_alike() -> None:
    attempt = Attempt("websocket", 0.1, "status 403", 403, (("server", "envoy"),))
    report = diagnose(
        [
            Evidence.of_attempt(attempt),
            Evidence(transport="stream", in_use=True),
            Evidence(transport="sse", tried=False),
        ],
        url="http://app.example/",
        in_use="stream",
    )
    assert [one.outcome for one in report.findings] == ["refused (403)", "works", "not tried"]
    assert report.preference == "stream, sse"
    assert "stream carries the session" in report.summary


def test_what_the_server_does_not_offer_is_not_preferred() -> None:
    report = diagnose(
        [
            Evidence(transport="stream", in_use=True, offered=("stream", "poll")),
            Evidence(transport="sse", tried=False, offered=("stream", "poll")),
            Evidence(transport="poll", tried=False, offered=("stream", "poll")),
        ],
        url="http://app.example/",
        in_use="stream",
    )
    assert [one.outcome for one in report.findings] == ["works", "not offered", "not tried"]
    assert report.preference == "stream, poll"
    assert report.summary == "stream carries the session."


def test_an_application_s_refusal_is_nobody_else_s_fault() -> None:
    refused = Evidence(transport="websocket", status=401, mark="refused")
    report = diagnose([refused, Evidence(transport="poll", tried=False)], url="http://app.example/")
    assert report.served
    assert "served here, and the application refused" in report.summary
    assert "application refused the session with status 401" in report.summary
    assert "the application had already refused the client" in report.finding("poll").why
    assert "another transport works" not in str(report)


def test_what_there_was_no_time_for_is_not_said_to_be_needless() -> None:
    silent = Evidence(transport="websocket", trouble="timeout", timeout=0.1)
    report = diagnose([silent, Evidence(transport="poll", tried=False)], url="http://app.example/")
    assert report.finding("poll").verdict is Verdict.NOT_TRIED
    assert report.finding("poll").why == "There was no time to try it."
    assert report.preference == ""


def test_what_was_slow_beside_other_transports_is_not_called_slow() -> None:
    finding = judged(**opened(proven=0.9, trip=0.05))
    assert finding.notes == ()
    assert judged(**opened(proven=0.9)).notes == ()  # it was never measured by itself


def test_several_processes_have_a_verdict_of_their_own() -> None:
    stream = judged("stream", **opened(strangers=3, cut=0.2, trip=0.01))
    assert (stream.verdict, stream.outcome) == (Verdict.SEVERAL_PROCESSES, "several processes")
    assert stream.why.startswith("3 requests of a session reached another process")
    assert "one backplane" in stream.advice
    assert not stream.usable
    socket = judged("websocket", **opened(strangers=1, trip=0.01))
    assert socket.verdict is Verdict.SEVERAL_PROCESSES
    assert "no session resumes after that" in socket.why
    assert socket.usable


def test_several_processes_are_named_in_the_summary() -> None:
    seen = [Evidence(transport=name, **opened(strangers=2)) for name in ("stream", "poll")]
    report = diagnose(seen, url="http://app.example/")
    assert report.summary.startswith("Several processes serve this address")
    assert not report.works


def test_a_session_that_met_another_process_says_so() -> None:
    attempt = Attempt(
        "poll", 0.1, "status 410", status=410, mark="error", gone="elsewhere", opened=True
    )
    report = diagnose([Evidence.of_attempt(attempt)], url="http://app.example/")
    finding = report.finding("poll")
    assert finding.verdict is Verdict.SEVERAL_PROCESSES
    assert "or the server has been restarted" in finding.why
    ended = Evidence.of_attempt(replace(attempt, gone="ended", opened=False))
    assert diagnose([ended], url="http://app.example/").findings[0].verdict is Verdict.REFUSED
