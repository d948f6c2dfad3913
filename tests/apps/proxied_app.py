"""What stands behind the real proxies: pages, numbered messages, an echo, and bareASGI's example.

Knows: which path leads to which of the other applications.
Must not know: which proxies stand before it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, cast

from byway import Channel, Endpoint, FallbackMiddleware, ServerLimits
from byway.server.endpoint import ServerChannel
from byway.transports.base import Receive, Scope, Send
from examples.bareasgi_websocket import app as example
from tests.apps import browser_app, counted_app, numbered_app

App = Callable[[Scope, Receive, Send], Awaitable[None]]

LIMITS: Final = ServerLimits(probes=1_000, probes_per_address=1_000)
"""The defaults, but that the doctor may come as often as it likes."""


async def echo(channel: Channel) -> None:
    """Send back what comes."""
    await channel.accept()
    async for message in channel:
        await channel.send(message)


async def version(channel: Channel) -> None:
    """Say over which version of HTTP the origin was asked."""
    scope = cast(ServerChannel, channel).scope
    await channel.accept()
    await channel.send(f"HTTP/{scope['http_version']}")
    await channel.receive()


_APPS: Final[dict[str, App]] = {
    "counted": Endpoint(counted_app.handler, limits=LIMITS),
    "echo": Endpoint(echo, limits=LIMITS),
    "numbered": Endpoint(numbered_app.handler, limits=LIMITS),
    "quiet": Endpoint(echo, name="quiet", limits=LIMITS, origins=lambda origin, scope: True),
    "version": Endpoint(version, limits=LIMITS),
    "websocket_handler": example,
}

_pages = FallbackMiddleware(browser_app.plain, limits=LIMITS)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve each application below its name, and the pages elsewhere."""
    name = "" if scope["type"] == "lifespan" else scope["path"].split("/")[1]
    await _APPS.get(name, _pages)(scope, receive, send)
