"""Cookies of one endpoint: what comes back to it, what does not, and how callers' own join them."""

from __future__ import annotations

import logging
import time

import pytest

from byway.http_library import httpx
from byway.masking import ClientMask
from byway.transports.cookies import Cookies

PLAIN = "http://app.example/rooms/one"
TLS = "https://app.example/rooms/one"


def jar(url: str = PLAIN, *lines: str, room: int = 1_000) -> Cookies:
    """Return a jar that a response has filled."""
    one = Cookies(httpx.URL(url), room)
    one.take([("Set-Cookie", line) for line in lines])
    return one


def due(one: Cookies, *own: str) -> list[str]:
    """Return what goes up, for a caller's own headers `Cookie`."""
    headers = one.merged([("x-mine", "1"), *(("Cookie", value) for value in own)])
    assert headers[0] == ("x-mine", "1")
    assert len(headers) <= 2, "there is one header Cookie at most (RFC 6265 section 5.4)"
    return headers[1][1].split("; ") if headers[1:] else []


@pytest.mark.parametrize(
    "line",
    [
        "a=1",
        "a=1; Path=/",
        "a=1; Path=/rooms",
        "a=1; Domain=app.example",
        "a=1; Domain=.app.example",
        "a=1; Max-Age=60",
        "a=1; Expires=Fri, 01 Jan 2100 00:00:00 GMT",
        "a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "a=1; HttpOnly; SameSite=Strict",
        "a=1; Max-Age=soon",
        "a=1; Max-Age=60; Max-Age=",
        'a=1; Version=1; Port="8080"; Discard',
    ],
)
def test_what_is_for_this_endpoint_comes_back(line: str) -> None:
    assert due(jar(PLAIN, line)) == ["a=1"]
    assert due(jar(TLS, line + "; Secure")) == ["a=1"]


@pytest.mark.parametrize(
    "line",
    [
        "a=1; Path=/other",
        "a=1; Path=/rooms/one/two",
        "a=1; Path=/room",
        "a=1; Domain=other.example",
        "a=1; Domain=b.app.example",
        "a=1; Domain=example",
        "a=1; Secure",
        "a=1; Max-Age=0",
        "a=1; Max-Age=-5",
        "a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "a=\x7f",
        "a=ü",
        "a=1\r\nx-evil: 1",
        "a",
        "a; Path=/",
        "",
        "=",
    ],
)
def test_what_is_for_another_host_path_or_time_does_not(line: str) -> None:
    assert [one for one in due(jar(PLAIN, line)) if one.startswith("a")] == []


def test_a_secure_cookie_is_for_tls_only() -> None:
    assert due(jar(TLS, "a=1; Secure")) == ["a=1"]
    one = jar(TLS, "a=1; Secure")
    one._url = httpx.URL(PLAIN)
    assert due(one) == []
    other = jar(PLAIN, "a=1")
    other._url = httpx.URL("http://other.example/rooms/one")
    assert due(other) == []


@pytest.mark.parametrize(
    "url", ["http://app/", "http://localhost:1/", "http://127.0.0.1:8000/", "http://[::1]:8000/"]
)
def test_a_host_may_be_a_bare_name_or_an_address(url: str) -> None:
    assert due(jar(url, "a=1")) == ["a=1"]


@pytest.mark.parametrize(
    ("url", "domain"),
    [("http://app/", "app"), ("http://localhost:1/", ".LOCALHOST"), ("http://app.example", "")],
)
def test_its_domain_may_be_the_host_itself(url: str, domain: str) -> None:
    assert due(jar(url, f"a=1; Domain={domain}")) == ["a=1"]


def test_a_user_in_the_url_is_no_part_of_the_host() -> None:
    assert due(jar("http://me:secret@app.example/", "a=1; Domain=app.example")) == ["a=1"]


def test_a_cookie_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    one = jar(PLAIN, "a=1; Max-Age=60", "b=2")
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now + 59)
    assert due(one) == ["a=1", "b=2"]
    monkeypatch.setattr("time.time", lambda: now + 61)
    assert due(one) == ["b=2"]


def test_a_later_response_changes_and_deletes() -> None:
    one = jar(PLAIN, "SRV=s1; Path=/", "b=2; Path=/")
    one.take([("set-cookie", "SRV=s2; Path=/"), ("set-cookie", "b=; Path=/; Max-Age=0")])
    assert due(one) == ["SRV=s2"]


def test_the_value_that_a_response_set_goes_before_the_caller_s_own() -> None:
    one = jar(PLAIN, "SRV=s2; Path=/")
    assert due(one, "token=t; SRV=s1", "x=y") == ["token=t", "x=y", "SRV=s2"]
    assert due(jar(PLAIN), "token=t;SRV=s1;", " ") == ["token=t", "SRV=s1"]
    assert due(jar(PLAIN)) == []


def test_the_longest_are_forgotten_where_there_is_no_room(
    caplog: pytest.LogCaptureFixture,
) -> None:
    one = jar(PLAIN, "SRV=s1", "b=" + "x" * 100, "c=2", room=105)
    assert due(one) == ["SRV=s1", "c=2"]
    assert "too long for a request" in caplog.text
    assert "xxx" not in caplog.text
    for number in range(1_000):  # of paths that never come back, too
        one.take([("set-cookie", f"c{number}=1; Path=/elsewhere")])
    assert len(one._jar) < 25
    assert len(caplog.records) == 1


def test_nothing_that_is_printed_says_what_a_cookie_says() -> None:
    assert "secret" not in repr(jar(PLAIN, "a=secret"))


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("> Cookie: SRV=s1; b=2", "> Cookie: ..."),
        ("< set-cookie: SRV=s1; Path=/", "< set-cookie: ..."),
        (
            "return_value=(b'HTTP/1.1', 200, b'OK', [(b'Set-Cookie', b'SRV=s1'), (b'a', b'b')])",
            "return_value=(b'HTTP/1.1', 200, b'OK', [(b'Set-Cookie', b'...'), (b'a', b'b')])",
        ),
        ("""Decoded (b'cookie', b"it's"), consumed""", "Decoded (b'cookie', b'...'), consumed"),
        ("> Authorization: Basic eDp5", "> Authorization: ..."),
        ("[(b'Proxy-Authorization', b'Basic eDp5')]", "[(b'Proxy-Authorization', b'...')]"),
        ('POST http://a:b@c@h:1/x "HTTP/1.1 200 OK"', 'POST http://...@h:1/x "HTTP/1.1 200 OK"'),
        ("POST http://h/x?mail=a@b", "POST http://h/x?mail=a@b"),
        ("> Accept: x", "> Accept: x"),
    ],
)
def test_no_library_logs_one(line: str, masked: str) -> None:
    record = logging.LogRecord("x", logging.DEBUG, "", 0, "%s", (line,), None)
    assert ClientMask().filter(record)
    assert record.getMessage() == masked
