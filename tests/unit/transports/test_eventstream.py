"""Event streams: frames to events and back, for any text and any cutting."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byway.errors import FrameError
from byway.frames import ACK, BINARY, CLOSE, PART, TEXT, Frame, encode, encode_ack, encode_next
from byway.session import Outgoing, Output
from byway.session.outgoing import fragments, outgoing
from byway.transports.eventstream import EventDecoder, encode_events, text_event
from tests.unit.cutting import PLACES, cut, single

MAX = 4_096
TRICKY = st.text("\r\n\0 :dat\u2028𝄞é\ufeff", max_size=20) | st.text(max_size=40)
TEXTS = TRICKY.map(lambda text: (TEXT, text.encode()))
OTHERS = st.tuples(st.sampled_from([BINARY, CLOSE, ACK]), st.binary(max_size=40))
PARTED = st.tuples(st.just(PART), st.binary(min_size=1, max_size=10))
FRAMES = st.lists(TEXTS | OTHERS | PARTED, max_size=8)


def output(kind: int, payload: bytes) -> Output:
    """Return what a session gives a transport to write for this frame."""
    if kind == TEXT:
        return outgoing(payload.decode())
    if kind == PART:
        return Outgoing(PART, len(payload), data=payload, message=outgoing(payload))
    return encode(kind, payload)


def written(frames: list[Frame], sizes: list[int] | None = None) -> bytes:
    """Return the events that one carrier writes for these frames, in several writes."""
    wires = [output(kind, payload) for kind, payload in frames]
    out = []
    for size in sizes or []:
        out.append(encode_events(wires[:size]))
        wires = wires[size:]
    return b"".join([*out, encode_events(wires)])


def read(pieces: list[bytes]) -> list[Frame]:
    """Feed pieces to a decoder and return all the frames."""
    decoder = EventDecoder(max_frame=MAX)
    return [frame for piece in pieces for frame in decoder.feed(piece)]


@given(FRAMES, st.lists(st.integers(1, 3), max_size=4), PLACES)
def test_frames_survive_an_event_stream_however_it_is_cut(
    frames: list[Frame], sizes: list[int], at: list[int]
) -> None:
    stream = written(frames, sizes)
    assert read([stream]) == frames
    assert read(single(stream)) == frames
    assert read(cut(stream, at)) == frames


@given(FRAMES, st.sampled_from([b"\r", b"\r\n"]), PLACES)
def test_every_line_end_of_the_standard_ends_a_line(
    frames: list[Frame], end: bytes, at: list[int]
) -> None:
    stream = written(frames).replace(b"\n", end)
    assert read([stream]) == frames
    assert read(single(stream)) == frames
    assert read(cut(stream, at)) == frames


@given(
    st.binary(max_size=200) | st.text("data: even\r\nframs=A\ufeff", max_size=80).map(str.encode)
)
def test_any_bytes_are_frames_or_a_documented_error(data: bytes) -> None:
    outcomes: list[object] = []
    for pieces in ([data], single(data)):
        try:
            outcomes.append(read(pieces))
        except FrameError as error:
            outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]


def test_a_text_can_be_read_by_eye() -> None:
    assert written([(TEXT, "grüße".encode())]) == "data: grüße\n\n".encode()
    assert written([(TEXT, b"two\nlines")]) == b"data: two\ndata: lines\n\n"


@pytest.mark.parametrize("text", ["a\rb", "\r\n", "\r"])
def test_a_carriage_return_cannot_stand_in_an_event(text: str) -> None:
    stream = written([(TEXT, text.encode())])
    assert b"\r" not in stream
    assert read([stream]) == [(TEXT, text.encode())]


@given(st.text(min_size=1, max_size=30), st.integers(1, 5))
def test_no_event_begins_inside_a_character(text: str, size: int) -> None:
    pieces = list(fragments(outgoing(text), size))
    for start in range(len(pieces)):  # a carrier that begins inside the message
        encode_events([encode_next(start + 1), *pieces[start:]]).decode()


def test_a_byte_order_mark_is_passed_over_once() -> None:
    mark = "\ufeff".encode()
    stream = mark + b"data: x\n\n"
    assert read([stream]) == [(TEXT, b"x")]
    assert read(single(stream)) == [(TEXT, b"x")]
    assert read([mark + mark + b"data: x\n\n"]) == []  # the second is part of a field's name


@pytest.mark.parametrize(
    ("stream", "payloads"),
    [
        (b":comment\n\n", []),
        (b"id: 1\nretry: 5\n\n", []),
        (b"event: other\ndata: x\n\n", []),
        (b"event: message\ndata: x\n\n", [b"x"]),
        (b"data:x\n\n", [b"x"]),
        (b"data:  x\n\n", [b" x"]),
        (b"data\n\n", [b""]),
        (b"data: \n\n", [b""]),
        (b"data\ndata\n\n", [b"\n"]),
        (b"data: x\n", []),
        (b"event: other\n\ndata: x\n\n", [b"x"]),
    ],
)
def test_fields_mean_what_the_standard_says(stream: bytes, payloads: list[bytes]) -> None:
    assert read([stream]) == [(TEXT, payload) for payload in payloads]


@pytest.mark.parametrize("data", [b"!!!!", b"AAA", b"AAAA\ndata: AAAA", b"\xff"])
def test_an_event_of_frames_that_holds_none_is_an_error(data: bytes) -> None:
    with pytest.raises(FrameError):
        read([b"event: frames\ndata: " + data + b"\n\n"])


def test_a_frame_cut_by_the_end_of_its_event_is_an_error() -> None:
    data = base64.b64encode(encode_ack(1, 2)[:-1])
    with pytest.raises(FrameError, match="ends inside a frame"):
        read([b"event: frames\ndata: " + data + b"\n\n"])


def test_a_text_over_the_bound_is_an_error() -> None:
    assert read([text_event(b"x" * MAX)]) == [(TEXT, b"x" * MAX)]
    with pytest.raises(FrameError, match=f"bound of {MAX}") as caught:
        read([text_event(b"x" * (MAX + 1))])
    assert caught.value.status == 413


@pytest.mark.parametrize("line", [b"data: " + b"x" * 1_000 + b"\n", b"x" * 1_000])
def test_an_event_that_never_ends_is_an_error_in_time(line: bytes) -> None:
    decoder = EventDecoder(max_frame=MAX)
    with pytest.raises(FrameError, match="bound") as caught:
        list(map(decoder.feed, [line] * 1_000))
    assert caught.value.status == 413


def test_many_frames_are_spread_over_events_within_the_decoder_s_bound() -> None:
    frames: list[Frame] = [(BINARY, bytes(MAX)) for _ in range(100)]
    stream = written(frames)
    assert stream.count(b"event: frames") > 1
    assert read([stream]) == frames


def test_an_event_of_frames_is_not_much_longer_than_the_longest_part() -> None:
    """It counts when it is complete, and some paths cut an answer after 64 KB."""
    part = encode(BINARY, bytes(16 * 1024))
    stream = encode_events([encode_ack(1, 2), part, *[encode(BINARY, b"x")] * 5000, part])
    assert max(map(len, stream.split(b"\n\n"))) < 24 * 1024
