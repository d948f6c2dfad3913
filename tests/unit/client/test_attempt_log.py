"""The attempt_log: which attempt of a transport is kept, and what is reported of it."""

from __future__ import annotations

import pytest

from byway.client.attempt_log import AttemptLog
from byway.errors import Attempt
from byway.handshake import Open
from byway.http_library import httpx
from byway.negotiation.report import Verdict

URL = httpx.URL("http://me:secret@app.example/chat?token=secret")
REFUSED = Attempt("websocket", 0.1, "answered 403", 403, (("server", "envoy"),))


def late(seconds: float) -> Attempt:
    """Return an attempt that was given up."""
    return Attempt("websocket", seconds, f"no OPEN within {seconds} s", trouble="timeout")


def verdict(attempt_log: AttemptLog) -> Verdict:
    """Return what is said of the WebSocket."""
    return attempt_log.report(URL, None).finding("websocket").verdict


def test_the_newest_attempt_of_a_transport_counts() -> None:
    attempt_log = AttemptLog(("websocket", "poll"))
    attempt_log.add(late(5.0))
    assert verdict(attempt_log) is Verdict.SILENT
    attempt_log.add(REFUSED)
    assert verdict(attempt_log) is Verdict.REFUSED
    attempt_log.add(late(5.0))
    assert verdict(attempt_log) is Verdict.SILENT


def test_an_attempt_that_had_no_time_tells_nothing_new() -> None:
    attempt_log = AttemptLog(("websocket",))
    attempt_log.add(REFUSED)
    attempt_log.add(late(0.05))
    assert verdict(attempt_log) is Verdict.REFUSED


def test_a_long_session_keeps_one_attempt_a_transport() -> None:
    attempt_log = AttemptLog(("websocket", "poll"))
    for _ in range(100):
        attempt_log.add(REFUSED)
    report = attempt_log.report(URL, None, in_use="poll")
    assert [one.transport for one in report.findings] == ["websocket", "poll"]


def test_a_carrier_that_was_cut_is_reported_as_cut() -> None:
    attempt_log = AttemptLog(("websocket",))
    attempt_log.add(
        Attempt("websocket", 12.0, "the connection was cut", trouble="reset", opened=True)
    )
    finding = attempt_log.report(URL, None).findings[0]
    assert finding.outcome == "cut after 12 s"


def test_nothing_secret_is_in_it() -> None:
    attempt_log = AttemptLog(("websocket",))
    attempt_log.add(REFUSED)
    report = attempt_log.report(URL, "http://me:secret@gate.example:3128")
    assert report.url == "http://app.example/chat?…"
    assert report.proxy == "http://gate.example:3128"
    assert "secret" not in repr(report)


def test_what_carried_the_session_last_is_remembered() -> None:
    attempt_log = AttemptLog(("websocket", "stream", "poll"))
    attempt_log.add(REFUSED)
    attempt_log.carried("stream")
    report = attempt_log.report(URL, None)
    assert (report.in_use, report.served, report.preference) == (None, True, "stream, poll")
    assert report.finding("stream").verdict is Verdict.WORKS
    assert report.finding("stream").why == "It carried the session."
    assert report.finding("poll").why.endswith("another transport works.")
    assert report.summary.startswith("stream carried the session last.")


def test_what_a_transport_failed_at_before_it_carried_the_session_is_past() -> None:
    attempt_log = AttemptLog(("websocket", "stream"))
    attempt_log.add(REFUSED)
    attempt_log.carried("stream")
    attempt_log.carried("websocket")
    report = attempt_log.report(URL, None, in_use="websocket")
    assert [one.verdict for one in report.findings] == [Verdict.WORKS, Verdict.WORKS]
    attempt_log.add(REFUSED)
    assert verdict(attempt_log) is Verdict.REFUSED


def test_an_open_shows_that_byway_is_served_whatever_came_later() -> None:
    opening = Open(
        instance="run",
        transport="stream",
        received=0,
        room=0,
        heartbeat=10,
        window=60,
        silence=20,
        part=1,
        batch=1,
        transports=("stream",),
    )
    attempt_log = AttemptLog(("stream",))
    attempt_log.add(Attempt("stream", 0.1, "answered 404", 404))
    assert attempt_log.report(URL, None).served is False
    report = attempt_log.report(URL, None, opening=opening)
    assert report.served
    assert report.finding("stream").verdict is Verdict.REFUSED


@pytest.mark.parametrize("in_use", ["websocket", None])
def test_a_plain_websocket_s_server_has_no_other_transport(in_use: str | None) -> None:
    attempt_log = AttemptLog(("websocket", "stream", "poll"))
    attempt_log.add(Attempt("stream", 0.1, "answered 404", 404))
    attempt_log.carried("websocket")
    report = attempt_log.report(URL, None, in_use=in_use, plain=True)
    assert (report.served, report.preference) == (False, "websocket")
    assert "does not speak byway" in report.finding("websocket").why
    assert report.finding("stream").verdict is Verdict.NO_BYWAY
    assert "needs byway" in report.finding("poll").why
