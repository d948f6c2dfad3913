"""Origin: which pages may talk to the server through their visitor's browser."""

from __future__ import annotations

from collections.abc import Collection

import hypothesis
import pytest
from hypothesis import strategies as st

from byway.errors import PeerError, UsageError
from byway.server.cors import is_preflight, preflight_headers
from byway.server.origin import ForeignPage, OriginPolicy
from byway.transports.base import Scope
from tests.support.calls import call_of

HOST = (b"host", b"app.example")
INSIDE = (b"host", b"127.0.0.1:8000")
FORWARDED = (b"x-forwarded-host", b"app.example")
SAME_ORIGIN = (b"sec-fetch-site", b"same-origin")
OWN_PAGE = "https://app.example"
OWN_HTTP = "http://app.example"


def headers(*pairs: tuple[bytes, bytes], **named: str) -> list[tuple[bytes, bytes]]:
    """Return headers; an underscore in a name stands for a hyphen."""
    return [
        *pairs,
        *((name.replace("_", "-").encode(), value.encode()) for name, value in named.items()),
    ]


OPENS, MOVES, REFUSED = "opens", "moves", "refused"

CALLS: dict[str, dict[str, object]] = {
    "post": {"type": "http", "method": "POST", "headers": [(b"byway", b"1")]},
    "unmarked": {"type": "http", "method": "POST", "headers": []},
    "get": {"type": "http", "method": "GET", "headers": []},
    "preflight": {
        "type": "http",
        "method": "OPTIONS",
        "headers": [(b"access-control-request-headers", b"byway, content-type")],
    },
    "handshake": {"type": "websocket", "subprotocols": ["byway.1", "byway.1.k"], "headers": []},
    "plain": {"type": "websocket", "subprotocols": ["graphql-ws"], "headers": []},
    "stripped": {
        "type": "http",
        "method": "GET",
        "headers": [(b"sec-websocket-key", b"k"), (b"sec-websocket-protocol", b"byway.1, other")],
    },
}
"""A call of each kind. A plain one is judged at an Endpoint only."""

ALL = frozenset(CALLS)
POST, HANDSHAKE = {"post"}, {"handshake", "stripped"}
ANY_BUT_PREFLIGHT = ALL - {"preflight"}


def scope_of(call: str, *given: tuple[bytes, bytes], scheme: str = "http") -> Scope:
    """Return the scope of a call of some kind, with these headers."""
    scope: Scope = dict(CALLS[call])
    scope["scheme"] = scheme.replace("http", "ws") if scope["type"] == "websocket" else scheme
    scope["headers"] = [*scope["headers"], *given]
    return scope


async def outcome(policy: OriginPolicy, scope: Scope) -> str:
    """Say what may become of a call."""
    verdict = await policy.judge(call_of(scope))
    granted = b"access-control-allow-origin" in dict(verdict.headers)
    if verdict.scope is None:
        assert not granted
        assert verdict.refusal is not None
        return REFUSED
    if verdict.moves:
        assert not granted
        return MOVES
    if granted:
        return "granted" if verdict.scope is scope else "granted without credentials"
    assert verdict.scope is scope
    return OPENS


