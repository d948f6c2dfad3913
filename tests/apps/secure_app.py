"""Endpoints for tests of security: sessions tied to a user, origins by a callable, small bounds."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from http.cookies import SimpleCookie
from typing import Any, cast

from byway import Channel, Endpoint, FallbackMiddleware, ServerLimits
from byway.server.endpoint import ServerChannel
from tests.apps.endpoint_app import handler
from tests.apps.limits import KIB, SMALL
from tests.apps.readers_app import handler as reader_handler
from tests.apps.starlette_app import plain


def user_of(scope: Any) -> Hashable:
    """Return the user that a cookie names; `nobody` is one who may do nothing."""
    header = dict(scope["headers"]).get(b"cookie", b"").decode()
    morsel = SimpleCookie(header).get("user")
    if morsel is not None and morsel.value == "nobody":
        raise PermissionError("nobody may do nothing")
    return morsel.value if morsel is not None else None


async def user_of_later(scope: Any) -> Hashable:
    """Do the same, as one that asks a database would."""
    return user_of(scope)


async def friends(origin: str, scope: Any) -> bool:
    """Allow one page, and only at one path."""
    return origin == "https://friend.example" and scope["path"] == "/echo"


HEADERS: dict[str, list[tuple[bytes, bytes]]] = {
    "line-break": [(b"x-answer", b"a\r\nset-cookie: admin=1")],
    "line-feed": [(b"x-answer", b"a\nset-cookie: admin=1")],
    "nul": [(b"x-answer", b"a\0b")],
    "name": [(b"x-answer: a\r\nset-cookie", b"admin=1")],
    "colon": [(b"x-answer:", b"a")],
    "empty": [(b"", b"a")],
    "long": [(b"x-answer", b"a" * 17 * KIB)],
    "status": [],
    "fine": [(b"x-answer", b"a\tb")],
}


async def answering(channel: Channel) -> None:
    """Accept or refuse with headers that a careless application took from its client."""
    one = cast(ServerChannel, channel)
    _, _, how, which = one.scope["path"].split("/")
    if how == "accept":
        await one.accept(headers=HEADERS[which])
    else:
        await one.refuse(418, HEADERS[which], bytes(100 * KIB))


async def routed(channel: Channel) -> None:
    """Do what the path says."""
    path = cast(ServerChannel, channel).scope["path"]
    if path.startswith("/answer/"):
        await answering(channel)
    elif path in ("/count", "/finite"):
        await reader_handler(channel)
    else:
        await handler(channel)


bound = Endpoint(routed, bind=user_of)
bound_later = FallbackMiddleware(plain, bind=user_of_later, readers=["/info"])
checked = Endpoint(handler, origins=friends)
answers = Endpoint(routed)
shared = Endpoint(handler, limits=replace(SMALL, sessions=8, sessions_per_address=2))
crowded = Endpoint(handler, limits=replace(SMALL, bodies=64 * KIB, body_timeout=30.0))
full = Endpoint(handler, limits=ServerLimits(sessions=50, body_timeout=1.0))
