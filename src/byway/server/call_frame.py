"""What travels of a call: its scope and its user, as JSON between two processes.

Knows: which parts of an ASGI scope another process needs, and which users can be sent to it.
Must not know: links, sessions, what is done with a call.
"""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Hashable
from typing import Any, Final
from uuid import UUID

from byway.errors import PeerError
from byway.transports.base import Scope

logger: logging.Logger = logging.getLogger("byway.server")

VERSION: Final = 1
"""Version of what is in a CALL."""

MAX_CALL: Final = 64 * 1024
"""Most bytes of a CALL: a longer one gets 431."""

MAX_DEPTH: Final = 8
"""Most tuples inside of one another that a user may be."""

TRAVELS: Final = "str, bytes, int, float, bool, None, UUID, and tuples of these"

_DENIAL: Final = "websocket.http.response"
_TEXTS: Final = ("type", "scheme", "method", "path", "http_version", "root_path")


class _Stays(Exception):
    """A user of a type that cannot be sent."""


def check_user(user: Hashable) -> None:
    """See that another process could be told whose a session is.

    Raises:
        PeerError: 500, if `bind` says what cannot be sent; the log says what can.
    """
    if user is not None:
        pack_user(user)


def pack_user(user: Hashable) -> object:
    """Return a user as what JSON can hold.

    Only exact types are taken: a subclass, such as a StrEnum, would come back as another type, and
    every later request be refused.

    Raises:
        PeerError: 500, if it is of another type.
    """
    try:
        return _pack(user, 0)
    except _Stays:
        logger.error(
            "bind returned a %s, which cannot be sent to another process: return %s",
            type(user).__name__,
            TRAVELS,
        )
        raise PeerError(
            "this server cannot tell which user made this request; its log says why", status=500
        ) from None


def _pack(user: Hashable, depth: int) -> object:
    kind = type(user)
    if user is None or kind is bool or kind is str:
        return user
    if isinstance(user, int) and kind is int:
        return {"i": hex(user)}
    if isinstance(user, float) and kind is float:
        return {"f": user.hex()}
    if isinstance(user, bytes) and kind is bytes:
        return {"b": base64.b64encode(user).decode()}
    if isinstance(user, UUID) and kind is UUID:
        return {"u": user.hex}
    if isinstance(user, tuple) and kind is tuple and depth < MAX_DEPTH:
        return [_pack(one, depth + 1) for one in user]
    raise _Stays


def unpack_user(packed: Any) -> Hashable:
    """Return the user that `pack_user` has packed.

    Raises:
        ValueError: nothing that it makes.
    """
    if isinstance(packed, list):
        return tuple(unpack_user(one) for one in packed)
    if not isinstance(packed, dict):
        if packed is None or isinstance(packed, (str, bool)):
            return packed
        raise ValueError(f"no user can be a {type(packed).__name__}")
    ((kind, value),) = packed.items()
    if kind == "i":
        return int(value, 16)
    if kind == "f":
        return float.fromhex(value)
    if kind == "b":
        return base64.b64decode(value, validate=True)
    if kind == "u":
        return UUID(hex=value)
    raise ValueError(f"no user can be a {kind!r}")


def pack_call(scope: Scope, place: str, user: object, moves: str | None) -> bytes:
    """Return what a CALL says.

    Args:
        scope: the ASGI scope, as its origin was judged.
        place: the endpoint that it is for.
        user: what `pack_user` has made.
        moves: why the page that makes the call may open no session by it, and may only go on
            with one that the same origin has opened; None where it is like any other.

    Raises:
        PeerError: 431, if that is too much.
    """
    told: dict[str, Any] = {
        "v": VERSION,
        "place": place,
        "scope": {name: scope[name] for name in _TEXTS if name in scope},
        "query": scope.get("query_string", b"").decode("latin-1"),
        "headers": [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
        ],
        "client": scope.get("client"),
        "server": scope.get("server"),
        "user": user,
    }
    if "raw_path" in scope and scope["raw_path"] is not None:
        told["raw_path"] = scope["raw_path"].decode("latin-1")
    if scope["type"] == "websocket":
        told["subprotocols"] = list(scope.get("subprotocols", ()))
        told["denial"] = _DENIAL in (scope.get("extensions") or {})
    if moves is not None:
        told["moves"] = moves
    payload = json.dumps(told, separators=(",", ":")).encode()
    if len(payload) > MAX_CALL:
        raise PeerError(f"the request head is longer than {MAX_CALL} bytes", status=431)
    return payload


def unpack_call(payload: bytes) -> dict[str, Any]:
    """Return what a CALL says, with the ASGI scope made whole under `scope`.

    Raises:
        ValueError: it is not a CALL of this version.
    """
    told = json.loads(payload)
    if not isinstance(told, dict) or told.get("v") != VERSION:
        raise ValueError("a CALL of another version")
    scope: dict[str, Any] = told["scope"]
    scope["asgi"] = {"version": "3.0", "spec_version": "2.5"}
    scope["query_string"] = told["query"].encode("latin-1")
    scope["headers"] = [
        (name.encode("latin-1"), value.encode("latin-1")) for name, value in told["headers"]
    ]
    for name in ("client", "server"):
        scope[name] = None if told[name] is None else tuple(told[name])
    if "raw_path" in told:
        scope["raw_path"] = told["raw_path"].encode("latin-1")
    if scope["type"] == "websocket":
        scope["subprotocols"] = told["subprotocols"]
    scope["extensions"] = {_DENIAL: {}} if told.get("denial") else {}
    return told
