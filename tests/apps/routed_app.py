"""Endpoints in each kind of route that Starlette has."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute

from byway import Channel, Endpoint


async def echo(channel: Channel) -> None:
    """Send back what comes."""
    await channel.accept()
    while (message := await channel.receive()) is not None:
        await channel.send(message)


both = Endpoint(echo, name="both")

routes: list[BaseRoute] = [
    Route("/route", Endpoint(echo, name="route")),
    Route("/both", both),
    WebSocketRoute("/both", both),
    Mount("/mount", Endpoint(echo, name="mount")),
]
app = Starlette(routes=routes)
