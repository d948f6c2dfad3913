"""A handler whose headers HTTP/2 forbids, or no head holds, on a Hypercorn that mends nothing.

The library h2 takes forbidden headers out of what it is given. Here it is told not to, so that what
byway hands to the server is what travels.
"""

from __future__ import annotations

from functools import partial
from typing import cast

import h2.config

from byway import Channel, Endpoint
from byway.server.endpoint import ServerChannel

FORBIDDEN = [
    (b"Connection", b"keep-alive, x-hop"),
    (b"Keep-Alive", b"timeout=5"),
    (b"Proxy-Connection", b"keep-alive"),
    (b"TE", b"gzip"),
    (b"Transfer-Encoding", b"chunked"),
    (b"Upgrade", b"websocket"),
]

h2.config.H2Configuration = partial(  # type: ignore[assignment,misc]
    h2.config.H2Configuration, normalize_outbound_headers=False, validate_outbound_headers=False
)


async def handler(channel: Channel) -> None:
    """Accept or refuse with headers that are the server's, and echo."""
    headers = [*FORBIDDEN, (b"x-answer", b"from the handler")]
    if cast(ServerChannel, channel).scope["path"] == "/refuse":
        await channel.refuse(403, headers, b"no")
        return
    if cast(ServerChannel, channel).scope["path"] == "/cookies":
        headers += [(b"set-cookie", b"c%d=%s" % (one, b"x" * 4_000)) for one in range(3)]
        headers.append((b"set-cookie", b"small=1"))
    await channel.accept(headers=headers)
    async for message in channel:
        await channel.send(message)
        if message == "last":
            return


async def news(channel: Channel) -> None:
    """Accept with such headers, say one thing and leave."""
    await channel.accept(headers=FORBIDDEN)
    await channel.send("news")


_echo = Endpoint(handler, origins=["https://app.example"])
_news = Endpoint(news)


async def app(scope: dict[str, object], receive: object, send: object) -> None:
    """Serve both."""
    one = _news if scope.get("path") == "/news" else _echo
    await one(scope, receive, send)  # type: ignore[arg-type]
