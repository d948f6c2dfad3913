"""Refusals: what the client makes of responses that are not the one asked for."""

from __future__ import annotations

import gzip

import pytest

from byway.errors import Attempt, CarrierLost, NoTransport, Refused
from byway.http_library import httpx
from byway.transports.refusal import MAX_REFUSAL, check, check_refusal
from tests.unit.clock import timed
from tests.unit.transports.test_dial import Body


def test_only_a_marked_refusal_is_the_application_s() -> None:
    with pytest.raises(Refused) as refused:
        check_refusal(403, "refused", [("x-why", "because")], b"no")
    assert (refused.value.status, refused.value.body) == (403, b"no")
    assert ("x-why", "because") in refused.value.headers
    with pytest.raises(CarrierLost, match="without a Byway header") as lost:
        check_refusal(403, "", [], b"blocked by policy")
    assert not lost.value.gone


@pytest.mark.parametrize(
    ("status", "where", "told"),
    [
        (307, "http://app.example/chat/", True),
        (308, "/chat/?token=secret", True),
        (307, "http://login.example/in?next=/chat/", False),
        (400, "/chat/", False),
    ],
)
def test_a_redirect_to_the_same_path_with_a_slash_says_what_to_do(
    status: int, where: str, told: bool
) -> None:
    with pytest.raises(CarrierLost) as caught:
        check_refusal(status, "", [("Location", where)], b"")
    assert ("add it" in str(caught.value)) is told
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "said", "gone"),
    [
        (410, "elsewhere", "elsewhere"),
        (410, "ended", "ended"),
        (410, "unknown", "unknown"),
        (410, "of a later version", "unknown"),
        (410, None, "unknown"),
        (400, "elsewhere", ""),
        (503, None, ""),
    ],
)
def test_only_a_marked_410_says_that_the_session_is_gone(
    status: int, said: str | None, gone: str
) -> None:
    headers = [] if said is None else [("Byway-Gone", said)]
    with pytest.raises(CarrierLost) as caught:
        check_refusal(status, "error", headers, b"why\n")
    assert caught.value.gone == gone
    with pytest.raises(CarrierLost) as caught:
        check_refusal(status, "", headers, b"why\n")
    assert caught.value.gone == ""


@pytest.mark.parametrize("mark", ["error", ""])
def test_what_a_server_says_cannot_command_a_terminal(mark: str) -> None:
    with pytest.raises(CarrierLost) as caught:
        check_refusal(400, mark, [("server", "\x1b[2J")], "\x1b]0;x\x07 \x9b2J \u202e".encode())
    error = NoTransport([Attempt("poll", 0.1, str(caught.value), headers=caught.value.headers)])
    assert all(line.isprintable() for line in str(error).split("\n"))
    assert "\x1b" not in repr(caught.value.headers)


@timed
async def test_a_refusal_is_never_unpacked() -> None:
    packed = gzip.compress(bytes(50_000_000))
    headers = {"byway": "refused", "content-encoding": "gzip"}
    with pytest.raises(Refused) as caught:
        await check(httpx.Response(403, headers=headers, stream=Body([packed])), "poll")
    assert caught.value.body == packed[:MAX_REFUSAL]


@timed
async def test_a_refusal_s_body_is_bounded() -> None:
    pieces = [b"x" * 50_000] * 3
    headers = {"byway": "refused"}
    with pytest.raises(Refused) as caught:
        await check(httpx.Response(403, headers=headers, stream=Body(pieces)), "poll")
    assert len(caught.value.body) == MAX_REFUSAL
