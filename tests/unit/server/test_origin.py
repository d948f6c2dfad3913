"""Origin: which pages may talk to the server through their visitor's browser."""

from __future__ import annotations

import pytest

from byway.errors import PeerError, UsageError
from byway.server.origin import OriginPolicy, is_preflight

HOST = (b"host", b"app.example")
INSIDE = (b"host", b"127.0.0.1:8000")


def headers(*pairs: tuple[bytes, bytes], **named: str) -> list[tuple[bytes, bytes]]:
    """Return headers; an underscore in a name stands for a hyphen."""
    return [
        *pairs,
        *((name.replace("_", "-").encode(), value.encode()) for name, value in named.items()),
    ]


@pytest.mark.parametrize(
    "given",
    [
        headers(HOST),
        headers(HOST, sec_fetch_site="none"),
        headers(HOST, sec_fetch_site="same-origin"),
        headers(INSIDE, sec_fetch_site="same-origin", origin="https://app.example"),
        headers(HOST, origin="https://app.example"),
        headers(HOST, origin="http://app.example"),
        headers(HOST, origin="https://APP.example:443"),
        headers((b"host", b"app.example:443"), origin="https://app.example"),
        headers((b"host", b"app.example:8443"), origin="https://app.example:8443"),
        headers(INSIDE, origin="https://app.example", x_forwarded_host="app.example"),
        headers(INSIDE, origin="https://app.example", x_forwarded_host="app.example, inner"),
        headers(HOST, origin="https://friend.example", sec_fetch_site="cross-site"),
        headers(HOST, origin="null"),
    ],
)
def test_own_pages_other_programs_and_allowed_ones_pass(given: list[tuple[bytes, bytes]]) -> None:
    scope = {"headers": given}
    assert OriginPolicy(["https://friend.example", "null"]).pass_on(scope) is scope


@pytest.mark.parametrize(
    "given",
    [
        headers(HOST, origin="https://evil.example"),
        headers(HOST, origin="https://evil.example", sec_fetch_site="cross-site"),
        headers(HOST, origin="https://sub.app.example", sec_fetch_site="same-site"),
        headers(HOST, origin="https://app.example:8443"),
        headers(HOST, origin="http://app.example:443"),
        headers(HOST, origin="https://app.example.evil.example"),
        headers(HOST, origin="null"),
        headers(HOST, origin="garbage"),
        headers(HOST, origin="https://"),
        headers(HOST, sec_fetch_site="cross-site"),
        headers(INSIDE, origin="https://app.example"),
        headers(INSIDE, origin="https://app.example", x_forwarded_host="inner, app.example"),
        headers((b"host", b""), origin="https://app.example"),
    ],
)
def test_foreign_pages_are_refused_with_or_without_cookies(
    given: list[tuple[bytes, bytes]],
) -> None:
    with pytest.raises(PeerError) as caught:
        OriginPolicy().pass_on({"headers": given})
    assert caught.value.status == 403


def test_a_star_allows_all_but_never_with_credentials() -> None:
    policy = OriginPolicy(["*"])
    given = headers(HOST, origin="https://any.example", cookie="a=b", authorization="x", accept="y")
    seen = policy.pass_on({"headers": given, "path": "/"})
    assert seen["path"] == "/"
    assert [name for name, _ in seen["headers"]] == [b"host", b"origin", b"accept"]
    own = {"headers": headers(HOST, origin="https://app.example", cookie="a=b")}
    assert policy.pass_on(own) is own  # its own pages come with their cookies
    answer = dict(policy.cors_headers(given))
    assert answer[b"access-control-allow-origin"] == b"*"
    assert b"access-control-allow-credentials" not in answer


def test_an_origin_allowed_by_name_is_answered_by_name() -> None:
    answer = dict(
        OriginPolicy(["https://friend.example"]).cors_headers(
            headers(HOST, origin="https://friend.example")
        )
    )
    assert answer[b"access-control-allow-origin"] == b"https://friend.example"
    assert answer[b"access-control-allow-credentials"] == b"true"
    assert answer[b"vary"] == b"origin"
    assert b"byway" in answer[b"access-control-expose-headers"]
    assert b"retry-after" in answer[b"access-control-expose-headers"]


@pytest.mark.parametrize(
    "given",
    [
        headers(HOST),
        headers(HOST, origin="https://evil.example"),
        headers(HOST, origin="https://friend.example", sec_fetch_site="same-origin"),
    ],
)
def test_nobody_else_is_let_read_an_answer(given: list[tuple[bytes, bytes]]) -> None:
    assert OriginPolicy(["https://friend.example"]).cors_headers(given) == []


def test_a_preflight_is_told_by_its_headers() -> None:
    ours = headers(HOST, access_control_request_headers="content-type, Byway")
    assert is_preflight("OPTIONS", ours)
    assert not is_preflight("POST", ours)
    assert not is_preflight("OPTIONS", headers(HOST, access_control_request_headers="x-byway"))
    assert not is_preflight("OPTIONS", headers(HOST))


def test_a_preflight_is_answered_with_what_it_asks_for() -> None:
    answer = dict(
        OriginPolicy(["https://friend.example"]).preflight_headers(
            headers(
                origin="https://friend.example", access_control_request_headers="byway, x-token"
            )
        )
    )
    assert answer[b"access-control-allow-headers"] == b"byway, x-token"
    assert answer[b"access-control-allow-methods"] == b"POST"


@pytest.mark.parametrize(
    "origin", ["friend.example", "https://friend.example/", "https://friend.example/a", ""]
)
def test_an_origin_that_no_browser_says_is_a_mistake(origin: str) -> None:
    with pytest.raises(UsageError, match="scheme://host"):
        OriginPolicy([origin])


def test_one_text_is_no_list_of_origins() -> None:
    with pytest.raises(UsageError, match="is a list"):
        OriginPolicy("https://friend.example")