@pytest.mark.parametrize(
    ("given", "opens", "moves"),
    [
        # No page says whose it is.
        (headers(HOST), ALL, ()),
        (headers(HOST, sec_fetch_site="none"), ALL, ()),
        (headers(HOST, sec_fetch_site="same-origin"), ALL, ()),
        (headers(HOST, sec_fetch_site="same-site"), ALL, ()),
        (headers(HOST, sec_fetch_site="cross-site"), (), ()),
        # (c) The browser's word counts alone.
        (headers(INSIDE, sec_fetch_site="same-origin", origin=OWN_PAGE), ANY_BUT_PREFLIGHT, ()),
        (headers(INSIDE, sec_fetch_site="same-origin", origin="null"), ANY_BUT_PREFLIGHT, ()),
        (headers(HOST, sec_fetch_site="same-site", origin=OWN_PAGE), (), ()),
        (headers(HOST, sec_fetch_site="cross-site", origin=OWN_PAGE), (), ()),
        (headers(HOST, sec_fetch_site="none", origin=OWN_PAGE), (), ()),
        (headers(HOST, sec_fetch_site="anything", origin=OWN_PAGE), (), ()),
        (headers(HOST, sec_fetch_site="Same-Origin", origin=OWN_PAGE), (), ()),
        (
            headers(HOST, (b"sec-fetch-site", b"cross-site"), SAME_ORIGIN, origin=OWN_PAGE),
            (),
            (),
        ),
        (headers(HOST, sec_fetch_site="", origin=OWN_PAGE), (), ()),
        (headers(INSIDE, sec_fetch_site="", origin=OWN_HTTP), (), ()),
        # (d) What is no page on the web.
        (headers(HOST, origin="null"), (), ()),
        (headers((b"host", b"null"), origin="null"), (), ()),
        (headers(HOST, origin="garbage"), (), ()),
        (headers(HOST, origin="http://"), (), ()),
        (headers((b"host", b""), origin="http://"), (), ()),
        (headers(HOST, origin="file://"), (), ()),
        (headers(HOST, origin="chrome-extension://app.example"), (), ()),
        (headers(HOST, origin="http://app.example/"), (), ()),
        (headers(HOST, origin="http://me@app.example"), (), ()),
        (headers(HOST, origin="http://app.example http://app.example"), (), ()),
        (headers(HOST, (b"origin", b"http://app.example"), origin=OWN_PAGE), (), ()),
        # (e) Host and port.
        (headers(HOST, origin=OWN_PAGE), ANY_BUT_PREFLIGHT, ()),
        (headers(HOST, origin="http://app.example"), ANY_BUT_PREFLIGHT, ()),
        (headers(HOST, origin="https://APP.example:443"), ANY_BUT_PREFLIGHT, ()),
        (headers(HOST, origin="http://app.example:80"), ANY_BUT_PREFLIGHT, ()),
        (headers((b"host", b"app.example:443"), origin=OWN_PAGE), ANY_BUT_PREFLIGHT, ()),
        (headers((b"host", b"app.example:80"), origin=OWN_PAGE), (), HANDSHAKE),
        (headers((b"host", b"[::1]:8000"), origin="http://[::1]:8000"), ANY_BUT_PREFLIGHT, ()),
        (headers((b"host", b"x:8443"), origin="https://x:8443"), ANY_BUT_PREFLIGHT, ()),
        (headers(HOST, origin="https://app.example:8443"), (), HANDSHAKE),
        (headers((b"host", b"x:8443"), origin="https://x"), (), HANDSHAKE),
        (headers((b"host", b"x"), origin="http://x:8080"), POST, HANDSHAKE),
        (headers((b"host", b"x:8080"), origin="http://x"), POST, HANDSHAKE),
        (headers((b"host", b"x:8080"), origin="http://x:8081"), POST, HANDSHAKE),
        (headers(HOST, origin="http://app.example:443"), POST, HANDSHAKE),
        (headers(HOST, origin="https://app.example.evil.example"), (), HANDSHAKE),
        (headers(HOST, origin="https://sub.app.example"), (), HANDSHAKE),
        (headers((b"host", b""), origin=OWN_PAGE), (), HANDSHAKE),
        (headers(origin=OWN_PAGE), (), HANDSHAKE),
        (
            headers(INSIDE, origin=OWN_PAGE, x_forwarded_host="app.example"),
            ANY_BUT_PREFLIGHT,
            (),
        ),
        (
            headers(INSIDE, origin=OWN_PAGE, x_forwarded_host="app.example, inner"),
            ANY_BUT_PREFLIGHT,
            (),
        ),
        (
            headers(INSIDE, FORWARDED, (b"x-forwarded-host", b"inner"), origin=OWN_PAGE),
            ANY_BUT_PREFLIGHT,
            (),
        ),
        (headers(INSIDE, origin=OWN_PAGE, x_forwarded_host="inner, app.example"), (), HANDSHAKE),
        (
            headers(INSIDE, (b"x-forwarded-host", b"inner"), FORWARDED, origin=OWN_PAGE),
            (),
            HANDSHAKE,
        ),
        # (e) A proxy says https.
        (headers(HOST, origin="http://app.example", x_forwarded_proto="https"), (), ()),
        (headers(HOST, origin="http://app.example", x_forwarded_proto="WSS, http"), (), ()),
        (
            headers(HOST, origin="http://app.example", x_forwarded_proto="http, https"),
            ANY_BUT_PREFLIGHT,
            (),
        ),
        (headers(HOST, origin=OWN_PAGE, x_forwarded_proto="https"), ANY_BUT_PREFLIGHT, ()),
        (headers(INSIDE, origin="http://app.example", x_forwarded_proto="https"), (), ()),
        # (f) and (g)
        (headers(INSIDE, origin="http://app.example"), POST, HANDSHAKE),
        (headers(INSIDE, origin="HTTP://app.example"), POST, HANDSHAKE),
        (headers(INSIDE, origin="https://app.example"), (), HANDSHAKE),
        (headers(INSIDE, origin="http://app.example", sec_fetch_site="cross-site"), (), ()),
    ],
)
async def test_the_rule_of_an_endpoint_that_allows_no_other_origins(
    given: list[tuple[bytes, bytes]], opens: Collection[str], moves: Collection[str]
) -> None:
    policy = OriginPolicy()
    for call in CALLS:
        wanted = OPENS if call in opens else MOVES if call in moves else REFUSED
        assert (call, await outcome(policy, scope_of(call, *given))) == (call, wanted)


