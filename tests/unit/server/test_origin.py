"""Origin: which pages may talk to the server through their visitor's browser."""

from __future__ import annotations

import pytest

from byway.errors import PeerError, UsageError
from byway.server.origin import OriginPolicy, is_preflight, preflight_headers
from byway.transports.base import Scope

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
async def test_own_pages_other_programs_and_allowed_ones_pass(
    given: list[tuple[bytes, bytes]],
) -> None:
    scope = {"headers": given}
    verdict = await OriginPolicy(["https://friend.example", "null"]).judge(scope)
    assert verdict.pass_on() is scope


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
async def test_foreign_pages_are_refused_with_or_without_cookies(
    given: list[tuple[bytes, bytes]],
) -> None:
    verdict = await OriginPolicy().judge({"headers": given})
    assert b"access-control-allow-origin" not in dict(verdict.headers)
    with pytest.raises(PeerError) as caught:
        verdict.pass_on()
    assert caught.value.status == 403


async def test_a_star_allows_all_but_never_with_credentials() -> None:
    policy = OriginPolicy(["*"])
    given = headers(HOST, origin="https://any.example", cookie="a=b", authorization="x", accept="y")
    verdict = await policy.judge({"headers": given, "path": "/"})
    seen = verdict.pass_on()
    assert seen["path"] == "/"
    assert [name for name, _ in seen["headers"]] == [b"host", b"origin", b"accept"]
    own = {"headers": headers(HOST, origin="https://app.example", cookie="a=b")}
    assert (await policy.judge(own)).pass_on() is own  # its own pages come with their cookies
    answer = dict(verdict.headers)
    assert answer[b"access-control-allow-origin"] == b"*"
    assert b"access-control-allow-credentials" not in answer


async def test_an_origin_allowed_by_name_is_answered_by_name() -> None:
    given = headers(HOST, origin="https://friend.example")
    answer = dict(
        (await OriginPolicy(["https://friend.example"]).judge({"headers": given})).headers
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
async def test_nobody_else_is_let_read_an_answer(given: list[tuple[bytes, bytes]]) -> None:
    verdict = await OriginPolicy(["https://friend.example"]).judge({"headers": given})
    assert {name for name, _ in verdict.headers} <= {b"vary"}


def test_a_preflight_is_told_by_its_headers() -> None:
    ours = headers(HOST, access_control_request_headers="content-type, Byway")
    assert is_preflight("OPTIONS", ours)
    assert not is_preflight("POST", ours)
    assert not is_preflight("OPTIONS", headers(HOST, access_control_request_headers="x-byway"))
    assert not is_preflight("OPTIONS", headers(HOST))


def test_a_preflight_is_answered_with_what_it_asks_for() -> None:
    answer = dict(preflight_headers(headers(access_control_request_headers="byway, x-token")))
    assert answer[b"access-control-allow-headers"] == b"byway, x-token"
    assert answer[b"access-control-allow-methods"] == b"POST"
    assert int(answer[b"access-control-max-age"]) == 600


def test_a_page_is_never_let_say_what_a_proxy_says() -> None:
    """With `X-Forwarded-Host` it would pass for a page of the server's own."""
    wanted = "byway, X-Forwarded-Host, x-real-ip, forwarded, a b"
    answer = dict(preflight_headers(headers(access_control_request_headers=wanted)))
    assert answer[b"access-control-allow-headers"] == b"byway"


OWN = headers(HOST, origin="https://app.example")


async def test_a_callable_decides_alone_even_on_the_servers_own_pages() -> None:
    asked: list[tuple[str, Scope]] = []

    def check(origin: str, scope: Scope) -> bool:
        asked.append((origin, scope))
        return origin == "https://friend.example"

    policy = OriginPolicy(check)
    friend = {"headers": headers(HOST, origin="https://friend.example")}
    verdict = await policy.judge(friend)
    assert verdict.pass_on() is friend
    assert dict(verdict.headers)[b"access-control-allow-origin"] == b"https://friend.example"
    assert dict(verdict.headers)[b"access-control-allow-credentials"] == b"true"
    for given in (OWN, [*OWN, (b"sec-fetch-site", b"same-origin")]):
        with pytest.raises(PeerError):
            (await policy.judge({"headers": given})).pass_on()
    assert asked[0] == ("https://friend.example", friend)
    assert [origin for origin, _ in asked[1:]] == ["https://app.example"] * 2


async def test_a_callable_is_not_asked_where_no_page_says_its_origin() -> None:
    policy = OriginPolicy(lambda origin, scope: pytest.fail("it was asked"))
    assert (await policy.judge({"headers": headers(HOST)})).pass_on()
    with pytest.raises(PeerError):
        (await policy.judge({"headers": headers(HOST, sec_fetch_site="cross-site")})).pass_on()


async def test_a_callable_may_be_async() -> None:
    async def check(origin: str, scope: Scope) -> bool:
        return origin == "https://app.example"

    assert (await OriginPolicy(check).judge({"headers": OWN})).pass_on()
    foreign = {"headers": headers(HOST, origin="https://evil.example")}
    with pytest.raises(PeerError):
        (await OriginPolicy(check).judge(foreign)).pass_on()


async def test_only_true_allows() -> None:
    """A forgotten `return`, or a match object, must not open the door."""
    for said in (None, 1, "yes"):
        policy = OriginPolicy(lambda origin, scope, said=said: said)  # type: ignore[misc]
        with pytest.raises(PeerError):
            (await policy.judge({"headers": OWN})).pass_on()


async def test_an_origin_cannot_write_lines_into_the_log() -> None:
    given = [HOST, (b"origin", b"https://evil.example\x85\xe9\x0b")]
    with pytest.raises(PeerError, match=r"evil\.example\\x85\\xe9\\x0b may not"):
        (await OriginPolicy().judge({"headers": given})).pass_on()


@pytest.mark.parametrize(
    "origin", ["friend.example", "https://friend.example/", "https://friend.example/a", ""]
)
def test_an_origin_that_no_browser_says_is_a_mistake(origin: str) -> None:
    with pytest.raises(UsageError, match="scheme://host"):
        OriginPolicy([origin])


def test_one_text_is_no_list_of_origins() -> None:
    with pytest.raises(UsageError, match="is a list"):
        OriginPolicy("https://friend.example")
