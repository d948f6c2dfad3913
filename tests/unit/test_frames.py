"""Frames: the codec, fed with everything in every way."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byway.errors import FrameError
from byway.frames import (
    ACK,
    BEAT,
    BINARY,
    CLOSE,
    HEADER,
    LAST_NUMBERED,
    MAX_OPAQUE,
    MAX_ROOM,
    NAMES,
    NEXT,
    PING,
    PONG,
    SELECT,
    TEXT,
    Decoder,
    Frame,
    decode_ack,
    decode_all,
    decode_beat,
    decode_close,
    decode_next,
    decode_ping,
    decode_select,
    encode,
    encode_ack,
    encode_beat,
    encode_close,
    encode_next,
    encode_ping,
    encode_pong,
    encode_select,
    valid_close_code,
)
from tests.unit.cutting import PLACES, cut, single

MAX = 200
KINDS = st.integers(1, CLOSE) | st.integers(LAST_NUMBERED + 1, 255)
FRAMES = st.lists(st.tuples(KINDS, st.binary(max_size=MAX)), max_size=8)
U32 = st.integers(0, 2**32 - 1)
U64 = st.integers(0, 2**64 - 1)


def wire(frames: list[Frame]) -> bytes:
    """Encode frames one behind the other."""
    return b"".join(encode(kind, payload) for kind, payload in frames)


def fed(pieces: list[bytes]) -> tuple[list[Frame], bool]:
    """Feed pieces to a decoder; say what came out and whether the end is inside a frame."""
    decoder = Decoder(max_frame=MAX)
    frames = [frame for piece in pieces for frame in decoder.feed(piece)]
    try:
        decoder.finish()
    except FrameError:
        return frames, True
    return frames, False


@given(FRAMES)
def test_frames_survive_the_wire_whole(frames: list[Frame]) -> None:
    assert decode_all(wire(frames), max_frame=MAX) == frames


@given(FRAMES)
def test_frames_survive_the_wire_byte_by_byte(frames: list[Frame]) -> None:
    assert fed(single(wire(frames))) == (frames, False)


@given(FRAMES, PLACES)
def test_frames_survive_the_wire_in_any_pieces(frames: list[Frame], at: list[int]) -> None:
    assert fed(cut(wire(frames), at)) == (frames, False)


@given(FRAMES, st.binary(min_size=1, max_size=MAX), PLACES)
def test_a_frame_that_is_not_whole_is_kept_back(
    frames: list[Frame], payload: bytes, at: list[int]
) -> None:
    data = wire(frames) + encode(BINARY, payload)[:-1]
    assert fed(cut(data, at)) == (frames, True)
    with pytest.raises(FrameError, match="ends inside a frame"):
        decode_all(data, max_frame=MAX)


@given(st.binary(max_size=400), PLACES)
def test_any_bytes_are_frames_or_a_documented_error(data: bytes, at: list[int]) -> None:
    outcomes: list[object] = []
    for pieces in ([data], single(data), cut(data, at)):
        try:
            outcomes.append(fed(pieces))
        except FrameError as error:
            outcomes.append((str(error), error.status))
    assert outcomes[1:] == outcomes[:1] * 2


@given(st.sampled_from(sorted(NAMES)), st.binary(max_size=80))
def test_any_fixed_payload_is_a_value_or_a_documented_error(kind: int, payload: bytes) -> None:
    decode = {
        NEXT: decode_next,
        ACK: decode_ack,
        BEAT: decode_beat,
        SELECT: decode_select,
        PING: decode_ping,
        PONG: decode_ping,
        CLOSE: decode_close,
    }.get(kind)
    if decode is not None:
        with suppress(FrameError):
            decode(payload)


def payload_of(data: bytes) -> bytes:
    """Return the payload of the one frame in these bytes."""
    ((_, payload),) = decode_all(data, max_frame=1_000)
    return payload


@given(U64.filter(bool), U64, U32, U32, U32, st.binary(max_size=MAX_OPAQUE))
def test_fixed_payloads_survive_the_wire(
    number: int, received: int, room: int, count: int, carrier: int, opaque: bytes
) -> None:
    assert decode_next(payload_of(encode_next(number))) == number
    assert decode_ack(payload_of(encode_ack(received, room))) == (received, room)
    assert decode_select(payload_of(encode_select(count, carrier))) == (count, carrier)
    assert decode_ping(payload_of(encode_ping(carrier, opaque))) == (carrier, opaque)
    assert decode_ping(payload_of(encode_pong(carrier, opaque))) == (carrier, opaque)


@given(st.integers(1000, 4999).filter(valid_close_code), st.text(max_size=60))
def test_close_survives_the_wire(code: int, reason: str) -> None:
    assert decode_close(payload_of(encode_close(code, reason))) == (code, reason)


@given(st.floats(0.001, 4_000_000))
def test_a_heartbeat_survives_the_wire_to_the_millisecond(seconds: float) -> None:
    assert decode_beat(payload_of(encode_beat(seconds))) == pytest.approx(seconds, abs=0.0006)


def test_a_heartbeat_of_nothing_is_an_error() -> None:
    with pytest.raises(FrameError, match="0 ms"):
        decode_beat(bytes(4))


def test_room_over_four_bytes_is_announced_as_the_most_there_is() -> None:
    assert decode_ack(payload_of(encode_ack(1, MAX_ROOM + 5))) == (1, MAX_ROOM)


def test_a_frame_over_the_bound_fails_as_soon_as_its_header_has_come() -> None:
    decoder = Decoder(max_frame=10)
    with pytest.raises(FrameError, match="bound of 10") as caught:
        decoder.feed(HEADER.pack(TEXT, 11))
    assert caught.value.status == 413


@pytest.mark.parametrize("kind", [0, CLOSE + 1, LAST_NUMBERED])
def test_an_unknown_numbered_type_fails_since_its_number_would_be_lost(kind: int) -> None:
    with pytest.raises(FrameError, match="numbered and unknown"):
        decode_all(encode(kind), max_frame=10)


def test_number_0_is_none() -> None:
    with pytest.raises(FrameError, match="count from 1"):
        decode_next(bytes(8))


@pytest.mark.parametrize(
    ("code", "valid"),
    [
        (999, False),
        (1000, True),
        (1003, True),
        (1004, False),
        (1005, False),
        (1006, False),
        (1007, True),
        (1014, True),
        (1015, False),
        (2999, False),
        (3000, True),
        (4999, True),
        (5000, False),
    ],
)
def test_close_codes_are_those_of_rfc_6455(code: int, valid: bool) -> None:
    assert valid_close_code(code) is valid
    if not valid:
        with pytest.raises(FrameError, match="may not travel"):
            decode_close(encode_close(code, "")[HEADER.size :])


@pytest.mark.parametrize("payload", [b"", b"\x03", b"\x03\xe8\xff"])
def test_a_close_without_a_code_or_with_a_broken_reason_fails(payload: bytes) -> None:
    with pytest.raises(FrameError):
        decode_close(payload)


def test_every_type_has_a_name() -> None:
    assert len(set(NAMES.values())) == len(NAMES)