@pytest.mark.parametrize("scheme", ["https", "wss"])
async def test_over_tls_a_page_of_plain_http_is_foreign(scheme: str) -> None:
    """(e) Whoever is on the way can put what they like into a page of http:."""
    for host in (HOST, INSIDE):
        for call in CALLS:
            insecure = scope_of(call, host, (b"origin", b"http://app.example"), scheme="https")
            insecure["scheme"] = scheme
            # A proxy, or a page, that says otherwise changes nothing.
            insecure["headers"].append((b"x-forwarded-proto", b"http"))
            assert await outcome(OriginPolicy(), insecure) == REFUSED
    secure = scope_of("post", HOST, (b"origin", b"https://app.example"), scheme="https")
    assert await outcome(OriginPolicy(), secure) == OPENS


@pytest.mark.parametrize("site", ["", "same-origin", "cross-site"])
@pytest.mark.parametrize("call", CALLS)
async def test_an_origin_allowed_by_name_comes_before_all_that_is_known_of_it(
    call: str, site: str
) -> None:
    """(b)"""
    named = ["https://friend.example", "null", "chrome-extension://abc", "http://friend.example"]
    for origin in named:
        given = headers(HOST, origin=origin, x_forwarded_proto="https")
        given += [(b"sec-fetch-site", site.encode())] if site else []
        assert await outcome(OriginPolicy(named), scope_of(call, *given)) == "granted"
    neighbour = headers(HOST, origin="https://friend.example:444")
    wanted = MOVES if call in HANDSHAKE else REFUSED
    assert await outcome(OriginPolicy(named), scope_of(call, *neighbour)) == wanted


@pytest.mark.parametrize("call", sorted(ALL - {"plain"}))
@pytest.mark.parametrize("origin", ["http://evil.example", "https://evil.example", "null"])
async def test_where_all_are_allowed_a_preflight_shows_nothing(call: str, origin: str) -> None:
    """(h) Byway itself grants it to everybody, so (f) would give the visitor's cookies away."""
    given = headers(INSIDE, origin=origin, cookie="a=b")
    assert (
        await outcome(OriginPolicy(["*"]), scope_of(call, *given)) == "granted without credentials"
    )


async def test_a_plain_websocket_of_an_endpoint_is_not_opened_by_a_star() -> None:
    foreign = scope_of("plain", *headers(HOST, origin="https://evil.example"))
    assert await outcome(OriginPolicy(["*"]), foreign) == REFUSED
    own = scope_of("plain", *headers(HOST, origin="https://app.example"))
    assert await outcome(OriginPolicy(["*"]), own) == OPENS


@pytest.mark.parametrize(
    ("given", "why", "nginx"),
    [
        (headers(HOST, origin="https://evil.example", sec_fetch_site="same-site"), "site", False),
        (headers(HOST, origin="null"), "no web origin", False),
        (headers(HOST, origin=OWN_HTTP, x_forwarded_proto="https"), "https", False),
        (headers(INSIDE, origin=OWN_PAGE), "Host", True),
    ],
)
async def test_a_refusal_says_why_and_what_helps(
    given: list[tuple[bytes, bytes]], why: str, nginx: bool
) -> None:
    """(i)"""
    verdict = await OriginPolicy().judge(call_of(scope_of("post", *given)))
    with pytest.raises(ForeignPage, match=why) as caught:
        verdict.pass_on()
    assert caught.value.status == 403
    assert f'origins=["{dict(given)[b"origin"].decode()}"]' in str(caught.value)
    assert ("proxy_set_header Host $http_host;" in str(caught.value)) is nginx


async def test_a_page_whose_websocket_only_moves_is_not_said_to_be_refused_altogether() -> None:
    """It is the server's own, as far as anybody knows, and goes on over HTTP."""
    verdict = await OriginPolicy().judge(
        call_of(scope_of("handshake", INSIDE, (b"origin", b"http://own")))
    )
    assert verdict.moves
    said = str(verdict.refusal)
    assert "pages of http://own may not open a session with a WebSocket here" in said
    assert "only over HTTP" in said
    assert "may not use" not in said


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (headers(HOST, origin="null"), "every site, as any site can show a sandboxed frame"),
        (headers(HOST, origin=OWN_HTTP, x_forwarded_proto="https"), ": open the page over https"),
    ],
)
async def test_no_cure_is_worse_than_the_refusal(
    given: list[tuple[bytes, bytes]], said: str
) -> None:
    verdict = await OriginPolicy().judge(call_of(scope_of("post", *given)))
    assert said in str(verdict.refusal)


