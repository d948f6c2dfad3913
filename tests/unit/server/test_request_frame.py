"""What travels of a request in one frame: all that its owner needs, and nothing else gets in."""

from __future__ import annotations

import logging
import string
from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byway.backplane import LinkLost
from byway.frames import MAX_ROOM, TEXT, encode
from byway.handshake import Hello
from byway.keys import new_instance, new_key, new_process_name
from byway.server.call_frame import pack_user
from byway.server.owner_request import serve_request
from byway.server.relay_call import ALONG
from byway.server.request_frame import (
    MAX_WHOSE,
    fits,
    pack_request,
    pack_whose,
    unpack_request,
)

USERS = [None, "mara", b"\x00", 7, True, (1, ("a", None)), UUID(int=5), "ä" * 1400]

KEY = "".join(dict.fromkeys(string.ascii_letters))[:32]
INSTANCE = new_instance("A-_45678")


@given(
    place=st.text(max_size=40),
    user=st.sampled_from(USERS),
    carrier=st.integers(1, 2**32 - 1),
    received=st.integers(0, 2**63),
    room=st.integers(0, MAX_ROOM),
    poll=st.integers(0, 2**63),
    answer=st.sampled_from(["ack", "poll"]),
    form=st.sampled_from(["", "text"]),
    frames=st.binary(max_size=200),
)
def test_what_is_packed_comes_back(
    place: str,
    user: Any,
    carrier: int,
    received: int,
    room: int,
    poll: int,
    answer: str,
    form: str,
    frames: bytes,
) -> None:
    hello = Hello(
        key=KEY,
        carrier=carrier,
        received=received,
        room=room,
        instance=INSTANCE,
        answer=answer,
        poll=poll,
        form=form,
    )
    body = hello.frame() + frames
    whose = pack_whose(place, pack_user(user))
    assert fits(hello, whose, body) is (len(whose) <= MAX_WHOSE)
    got = unpack_request(pack_request(whose, hello, body))
    assert (got.place, got.user, got.hello, got.frames) == (place, user, hello, frames)
    assert type(got.user) is type(user)
    assert KEY not in repr(got)


def hello(**other: Any) -> Hello:
    fields: dict[str, Any] = {
        "key": new_key(),
        "carrier": 1,
        "received": 0,
        "room": 0,
        "instance": new_instance(new_process_name()),
        "answer": "ack",
    }
    return Hello(**fields | other)


def test_what_opens_or_lasts_or_is_long_goes_another_way() -> None:
    assert fits(hello(), bytes(MAX_WHOSE), bytes(ALONG))
    assert not fits(hello(instance=None), b"", b"")
    assert not fits(hello(answer="stream"), b"", b"")
    assert not fits(hello(answer="sse"), b"", b"")
    assert not fits(hello(), b"", bytes(ALONG + 1))
    assert not fits(hello(), bytes(MAX_WHOSE + 1), b"")


class Peer:
    """A link whose other end says anything."""

    peer = "relay-01"

    def reply(self, kind: int, payload: bytes) -> None:
        raise AssertionError("it is not answered")


def refused(payload: bytes) -> None:
    with pytest.raises(LinkLost, match="cannot be read"):
        serve_request(lambda name: None, cast(Any, Peer()), payload)


GOOD = pack_request(
    pack_whose("app /", None), hello(), hello().frame() + encode(TEXT, b"what is said")
)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(payload: bytes) -> None:
    try:
        unpack_request(payload)
    except ValueError:
        pass


@pytest.mark.parametrize("end", [0, 1, 20, 40, 80])
def test_what_is_cut_short_is_refused(end: int, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        refused(GOOD[:end])
    assert "cannot read a request from process relay-01" in caplog.text


@pytest.mark.parametrize(
    "whose", [b"", b"[", b"{}", b"[1]", b"[1,2]", b'["a",1.5]', b'["a",{"x":1}]', b"[" * 3000]
)
def test_whose_it_is_has_to_be_said(whose: bytes) -> None:
    refused(pack_request(whose, hello(), hello().frame()))


def test_flags_that_nobody_knows_are_refused() -> None:
    refused(b"\x04" + GOOD[1:])
