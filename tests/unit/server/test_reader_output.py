"""What a reader is written: each message as an event, and as a line."""

from __future__ import annotations

import json
import re

import pytest

from byway.frames import CLOSE, HEADER, encode_close
from byway.retry_hint import going_away
from byway.server.reader_output import event, line
from byway.session.outgoing import Outgoing, outgoing

KEY = "k"


def closing(code: int, reason: str) -> Outgoing:
    payload = encode_close(code, reason)[HEADER.size :]
    return Outgoing(CLOSE, len(payload), data=payload)


@pytest.mark.parametrize(
    ("message", "written"),
    [
        ("hi", b"data: hi\nid: k.7\n\n"),
        ("two\nlines", b"data: two\ndata: lines\nid: k.7\n\n"),
        ("a\rb", b'event: json\ndata: "a\\rb"\nid: k.7\n\n'),
        (b"\x00\xff", b"event: binary\ndata: AP8=\nid: k.7\n\n"),
    ],
)
def test_a_message_is_an_event_whose_id_is_its_last_line(
    message: str | bytes, written: bytes
) -> None:
    assert event(KEY, 7, outgoing(message)) == written


def test_padding_is_a_comment_of_one_line() -> None:
    """Some readers take the blank line behind a comment for an event."""
    assert event(KEY, 0, None) == b":\n"


def test_the_end_is_an_event_with_its_code() -> None:
    told = b'event: close\ndata: {"code": 4000, "reason": "over"}\nid: k.7\n\n'
    assert event(KEY, 7, closing(4000, "over")) == told


def test_a_reader_of_a_server_that_stops_is_told_when_to_come_back() -> None:
    """At random after that: all of them come to the next server."""
    told = event(KEY, 7, closing(1012, going_away(3.0))).decode()
    found = re.match(r"retry: (\d+)\nevent: close\n", told)
    assert found is not None
    assert 4_000 <= int(found[1]) <= 8_000


@pytest.mark.parametrize(
    ("message", "written"),
    [
        ("hi", b"hi\n"),
        ("", b"\n"),
        ("two\nlines", b'"two\\nlines"\n'),
        ('"quoted"', b'"\\"quoted\\""\n'),
        ("a\u2028b", b'"a\\u2028b"\n'),
        (b"\x00\xff", b'"data:application/octet-stream;base64,AP8="\n'),
    ],
)
def test_a_message_is_one_line(message: str | bytes, written: bytes) -> None:
    assert line(outgoing(message)) == written
    assert written.count(b"\n") == 1
    if written.startswith(b'"') and isinstance(message, str):
        assert json.loads(written) == message


def test_padding_is_an_empty_line_and_the_end_none() -> None:
    assert line(None) == b"\n"
    assert line(closing(1000, "")) == b""