@hypothesis.given(
    call=st.sampled_from(sorted(CALLS)),
    origin=st.sampled_from([b"http://evil.example", b"https://evil.example", b"null", b"x"])
    | st.binary(min_size=1, max_size=20),
    host=st.binary(max_size=20) | st.just(b"app.example"),
    rest=st.lists(
        st.tuples(
            st.sampled_from(
                [b"x-forwarded-host", b"x-forwarded-proto", b"sec-fetch-site", b"byway", b"cookie"]
            ),
            st.binary(max_size=20) | st.sampled_from([b"https", b"cross-site", b"app.example"]),
        ),
        max_size=4,
    ),
    scheme=st.sampled_from(["http", "https"]),
)
async def test_no_foreign_page_opens_but_as_the_rule_says(
    call: str, origin: bytes, host: bytes, rest: list[tuple[bytes, bytes]], scheme: str
) -> None:
    """Whatever the headers hold: who opens is of this host, or has sent what needs a preflight."""
    given = [(b"host", host), (b"origin", origin), *rest]
    scope = scope_of(call, *given, scheme=scheme)
    said = await outcome(OriginPolicy(), scope)
    assert said in (OPENS, MOVES, REFUSED)
    text = origin.decode("latin-1").strip(" \t")
    if not text or said == REFUSED:
        return
    sites = [value.strip(b" \t") for name, value in rest if name == b"sec-fetch-site"]
    if sites:
        assert b", ".join(sites).strip(b" \t") == b"same-origin"
        assert said == OPENS
        return
    hosts = [host, *(value for name, value in rest if name == b"x-forwarded-host")]
    shown = any(text.partition("//")[2].lower() in one.decode("latin-1").lower() for one in hosts)
    marked = scope.get("method") == "POST" and any(name == b"byway" for name, _ in scope["headers"])
    if said == MOVES:
        assert call in HANDSHAKE
    else:
        assert call != "preflight"
        assert shown or text.lower().endswith((":80", ":443")) or marked
    if scheme == "https":
        assert not text.lower().startswith("http:")


@pytest.mark.parametrize(
    ("policy", "given", "promotes"),
    [
        (OriginPolicy(), headers(INSIDE, origin=OWN_HTTP), True),
        (OriginPolicy(), headers(INSIDE, origin=OWN_PAGE, sec_fetch_site="same-origin"), True),
        (OriginPolicy(), headers(HOST, origin=OWN_HTTP), False),
        (OriginPolicy(), headers(INSIDE), False),
        (OriginPolicy([OWN_HTTP]), headers(INSIDE, origin=OWN_HTTP), False),
        (OriginPolicy(["*"]), headers(INSIDE, origin=OWN_HTTP), False),
        (OriginPolicy(lambda origin, scope: True), headers(INSIDE, origin=OWN_HTTP), False),
    ],
)
def test_a_page_is_told_to_try_a_websocket_again_where_its_first_was_refused(
    policy: OriginPolicy, given: list[tuple[bytes, bytes]], promotes: bool
) -> None:
    assert policy.promotes(call_of(scope_of("post", *given))) is promotes


async def test_a_star_allows_all_but_never_with_credentials() -> None:
    policy = OriginPolicy(["*"])
    given = headers(HOST, origin="https://any.example", cookie="a=b", authorization="x", accept="y")
    verdict = await policy.judge(call_of({"headers": given, "path": "/"}))
    seen = verdict.pass_on()
    assert seen["path"] == "/"
    assert [name for name, _ in seen["headers"]] == [b"host", b"origin", b"accept"]
    own = {"headers": headers(HOST, origin="https://app.example", cookie="a=b")}
    assert (
        await policy.judge(call_of(own))
    ).pass_on() is own  # its own pages come with their cookies
    answer = dict(verdict.headers)
    assert answer[b"access-control-allow-origin"] == b"*"
    assert b"access-control-allow-credentials" not in answer


