"""What is said of a mistake, in the log and at the end of a wait: the whole of each sentence."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import pytest

from byway.errors import Attempt, UsageError
from byway.negotiation import Memory, Offer, Preference
from byway.negotiation import memory as memory_module
from byway.negotiation.memory import MAX_FILE
from byway.negotiation.products import product
from byway.negotiation.retry import GiveUp, Retries

ALL = "websocket, stream, sse, poll"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"order": ()}, "no transport is named: name at least one"),
        ({"order": ("pigeon",)}, f"unknown transport 'pigeon': use {ALL}"),
        ({"order": (None,)}, f"unknown transport None: use {ALL}"),
        ({"order": ("sse", "sse")}, "transport 'sse' is named twice"),
        ({"order": 5}, "the transports are a list of names, not 5"),
        ({"patience": [1]}, "patience is a dict of seconds by name, not [1]"),
        ({"patience": {"pigeon": 1}}, f"unknown transport 'pigeon': use {ALL}"),
        ({"patience": {"sse": -0.1}}, "the patience of 'sse' must be 0 or more seconds"),
        ({"patience": {"sse": True}}, "the patience of 'sse' must be 0 or more seconds"),
        ({"promotion_interval": 0}, "promotion_interval must be more than 0 seconds"),
        ({"promotion_interval": True}, "promotion_interval must be more than 0 seconds"),
    ],
)
def test_a_preference_says_what_is_wrong_with_it(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as error:
        Preference(**arguments)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sse; speed=3", "unknown setting 'speed=3' of transport 'sse': use patience=SECONDS"),
        ("sse; patience", "unknown setting 'patience' of transport 'sse': use patience=SECONDS"),
        ("sse; patience=1; patience=1", "the patience of 'sse' is given twice"),
        (
            "sse; patience= soon ",
            "the patience of 'sse' must be a number of seconds, not 'soon'",
        ),
        ("sse; patience=1=2", "the patience of 'sse' must be a number of seconds, not '1=2'"),
    ],
)
def test_so_does_a_text(text: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError) as error:
        Preference.of(text)
    assert str(error.value) == message
    monkeypatch.setenv("BYWAY_TRANSPORTS", text)
    with pytest.raises(UsageError) as error:
        Preference.from_environment()
    assert str(error.value) == f"BYWAY_TRANSPORTS: {message}"


@pytest.mark.parametrize("seconds", [0, 0.0, 1.5])
def test_no_patience_at_all_is_one(seconds: float) -> None:
    assert Preference(patience={"sse": seconds}).patience_with("sse") == seconds


def test_a_short_interval_is_one() -> None:
    assert Preference(promotion_interval=0.5).promotion_interval == 0.5


def attempt(status: int | None, *, mark: str = "", over: str = "poll", **headers: str) -> Attempt:
    """Return an attempt that got this response."""
    told = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Attempt(over, 0.1, "x", status=status, headers=told, mark=mark)


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (
            [attempt(503)],
            "503 over poll was still the response after 1 tries; that is what a proxy says whose "
            "server is away or busy: look at the server behind it, or allow more time with "
            "open_timeout",
        ),
        (
            [attempt(404, over="sse"), attempt(429, mark="error")],
            "429 by byway over poll was still the response after 2 tries; the server has too much "
            "to do: try again later",
        ),
        (
            [attempt(511, over="stream")],
            "511 over stream was still the response after 1 tries; that is a login or maintenance "
            "page: open it in a browser, and try again",
        ),
        (
            [attempt(200, content_type="text/html"), attempt(502, over="websocket")],
            "502 over websocket was still the response after 2 tries; that is a login or "
            "maintenance page: open it in a browser, and try again",
        ),
    ],
)
def test_when_time_is_up_it_is_said_what_came_last(seen: list[Attempt], why: str) -> None:
    one = Retries()
    for each in seen:
        one.note(each, 0.0, 0.0)
    assert one.late() == GiveUp(why)


def test_a_wait_that_is_too_long_is_said_in_whole_seconds() -> None:
    one = Retries()
    one.note(attempt(503, over="sse", retry_after="60"), 0.0, 0.0)
    one.note(attempt(503, retry_after="40"), 0.5, 0.0)
    assert one.first_round(1.0, 20.0) == GiveUp(
        "503 over poll asks to come back in 40 s, which is later than open_timeout allows: try "
        "again then",
        39.5,
    )


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (5, "a memory is kept in a file: 5 is no path"),
        ("a\0b", "a memory is kept in a file: 'a\\x00b' is no path"),
        (os.devnull, "a memory is kept in a file: '/dev/null' is something else"),
    ],
)
def test_what_cannot_be_a_memory_s_file_is_named(path: Any, message: str) -> None:
    with pytest.raises(UsageError) as error:
        Memory(path)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b" " * (MAX_FILE + 1), "ValueError('over 1048576 bytes')"),
        (b'{"v": 2, "places": {}}', "ValueError('version 2')"),
        (b"{}", "KeyError('v')"),
        (
            b'{"v": 1, "places": {"a": {"transport": 5, "seconds": 1, "since": 1}}}',
            "ValueError(\"not what worked somewhere: {'transport': 5, 'seconds': 1, 'since': 1}\")",
        ),
        (
            b'{"v": 1, "places": {"a": {"transport": "sse", "seconds": 1, "since": 1, '
            b'"heartbeat": 0}}}',
            "ValueError('not a heartbeat: 0.0')",
        ),
    ],
)
def test_a_corrupt_memory_is_said_to_be_one(
    content: bytes, why: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "memory.json"
    path.write_bytes(content)
    assert Memory(path).places == ()
    assert caplog.record_tuples == [
        ("byway.memory", logging.WARNING, f"memory {path}: corrupt, it will be replaced: {why}")
    ]


async def test_a_memory_that_cannot_be_read_or_written_is_said_to_be_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "memory.json"
    memory = Memory(path)
    memory.keep("a", "sse", 0.1, settled=True)
    await memory.flush()
    why = f"[Errno 20] Not a directory: '{path}'"
    assert caplog.record_tuples == [
        ("byway.memory", logging.WARNING, f"memory {path}: not read: {why}"),
        ("byway.memory", logging.WARNING, f"memory {path}: not written: {why}"),
    ]


async def test_a_fault_while_it_is_written_is_told_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> None:
        raise OverflowError("too large")

    path = tmp_path / "memory.json"
    monkeypatch.setattr(memory_module, "_merge", fails)
    memory = Memory(path)
    memory.keep("a", "sse", 0.1, settled=True)
    await memory.flush()
    (record,) = caplog.records
    assert record.getMessage() == f"memory {path}: not written"
    assert record.exc_info is not None


async def test_what_stands_in_its_place_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "memory.json"
    memory = Memory(path)
    path.mkdir()
    memory.keep("a", "sse", 0.1, settled=True)
    await memory.flush()
    (record,) = caplog.records
    assert record.getMessage() == f"memory {path}: not written: not a regular file"


def test_an_offer_says_what_is_wrong_with_it() -> None:
    with pytest.raises(UsageError) as error:
        Offer([])
    assert str(error.value) == "no transport is named: name at least one"


@pytest.mark.parametrize(
    ("signed", "name"),
    [
        ("squid/5.7", "Squid"),
        ("envoy", "Envoy"),
        ("openresty/1.21", "nginx"),
        ("haproxy", "HAProxy"),
        ("Traefik", "Traefik"),
        ("cloudflare", "Cloudflare"),
        ("1.1 abc.cloudfront.net (CloudFront)", "CloudFront"),
        ("awselb/2.0", "an AWS load balancer"),
        ("1.1 google", "Google's front end"),
        ("Google Frontend", "Google's front end"),
        ("AkamaiGHost", "Akamai"),
        ("1.1 varnish", "Varnish"),
        ("mitmproxy 10", "mitmproxy"),
        ("Apache/2.4", "Apache"),
        ("Caddy", "Caddy"),
        ("Microsoft-IIS/10.0", "IIS"),
        ("Zscaler/6.2", "Zscaler"),
        ("BlueCoat-ProxySG", "Blue Coat"),
        ("McAfee Web Gateway", "a web gateway"),
        ("FortiWeb", "FortiGate"),
        ("Sophos", "Sophos"),
        ("BigIP", "BIG-IP"),
        ("tinyproxy/1.11", "Tinyproxy"),
    ],
)
@pytest.mark.parametrize("header", ["via", "server", "x-cache"])
def test_products_are_known_in_each_header_that_they_sign(
    header: str, signed: str, name: str
) -> None:
    assert product([(header, signed)]) == name
