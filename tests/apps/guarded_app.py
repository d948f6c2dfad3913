"""An echo whose processes share sessions through a Redis with all that can be set up about it."""

from __future__ import annotations

import os
import ssl

from byway import Channel, Endpoint
from byway.backplane.redis import RedisBackplane


def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the settings of links within TLS, of both ends."""
    door = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    door.load_cert_chain(os.environ["PAIR"])
    return door, ssl.create_default_context(cafile=os.environ["AUTHORITY"])


async def echo(channel: Channel) -> None:
    """Send back what is said."""
    await channel.accept()
    async for message in channel:
        await channel.send(message)


app = Endpoint(
    echo,
    backplane=RedisBackplane(
        os.environ["REDIS_URL"],
        namespace="guarded",
        secret=os.environ["SECRET"],
        tls=contexts(),
    ),
)
