"""A GraphQL server with Strawberry, behind byway's middleware.

Knows: a query and a subscription.
Must not know: which client asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import strawberry
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from strawberry.asgi import GraphQL

from byway import FallbackMiddleware
from tests.browser.libraries.site import routes

_running: set[object] = set()


@strawberry.type
class Query:
    """What can be asked."""

    @strawberry.field
    def running(self) -> int:
        """Say how many subscriptions there are now."""
        return len(_running)


@strawberry.type
class Subscription:
    """What can be subscribed to."""

    @strawberry.subscription
    async def count(self, upto: int, pause: float = 0.0) -> AsyncGenerator[int, None]:
        """Count from 0, with seconds of pause between."""
        me = object()
        _running.add(me)
        try:
            for number in range(upto):
                yield number
                await asyncio.sleep(pause)
        finally:
            _running.remove(me)


schema = strawberry.Schema(query=Query, subscription=Subscription)
application = Starlette(
    routes=[WebSocketRoute("/graphql", GraphQL(schema)), *routes("graphql.html", "graphql-ws")]
)
app = FallbackMiddleware(application)
