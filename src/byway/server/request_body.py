"""The body of a request of the protocol: HELLO and frames, and what has to stand before it.

Knows: the headers, and what a body of the protocol looks like.
Must not know: sessions, responses.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from byway.errors import FrameError, PeerError
from byway.frames import HEADER, HELLO, Decoder, Frame, decode_all
from byway.handshake import CONTENT_TYPE, Hello
from byway.limits import ServerLimits
from byway.server.bodies import ClientLeft, too_long
from byway.transports.base import Receive

_CONTENT_TYPE: Final = CONTENT_TYPE.encode()


def check_head(
    method: str, values: Mapping[bytes, bytes], limits: ServerLimits, *, mark: bytes = b"1"
) -> None:
    """Check what stands before the body.

    Args:
        method: the method.
        values: the headers by name.
        limits: bounds.
        mark: what the header `Byway` has to say.

    Raises:
        PeerError: 405, 415 or 413.
    """
    if method != "POST":
        raise PeerError(f"byway's requests use POST, not {method[:20]}", status=405)
    if values.get(b"byway", b"").strip() != mark:
        # Without it a foreign page could send the request with no preflight.
        raise PeerError("the request header Byway: 1 is missing")
    kind = values.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if kind != _CONTENT_TYPE:
        raise PeerError(f"the content type must be {CONTENT_TYPE}", status=415)
    length = values.get(b"content-length", b"")
    # int() refuses thousands of digits with an error of its own.
    if length.isdigit() and (len(length) > 18 or int(length) > limits.body):
        raise PeerError(too_long(limits), status=413)


async def read_beginning(
    receive: Receive, decoder: Decoder, limits: ServerLimits
) -> tuple[Hello, list[Frame], bool, bytes]:
    """Read a body that has no end up to its HELLO.

    Returns:
        HELLO, the frames that came with it, whether there is more to come, and the bytes read.

    Raises:
        FrameError: the first frame is not HELLO.
        PeerError: 408, if it takes too long.
        ClientLeft: the client left, or the body ended.
    """
    frames: list[Frame] = []
    more, read = True, bytearray()
    try:
        async with asyncio.timeout(limits.body_timeout):
            while not frames:
                event = await receive()
                if event["type"] == "http.disconnect":
                    raise ClientLeft
                piece = event.get("body", b"")
                read += piece
                frames = decoder.feed(piece)
                more = event.get("more_body", False)
                if not more:
                    break
    except TimeoutError:
        raise PeerError(
            f"the request body did not begin within {limits.body_timeout:g} s", status=408
        ) from None
    if not frames or frames[0][0] != HELLO:
        raise FrameError("the first frame of a body must be HELLO")
    hello = Hello.parse(frames[0][1], max_size=limits.hello)
    return hello, frames[1:], more, bytes(read)


def parse_hello(body: bytes, limits: ServerLimits) -> tuple[Hello, int]:
    """Decode the HELLO with which a body begins.

    Returns:
        HELLO, and where the frames behind it begin.

    Raises:
        FrameError: the body does not begin with a whole HELLO, or it is wrong.
    """
    size = HEADER.size
    if len(body) < size:
        raise FrameError("the first frame of a body must be HELLO")
    kind, length = HEADER.unpack_from(body)
    end = size + length
    if length > limits.max_frame:
        raise FrameError(
            f"a frame of {length} bytes is over the bound of {limits.max_frame}", status=413
        )
    if kind != HELLO:
        raise FrameError("the first frame of a body must be HELLO")
    if end > len(body):
        raise FrameError("the body ends inside a frame")
    return Hello.parse(body[size:end], max_size=limits.hello), end


def frames_behind(body: bytes, start: int, limits: ServerLimits) -> list[Frame]:
    """Decode the frames behind HELLO.

    Raises:
        FrameError: they are no whole number of frames.
    """
    return decode_all(body[start:], max_frame=limits.max_frame)
