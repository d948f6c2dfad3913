"""Event streams: frames to server-sent events and back (WHATWG HTML, section 9.2).

Knows: the lines of an event stream, and how frames stand in them.
Must not know: HTTP, sessions.

A text without a carriage return is a plain event, so that an event stream can be read by eye;
everything else travels as base64 of frames in an event named `frames`. An event stream takes any
of CR, LF and CRLF for the end of a line, so a carriage return cannot stand in one.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable
from typing import Final

from byway.errors import FrameError
from byway.frames import TEXT, Frame, decode_all
from byway.session import Outgoing, Output, joined

FRAMES_EVENT: Final = b"frames"
_GROUP: Final = 17 * 1024
"""Bytes of frames in an event, but for a single frame that is longer. An event counts when it is
complete: on a path that cuts answers after 64 KB, longer ones would hardly ever be."""
_LINE_END: Final = re.compile(rb"\r\n|\r|\n")


def encode_events(frames: Iterable[Output]) -> bytes:
    """Return the events for these frames, which are in the order of the wire."""
    events: list[bytes] = []
    group: list[Output] = []
    size = 0
    for frame in frames:
        # The fragment that closes a text may begin inside a character, so it is no plain event.
        if isinstance(frame, Outgoing) and frame.kind == TEXT and frame.message is None:
            payload = bytes(frame.payload())
            if b"\r" not in payload:
                if group:
                    events.append(_frames_event(group))
                    group, size = [], 0
                events.append(text_event(payload))
                continue
        if group and size + len(frame) > _GROUP:
            events.append(_frames_event(group))
            group, size = [], 0
        group.append(frame)
        size += len(frame)
    if group:
        events.append(_frames_event(group))
    return b"".join(events)


def text_event(payload: bytes) -> bytes:
    """Encode UTF-8 without a carriage return as a plain event."""
    return text_lines(payload) + b"\n"


def text_lines(payload: bytes) -> bytes:
    """Encode UTF-8 without a carriage return as the lines of an event that has not ended yet."""
    return b"data: " + payload.replace(b"\n", b"\ndata: ") + b"\n"


def _frames_event(group: list[Output]) -> bytes:
    data = binascii.b2a_base64(joined(group), newline=False)
    return b"event: %b\ndata: %b\n\n" % (FRAMES_EVENT, data)


class EventDecoder:
    """Turns the bytes of an event stream into frames, however they are cut into pieces.

    It keeps at most one unfinished event, bounded by `max_event` bytes. Comments, and fields
    other than `event` and `data`, are passed over.
    """

    def __init__(self, *, max_frame: int) -> None:
        """Start at the stream's first byte.

        Args:
            max_frame: longest payload of a frame, in bytes.
        """
        self._max_frame = max_frame
        self._max_event = 4 * (max_frame + _GROUP)
        self._rest = b""
        self._after_cr = False
        self._began = False
        self._event = b""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[Frame]:
        """Take the next bytes and return the frames of the events that are now whole.

        Raises:
            FrameError: an event is over the bound, or does not hold frames.
        """
        if not chunk:
            return []
        if self._after_cr and chunk[0] == 0x0A:
            chunk = chunk[1:]  # the second half of a CRLF that was cut
        self._after_cr = chunk.endswith(b"\r")
        data = self._rest + chunk
        if not self._began:
            if len(data) < 3 and b"\xef\xbb\xbf".startswith(data):
                self._rest = data
                return []
            self._began = True
            data = data.removeprefix(b"\xef\xbb\xbf")  # a byte order mark
        lines = _LINE_END.split(data) if b"\r" in data else data.split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) + self._size > self._max_event:
            raise FrameError(f"an event is over the bound of {self._max_event} bytes", status=413)
        frames: list[Frame] = []
        for line in lines:
            if not line:
                self._dispatch(frames)
            elif line.startswith(b"data: "):
                self._append(line[6:])
            else:
                name, _, value = line.partition(b":")
                value = value.removeprefix(b" ")
                if name == b"data":
                    self._append(value)
                elif name == b"event":
                    self._event = value
        return frames

    def _append(self, value: bytes) -> None:
        self._data.append(value)
        self._size += len(value) + 1
        if self._size > self._max_event:
            raise FrameError(f"an event is over the bound of {self._max_event} bytes", status=413)

    def _dispatch(self, frames: list[Frame]) -> None:
        data, self._data = self._data, []
        event, self._event = self._event, b""
        self._size = 0
        if not data:
            return  # an event without data is none
        payload = data[0] if len(data) == 1 else b"\n".join(data)
        if event in (b"", b"message"):
            if len(payload) > self._max_frame:
                raise FrameError(
                    f"a text of {len(payload)} bytes is over the bound of "
                    f"{self._max_frame} for one frame",
                    status=413,
                )
            frames.append((TEXT, payload))
        elif event == FRAMES_EVENT:
            try:
                wire = binascii.a2b_base64(payload, strict_mode=True)
            except binascii.Error:
                raise FrameError("an event of frames is not base64") from None
            frames += decode_all(wire, max_frame=self._max_frame)
