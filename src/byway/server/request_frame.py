"""What travels of a request that belongs to an open session: all of it in one frame.

Knows: HELLO's fields, and what the owner has to know beside them: which endpoint, whose request.
Must not know: links, sessions, what is done with a request.

The relay has read the head of the request, judged its origin and checked HELLO. So none of that
travels: the owner gets the fields, as numbers where they are numbers, and the frames behind HELLO.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from byway.frames import HEADER
from byway.handshake import ACK_ANSWER, TEXT_FORM, Hello
from byway.server.call_frame import unpack_user
from byway.server.relay_call import ALONG

POLL: Final = "poll"

MAX_WHOSE: Final = 8 * 1024
"""Most bytes that say whose a request is, in one frame; with more it travels as a CALL."""

_ANSWERS: Final = (ACK_ANSWER, POLL)
_TEXT: Final = 2  # a flag beside the place in `_ANSWERS`
_FIXED: Final = struct.Struct("!BBBHIQIQ")
_REMEMBERED: Final = 1024  # bytes of whose request it is, up to which that is kept


@dataclass(frozen=True, slots=True)
class RequestFrame:
    """A request, as the owner gets it.

    Attributes:
        place: the endpoint that it is for.
        user: whose it is.
        hello: what the client said.
        frames: the frames behind HELLO, encoded.
    """

    place: str
    user: Hashable = field(repr=False)
    hello: Hello
    frames: bytes


def fits(hello: Hello, whose: bytes, body: bytes) -> bool:
    """Say whether a request may travel so: it has one response, opens nothing and is short."""
    short = len(body) <= ALONG and len(whose) <= MAX_WHOSE
    return short and hello.answer in _ANSWERS and hello.instance is not None


def pack_whose(place: str, user: object) -> bytes:
    """Return which endpoint a request is for and whose it is, which many have in common.

    Args:
        place: the endpoint.
        user: what `pack_user` has made.
    """
    return _nobodys(place) if user is None else _packed(place, user)


def _packed(place: str, user: object) -> bytes:
    return json.dumps([place, user], separators=(",", ":")).encode()


@lru_cache(maxsize=256)
def _nobodys(place: str) -> bytes:
    return _packed(place, None)


def pack_request(whose: bytes, hello: Hello, body: bytes) -> bytes:
    """Return the payload of REQUEST, for a request that `fits`.

    Args:
        whose: what `pack_whose` has made.
        hello: what the client said.
        body: the whole body, HELLO first.
    """
    assert hello.instance is not None
    instance, key = hello.instance.encode(), hello.key.encode()
    flags = _ANSWERS.index(hello.answer) | (_TEXT if hello.text else 0)
    fixed = _FIXED.pack(
        flags,
        len(instance),
        len(key),
        len(whose),
        hello.carrier,
        hello.received,
        hello.room,
        hello.poll,
    )
    behind = HEADER.size + HEADER.unpack_from(body)[1]
    return b"".join((fixed, whose, instance, key, body[behind:]))


def unpack_request(payload: bytes) -> RequestFrame:
    """Return what `pack_request` has packed.

    Raises:
        ValueError: nothing that it makes.
    """
    try:
        flags, instances, keys, heads, carrier, received, room, poll = _FIXED.unpack_from(payload)
    except struct.error as error:
        raise ValueError("a REQUEST without its beginning") from error
    start = _FIXED.size
    run = start + heads
    key = run + instances
    end = key + keys
    if flags > 3 or not instances or end > len(payload):
        raise ValueError("a REQUEST with wrong lengths")
    whose = payload[start:run]
    place, user = _whose(whose) if heads > _REMEMBERED else _remembered(whose)
    hello = Hello(
        key=payload[key:end].decode("ascii"),
        carrier=carrier,
        received=received,
        room=room,
        instance=payload[run:key].decode("ascii"),
        answer=_ANSWERS[flags & 1],
        poll=poll,
        form=TEXT_FORM if flags & _TEXT else "",
    )
    return RequestFrame(place, user, hello, payload[end:])


def _whose(packed: bytes) -> tuple[str, Hashable]:
    try:
        place, user = json.loads(packed)
        if not isinstance(place, str):
            raise TypeError(f"no endpoint is called {place!r}")
        return place, unpack_user(user)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("a REQUEST without a session") from error


_remembered = lru_cache(maxsize=256)(_whose)
