"""One application object, served by one server after another, as test suites do."""

from __future__ import annotations

import byway
from byway.server.application import Application
from byway.transports.base import Event, Scope


async def cycle(app: Application) -> list[str]:
    """Send an application through one lifespan."""
    events: list[Event] = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent: list[str] = []

    async def receive() -> Event:
        return events.pop(0)

    async def send(event: Event) -> None:
        sent.append(event["type"])

    scope: Scope = {"type": "lifespan", "asgi": {"version": "3.0"}}
    await app(scope, receive, send)
    return sent


async def test_an_application_that_was_drained_serves_again_after_its_next_startup() -> None:
    async def handler(channel: byway.Channel) -> None:
        await channel.accept()

    app = byway.Endpoint(handler)
    for _ in range(2):
        assert await cycle(app) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
        assert app._admission.registry.draining
    started: list[bool] = []

    async def observed(scope: Scope, receive: object, send: object) -> None:
        started.append(app._admission.registry.draining)

    app.app = observed
    await cycle(app)
    assert started == [False]
