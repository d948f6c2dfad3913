"""Frames: the unit on the wire, and its codec.

Knows: the byte layout of a frame and of the fixed payloads.
Must not know: sessions, carriers, transports, asyncio, clocks, JSON.

A frame is ``type: u8 | length: u32 big-endian | payload``. Types 1 to 15 are numbered: they count
up in each direction and stay in the sender's outbox until acknowledged. Types from 16 on are not
numbered, and a receiver skips those that it does not know; an unknown numbered type cannot be
skipped, since the number would be lost with it, and is an error.
"""

from __future__ import annotations

import struct
from typing import Final

from byway.errors import FrameError

Frame = tuple[int, bytes]
"""A decoded frame: its type and its payload."""

# Numbered: kept in the outbox until acknowledged.
TEXT: Final = 1
BINARY: Final = 2
PART: Final = 3
CLOSE: Final = 4

# Not numbered: about the session or the carrier.
HELLO: Final = 16
OPEN: Final = 17
NEXT: Final = 18
ACK: Final = 19
SELECT: Final = 20
PING: Final = 21
PONG: Final = 22
LEAVE: Final = 23
PAD: Final = 24
BEAT: Final = 25

LAST_NUMBERED: Final = 15
"""Types up to this one are numbered."""

NAMES: Final = {
    TEXT: "TEXT",
    BINARY: "BINARY",
    PART: "PART",
    CLOSE: "CLOSE",
    HELLO: "HELLO",
    OPEN: "OPEN",
    NEXT: "NEXT",
    ACK: "ACK",
    SELECT: "SELECT",
    PING: "PING",
    PONG: "PONG",
    LEAVE: "LEAVE",
    PAD: "PAD",
    BEAT: "BEAT",
}

HEADER: Final = struct.Struct(">BI")
_NEXT: Final = struct.Struct(">Q")
_ACK: Final = struct.Struct(">QI")
# With their headers: most frames that are no messages are these.
_ACK_FRAME: Final = struct.Struct(">BIQI")
_NEXT_FRAME: Final = struct.Struct(">BIQ")
_SELECT: Final = struct.Struct(">II")
_CARRIER: Final = struct.Struct(">I")
_BEAT: Final = struct.Struct(">I")
_CODE: Final = struct.Struct(">H")

MAX_ROOM: Final = 0xFFFF_FFFF
"""Largest room, in bytes, that an ACK can announce."""


def encode(kind: int, payload: bytes = b"") -> bytes:
    """Encode one frame.

    Args:
        kind: the frame type, 1 to 255.
        payload: its payload, in bytes.
    """
    return HEADER.pack(kind, len(payload)) + payload


def encode_next(number: int) -> bytes:
    """Encode NEXT: the number of the next numbered frame on this carrier."""
    return _NEXT_FRAME.pack(NEXT, _NEXT.size, number)


def encode_ack(received: int, room: int) -> bytes:
    """Encode ACK: frames received without a gap, and the bytes of room left in the inbox."""
    return _ACK_FRAME.pack(ACK, _ACK.size, received, min(room, MAX_ROOM))


def encode_select(count: int, carrier: int) -> bytes:
    """Encode SELECT: the client's count of its choices, and the carrier that it listens to."""
    return encode(SELECT, _SELECT.pack(count, carrier))


def encode_ping(carrier: int, opaque: bytes) -> bytes:
    """Encode PING: asks for a PONG with the same bytes on the carrier named."""
    return encode(PING, _CARRIER.pack(carrier) + opaque)


def encode_pong(carrier: int, opaque: bytes) -> bytes:
    """Encode PONG."""
    return encode(PONG, _CARRIER.pack(carrier) + opaque)


def encode_beat(seconds: float) -> bytes:
    """Encode BEAT: the longest silence, in seconds, that a client wants on its downlinks."""
    return encode(BEAT, _BEAT.pack(min(max(round(seconds * 1000), 1), 0xFFFF_FFFF)))


def encode_close(code: int, reason: str) -> bytes:
    """Encode CLOSE: a code of RFC 6455 section 7.4 and a reason."""
    return encode(CLOSE, _CODE.pack(code) + reason.encode())


def _fixed(layout: struct.Struct, kind: int, payload: bytes) -> tuple[int, ...]:
    if len(payload) != layout.size:
        raise FrameError(
            f"{NAMES[kind]} has a payload of {layout.size} bytes, this one has {len(payload)}"
        )
    return layout.unpack(payload)


def decode_next(payload: bytes) -> int:
    """Decode the payload of NEXT to its number, 1 or more."""
    if len(payload) != _NEXT.size:
        _fixed(_NEXT, NEXT, payload)  # which raises
    (number,) = _NEXT.unpack(payload)
    if number < 1:
        raise FrameError("NEXT names number 0; numbers count from 1")
    return int(number)


