"""An application with event streams of its own, served with sse-starlette beside byway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from byway import FallbackMiddleware


async def events(_request: Request) -> EventSourceResponse:
    """Send one event and then nothing."""

    async def produce() -> AsyncIterator[str]:
        yield "first"
        await asyncio.Event().wait()

    return EventSourceResponse(produce())


app = FallbackMiddleware(Starlette(routes=[Route("/events", events)]))