async def test_an_origin_allowed_by_name_is_answered_by_name() -> None:
    given = headers(HOST, origin="https://friend.example")
    answer = dict(
        (await OriginPolicy(["https://friend.example"]).judge(call_of({"headers": given}))).headers
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
        headers(HOST, origin="https://app.example", sec_fetch_site="same-origin"),
        headers(INSIDE, origin="http://app.example", byway="1"),
    ],
)
async def test_nobody_else_is_let_read_an_answer(given: list[tuple[bytes, bytes]]) -> None:
    verdict = await OriginPolicy(["https://friend.example"]).judge(call_of({"headers": given}))
    assert {name for name, _ in verdict.headers} <= {b"vary"}


def test_a_preflight_is_told_by_its_headers() -> None:
    ours = headers(HOST, access_control_request_headers="content-type, Byway")
    assert is_preflight("OPTIONS", dict(ours))
    assert not is_preflight("POST", dict(ours))
    assert not is_preflight(
        "OPTIONS", dict(headers(HOST, access_control_request_headers="x-byway"))
    )
    assert not is_preflight("OPTIONS", dict(headers(HOST)))


def test_a_preflight_is_answered_with_what_it_asks_for() -> None:
    answer = dict(preflight_headers(dict(headers(access_control_request_headers="byway, x-token"))))
    assert answer[b"access-control-allow-headers"] == b"byway, x-token"
    assert answer[b"access-control-allow-methods"] == b"POST"
    assert int(answer[b"access-control-max-age"]) == 600


def test_a_page_is_never_let_say_what_a_proxy_says() -> None:
    """With `X-Forwarded-Host` it would pass for a page of the server's own."""
    wanted = "byway, X-Forwarded-Host, x-real-ip, forwarded, a b"
    answer = dict(preflight_headers(dict(headers(access_control_request_headers=wanted))))
    assert answer[b"access-control-allow-headers"] == b"byway"


OWN = headers(HOST, origin="https://app.example")


async def test_a_callable_decides_alone_even_on_the_servers_own_pages() -> None:
    asked: list[tuple[str, Scope]] = []

    def check(origin: str, scope: Scope) -> bool:
        asked.append((origin, scope))
        return origin == "https://friend.example"

    policy = OriginPolicy(check)
    friend = {"headers": headers(HOST, origin="https://friend.example")}
    verdict = await policy.judge(call_of(friend))
    assert verdict.pass_on() is friend
    assert dict(verdict.headers)[b"access-control-allow-origin"] == b"https://friend.example"
    assert dict(verdict.headers)[b"access-control-allow-credentials"] == b"true"
    for given in (OWN, [*OWN, (b"sec-fetch-site", b"same-origin")]):
        with pytest.raises(PeerError):
            (await policy.judge(call_of({"headers": given}))).pass_on()
    assert asked[0] == ("https://friend.example", friend)
    assert [origin for origin, _ in asked[1:]] == ["https://app.example"] * 2


async def test_a_callable_is_not_asked_where_no_page_says_its_origin() -> None:
    policy = OriginPolicy(lambda origin, scope: pytest.fail("it was asked"))
    assert (await policy.judge(call_of({"headers": headers(HOST)}))).pass_on()
    with pytest.raises(PeerError):
        (
            await policy.judge(call_of({"headers": headers(HOST, sec_fetch_site="cross-site")}))
        ).pass_on()


async def test_a_callable_may_be_async() -> None:
    async def check(origin: str, scope: Scope) -> bool:
        return origin == "https://app.example"

    assert (await OriginPolicy(check).judge(call_of({"headers": OWN}))).pass_on()
    foreign = {"headers": headers(HOST, origin="https://evil.example")}
    with pytest.raises(PeerError):
        (await OriginPolicy(check).judge(call_of(foreign))).pass_on()


async def test_only_true_allows() -> None:
    """A forgotten `return`, or a match object, must not open the door."""
    for said in (None, 1, "yes"):
        policy = OriginPolicy(lambda origin, scope, said=said: said)  # type: ignore[misc]
        with pytest.raises(PeerError):
            (await policy.judge(call_of({"headers": OWN}))).pass_on()


async def test_an_origin_cannot_write_lines_into_the_log() -> None:
    given = [HOST, (b"origin", b"https://evil.example\x85\xe9\x0b")]
    with pytest.raises(PeerError, match=r"evil\.example\\x85\\xe9\\x0b may not"):
        (await OriginPolicy().judge(call_of({"headers": given}))).pass_on()


@pytest.mark.parametrize(
    "origin", ["friend.example", "https://friend.example/", "https://friend.example/a", ""]
)
def test_an_origin_that_no_browser_says_is_a_mistake(origin: str) -> None:
    with pytest.raises(UsageError, match="scheme://host"):
        OriginPolicy([origin])


def test_one_text_is_no_list_of_origins() -> None:
    with pytest.raises(UsageError, match="is a list"):
        OriginPolicy("https://friend.example")
