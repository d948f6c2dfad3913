"""The frames on a link: a type of 1 byte, a length of 4, and a payload of at most 64 KiB.

Knows: how bytes become frames and back, and how long each may be.
Must not know: sockets, time, what a frame says.

A longer payload travels as pieces: frames MORE of exactly 64 KiB, and behind them, with the rest,
the frame itself. Nothing comes between the pieces.
"""

from __future__ import annotations

import struct
from typing import Final

from byway.backplane.base import LinkLost
from byway.backplane.kinds import MORE
from byway.limits import ServerLimits

HEAD: Final = struct.Struct("!BI")

PIECE: Final = 64 * 1024
"""Bytes of a frame's payload, at most; a longer one travels in pieces of this size. A CALL may not
be longer. A longer frame cuts the link."""

Frame = tuple[int, bytes]


def longest(limits: ServerLimits) -> int:
    """Return the most bytes of a payload that was joined from pieces.

    It is the longest message or body that a process takes from a client, and a piece more.
    """
    return max(limits.max_message, limits.body) + PIECE


def encode(kind: int, payload: bytes = b"") -> bytes:
    """Encode a frame, in pieces where it is long."""
    length = len(payload)
    if length <= PIECE:
        return HEAD.pack(kind, length) + payload
    parts = []
    whole = (length - 1) // PIECE * PIECE  # so that the last frame is never empty
    for start in range(0, whole, PIECE):
        parts += [HEAD.pack(MORE, PIECE), payload[start : start + PIECE]]
    parts += [HEAD.pack(kind, length - whole), payload[whole:]]
    return b"".join(parts)


class Decoder:
    """Turns the bytes of one link into frames, however they are cut.

    It keeps one unfinished frame and the pieces before it, and no more. After `LinkLost` it must
    not be fed again.

    Attributes:
        piece: most bytes of a frame's payload. It is less until the other end is proven.
        fresh: the next byte is the first of a frame that is in no pieces.
    """

    def __init__(self, *, longest: int, piece: int = PIECE) -> None:
        """Start at a frame's first byte.

        Args:
            longest: most bytes of a payload in pieces.
            piece: most bytes of a frame's payload.
        """
        self.piece: int = piece
        self.fresh: bool = True
        self._longest = longest
        self._rest = bytearray()
        self._wanted = 0  # bytes, without which the frame in `_rest` is not whole
        self._pieces: list[bytes] = []

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next bytes, and return the frames that are whole now, in order.

        Raises:
            LinkLost: these bytes are no frames, or too long. The frames before are lost, too.
        """
        if self._rest:
            self._rest += data
            if len(self._rest) < self._wanted:
                return []
            data = bytes(self._rest)
            self._rest.clear()
        frames: list[Frame] = []
        append, unpack, size, most = frames.append, HEAD.unpack_from, HEAD.size, self.piece
        start, end = 0, len(data)
        self._wanted = size
        while start + size <= end:
            kind, length = unpack(data, start)
            if length > most:
                raise LinkLost(f"a frame of {length} bytes is over the bound of {most}")
            stop = start + size + length
            if stop > end:
                self._wanted = stop - start
                break
            payload = data[start + size : stop]
            start = stop
            if kind == MORE:
                self._keep(payload)
                continue
            if self._pieces:
                payload = self._joined(payload)
            append((kind, payload))
        if start < end:
            self._rest += data[start:] if start else data
        self.fresh = start == end and not self._pieces
        return frames

    def _keep(self, piece: bytes) -> None:
        if len(piece) != PIECE:
            raise LinkLost(f"a piece has {PIECE} bytes, this one has {len(piece)}")
        if (len(self._pieces) + 1) * PIECE > self._longest:
            raise LinkLost(f"a frame in pieces is over the bound of {self._longest} bytes")
        self._pieces.append(piece)

    def _joined(self, last: bytes) -> bytes:
        payload = b"".join([*self._pieces, last])
        self._pieces.clear()
        if len(payload) > self._longest:
            raise LinkLost(f"a frame in pieces is over the bound of {self._longest} bytes")
        return payload