def decode_ack(payload: bytes) -> tuple[int, int]:
    """Decode the payload of ACK to ``(received, room)``."""
    if len(payload) != _ACK.size:
        _fixed(_ACK, ACK, payload)  # which raises
    received, room = _ACK.unpack(payload)
    return received, room


def decode_select(payload: bytes) -> tuple[int, int]:
    """Decode the payload of SELECT to ``(count, carrier)``."""
    count, carrier = _fixed(_SELECT, SELECT, payload)
    return count, carrier


def decode_beat(payload: bytes) -> float:
    """Decode the payload of BEAT to seconds."""
    (milliseconds,) = _fixed(_BEAT, BEAT, payload)
    if not milliseconds:
        raise FrameError("BEAT asks for a heartbeat of 0 ms")
    return milliseconds / 1000


MAX_OPAQUE: Final = 64
"""Most bytes, after the carrier, that a PING may ask to have repeated."""


def decode_ping(payload: bytes) -> tuple[int, bytes]:
    """Decode the payload of PING or PONG to ``(carrier, opaque)``."""
    if not _CARRIER.size <= len(payload) <= _CARRIER.size + MAX_OPAQUE:
        raise FrameError(
            f"PING and PONG carry 4 bytes and at most {MAX_OPAQUE} more, "
            f"this one has {len(payload)}"
        )
    (carrier,) = _CARRIER.unpack_from(payload)
    return carrier, payload[_CARRIER.size :]


def valid_close_code(code: int) -> bool:
    """Say whether a code may travel in CLOSE (RFC 6455 section 7.4, and IANA's registry)."""
    return 1000 <= code <= 1014 and code not in (1004, 1005, 1006) or 3000 <= code <= 4999


def decode_close(payload: bytes) -> tuple[int, str]:
    """Decode the payload of CLOSE to ``(code, reason)``."""
    if len(payload) < _CODE.size:
        raise FrameError("CLOSE is shorter than its code of 2 bytes")
    (code,) = _CODE.unpack_from(payload)
    if not valid_close_code(code):
        raise FrameError(f"CLOSE carries the code {code}, which may not travel")
    try:
        return code, payload[_CODE.size :].decode()
    except UnicodeDecodeError:
        raise FrameError("the reason of CLOSE is not UTF-8") from None


class Decoder:
    """Turns the bytes of one carrier into frames, however they are cut into pieces.

    It keeps at most one unfinished frame, so its memory is bounded by `max_frame`. After a
    `FrameError` it must not be fed again: where the next frame would begin is unknown.
    """

    def __init__(self, *, max_frame: int) -> None:
        """Start at a frame's first byte.

        Args:
            max_frame: longest payload accepted, in bytes; a longer one is a `FrameError` as soon
                as its header has come.
        """
        self._max_frame = max_frame
        self._rest = b""

    def feed(self, data: bytes, *, last: bool = False) -> list[Frame]:
        """Take the next bytes and return the frames that are now whole, in order.

        Args:
            data: the bytes.
            last: they may not end inside a frame; see `finish`.

        Raises:
            FrameError: a header announces more than `max_frame` bytes, or an unknown numbered
                type. Frames before it in the same call are lost; since numbered ones are not
                acknowledged then, the peer sends them again.
        """
        if self._rest:
            data = self._rest + data
        frames: list[Frame] = []
        append, unpack, size = frames.append, HEADER.unpack_from, HEADER.size
        start, end, longest = 0, len(data), self._max_frame
        while start + size <= end:
            kind, length = unpack(data, start)
            if length > longest:
                raise FrameError(
                    f"a frame of {length} bytes is over the bound of {longest}", status=413
                )
            if kind > CLOSE and kind <= LAST_NUMBERED or kind == 0:
                raise FrameError(f"frame type {kind} is numbered and unknown")
            body = start + size
            stop = body + length
            if stop > end:
                break
            append((kind, data[body:stop]))
            start = stop
        self._rest = data[start:] if start < end else b""
        if last and start < end:
            self.finish()
        return frames

    def finish(self) -> None:
        """Say that the bytes have ended.

        Raises:
            FrameError: they ended inside a frame.
        """
        if self._rest:
            raise FrameError("the body ends inside a frame")


def decode_all(data: bytes, *, max_frame: int) -> list[Frame]:
    """Decode bytes that are a whole number of frames.

    Raises:
        FrameError: they are not.
    """
    return Decoder(max_frame=max_frame).feed(data, last=True)
