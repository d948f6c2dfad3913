"""The contract suite's application as one handler for an `Endpoint`."""

from __future__ import annotations

import json
import logging
from typing import cast

from byway import Channel, Endpoint, ServerLimits
from byway.server.endpoint import ServerChannel
from tests.apps.handlers import HANDLERS, query
from tests.apps.limits import IMPATIENT, QUICK

logger = logging.getLogger("tests.app")


async def closing(channel: ServerChannel) -> None:
    """Close with a code and a reason."""
    asked = query(channel.scope)
    await channel.accept()
    await channel.receive()
    await channel.close(int(asked["code"]), asked["reason"])


_crossing: dict[str, ServerChannel] = {}


async def crossing(channel: ServerChannel) -> None:
    """Wait until another client asks `cross` to close it."""
    await channel.accept()
    _crossing[query(channel.scope)["id"]] = channel
    await channel.send("waiting")
    async for _ in channel:
        pass


async def cross(channel: ServerChannel) -> None:
    """Close the channel of `crossing` with the code and reason asked for, and say so."""
    asked = query(channel.scope)
    await channel.accept()
    await _crossing.pop(asked["id"]).close(int(asked["code"]), asked["reason"])
    await channel.send("closed")


async def deny(channel: ServerChannel) -> None:
    """Refuse with an answer of its own."""
    headers = [(b"retry-after", b"7"), (b"content-type", b"text/plain")]
    await channel.refuse(429, headers, b"come back later")


async def cookies(channel: ServerChannel) -> None:
    """Set a cookie, say which came, and close at the first message as a server that restarts."""
    came = [value.decode() for name, value in channel.scope["headers"] if name == b"cookie"]
    await channel.accept(None, [(b"set-cookie", b"way=s1; Path=/")])
    await channel.send(json.dumps(came))
    await channel.receive()
    await channel.close(1012)


async def ending(channel: ServerChannel) -> None:
    """Name in the log how the client leaves."""
    name = query(channel.scope)["id"]
    await channel.accept()
    logger.info("%s began", name)
    count = 0
    last: object = None
    async for message in channel:
        count, last = count + 1, message
    logger.info("%s got %d messages, the last %r", name, count, last)
    logger.info("%s ended with %s, reason %r", name, channel.code, channel.reason)


async def handler(channel: Channel) -> None:
    """Do what the path says; an endpoint has no router, so parameters are taken from it here."""
    one = cast(ServerChannel, channel)
    name, *rest = one.scope["path"].lstrip("/").split("/")
    if name == "closing":
        await closing(one)
    elif name == "crossing":
        await crossing(one)
    elif name == "cross":
        await cross(one)
    elif name == "cookies":
        await cookies(one)
    elif name == "deny":
        await deny(one)
    elif name == "ending":
        await ending(one)
    else:
        params = {"name": rest[0], "number": int(rest[1])} if len(rest) == 2 else {}
        await HANDLERS[name](one, one.scope, params)


app = Endpoint(handler)
sockets = Endpoint(handler, transports="websocket")
quick = Endpoint(handler, limits=QUICK)
brief = Endpoint(handler, limits=ServerLimits(heartbeat=1.0, window=12.0))
impatient = Endpoint(handler, limits=IMPATIENT)
