"""Frames in WebSocket messages: which travel as a text, and which must not."""

from __future__ import annotations

import pytest

from byway.frames import BINARY, PART, TEXT, encode, encode_ack
from byway.limits import Limits
from byway.transports.websocket import _Reader, _Writer

EMPTY = encode(TEXT)


def test_a_text_alone_is_a_text_message() -> None:
    assert _Writer().messages([encode(TEXT, "grüße".encode())]) == "grüße"


def test_an_empty_text_alone_is_a_frame_since_some_servers_drop_empty_messages() -> None:
    assert _Writer().messages([EMPTY]) == EMPTY


@pytest.mark.parametrize(
    "frames",
    [[encode(BINARY)], [EMPTY, EMPTY], [EMPTY, encode_ack(1, 1)], [encode(TEXT, b"a"), EMPTY]],
    ids=["binary", "two", "with-ack", "after-another"],
)
def test_no_other_message_is_without_bytes(frames: list[bytes]) -> None:
    assert _Writer().messages(frames) == b"".join(frames)


def test_the_end_of_parts_is_a_frame() -> None:
    writer = _Writer()
    assert isinstance(writer.messages([encode(PART, b"\xc3")]), bytes)
    assert isinstance(writer.messages([encode(TEXT, b"\xa9")]), bytes)
    assert writer.messages([encode(TEXT, b"next")]) == "next"


@pytest.mark.parametrize("message", ["", EMPTY], ids=["older-peer", "frame"])
def test_an_empty_text_is_understood_in_both_forms(message: str | bytes) -> None:
    assert _Reader(Limits()).frames(message) == [(TEXT, b"")]
