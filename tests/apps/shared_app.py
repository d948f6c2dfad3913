"""Handlers whose sessions several processes share; each names its runs in the log."""

from __future__ import annotations

import asyncio
import logging
from enum import StrEnum
from typing import Any, cast
from uuid import UUID

from byway import Channel, Endpoint, FallbackMiddleware, ServerLimits
from byway.server.endpoint import ServerChannel
from tests.apps.handlers import query
from tests.apps.starlette_app import plain

logger = logging.getLogger("tests.app")

QUICK = ServerLimits(heartbeat=1.0, drain_timeout=2.0)


async def handler(channel: Channel) -> None:
    """Do what the path says."""
    scope = cast(ServerChannel, channel).scope
    path, asked = scope["path"], query(scope)
    logger.info("a run of %s", path)
    if path == "/refuse":
        await asyncio.sleep(float(asked["after"]))
        await cast(ServerChannel, channel).refuse(403, [(b"x-why", b"no")], b"not you")
        return
    if path == "/login" and b"authorization" not in dict(scope["headers"]):
        await cast(ServerChannel, channel).refuse(401, [(b"www-authenticate", b"Basic")], b"who?")
        return
    await channel.accept()
    if path == "/count":
        for number in range(int(asked["count"])):
            await channel.send(f"number {number}")
        await channel.receive()
        return
    async for message in channel:
        await channel.send(message)
    logger.info("a run of %s ended", path)


class Role(StrEnum):
    """What no other process can be told."""

    ADMIN = "admin"


def bind(scope: dict[str, Any]) -> object:
    """Say whose a call is, by a header."""
    name = dict(scope["headers"]).get(b"x-user", b"").decode()
    return {
        "role": Role.ADMIN,
        "uuid": UUID(int=7),
        "many": (1, 2.5, b"x", None, True, ("in",), 1 << 70, UUID(int=9)),
    }.get(name, name)


app = Endpoint(handler, limits=QUICK)
bound = Endpoint(handler, bind=bind, limits=QUICK)
elsewhere = Endpoint(handler, name="another", limits=QUICK)
pages = FallbackMiddleware(plain, origins=["https://app.example"], readers=["/info"])


async def one_on_two(channel: Channel) -> None:
    """Send back what comes."""
    await handler(channel)


_one = Endpoint(one_on_two)
_two = Endpoint(one_on_two)


async def twins(scope: Any, receive: Any, send: Any) -> None:
    """Serve two endpoints that nobody can tell apart."""
    await (_two if scope.get("path") == "/two" else _one)(scope, receive, send)
