"""Frames in WebSocket messages: which travel as a text, and which must not."""

from __future__ import annotations

import pytest

from byway.frames import TEXT, encode, encode_ack
from byway.limits import SessionLimits
from byway.session import Output, joined
from byway.session.outgoing import fragments, outgoing
from byway.transports.websocket import MessageReader, message_of

EMPTY = encode(TEXT)


@pytest.mark.parametrize("text", ["plain", "grüße"])
def test_a_text_alone_is_the_text_itself_which_nobody_encodes_here(text: str) -> None:
    assert message_of([outgoing(text)]) is text


def test_a_text_of_which_only_the_bytes_are_kept_is_a_text_too() -> None:
    text = outgoing("grüße")
    outgoing("a newer one")
    assert text.text is None
    assert message_of([text]) == "grüße"


def test_an_empty_text_alone_is_a_frame_since_some_servers_drop_empty_messages() -> None:
    assert message_of([outgoing("")]) == EMPTY


@pytest.mark.parametrize(
    "frames",
    [
        [outgoing(b"")],
        [outgoing(""), outgoing("")],
        [outgoing(""), encode_ack(1, 1)],
        [outgoing("a"), outgoing("")],
    ],
    ids=["binary", "two", "with-ack", "after-another"],
)
def test_no_other_message_is_without_bytes(frames: list[Output]) -> None:
    assert message_of(frames) == joined(frames) != b""


def test_the_end_of_parts_is_a_frame() -> None:
    for fragment in fragments(outgoing("é"), 1):
        assert isinstance(message_of([fragment]), bytes)


@pytest.mark.parametrize("message", ["", EMPTY], ids=["older-peer", "frame"])
def test_an_empty_text_is_understood_in_both_forms(message: str | bytes) -> None:
    assert MessageReader(SessionLimits()).frames(message) == [(TEXT, b"")]
