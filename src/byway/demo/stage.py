"""The stage of the demonstration's page: its site, the network before it, and the controls.

Knows: which stands before which, and where each listens.
Must not know: the terminal, browsers.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from byway.demo.controls import Controls, ControlsApp
from byway.demo.processes import free_port
from byway.demo.serving import listener, port_of, serving
from byway.demo.site import Settings, Site
from byway.errors import UsageError
from byway.testing import Network


@dataclass(frozen=True, slots=True)
class Stage:
    """What stands.

    Attributes:
        url: of the page, through the network.
        settings: what the page is told.
        paths: of all that the page loads.
    """

    url: str
    settings: Settings
    paths: tuple[str, ...]


@asynccontextmanager
async def stage(port: int, transports: Iterable[str]) -> AsyncIterator[Stage]:
    """Serve the page while the block runs.

    Args:
        port: where browsers reach it; 0 for one that the system chooses.
        transports: those that its socket may use.

    Raises:
        UsageError: the port is taken.
    """
    async with AsyncExitStack() as stack:
        origin = stack.enter_context(listener())
        side = stack.enter_context(listener())
        settings = Settings(
            port=port or free_port(),
            controls=f"http://127.0.0.1:{port_of(side)}",
            token=secrets.token_urlsafe(24),
            transports=tuple(transports),
        )
        site = Site(settings)
        # Nothing else should be reachable through this port than the page.
        network = Network(port_of(origin), port=settings.port, forward=False)
        controls = Controls(network)
        await stack.enter_async_context(serving(site, origin))
        await stack.enter_async_context(
            serving(ControlsApp(controls, settings.token, settings.origins), side)
        )
        # Last in, first out: with their connections gone, the servers have nothing to wait for.
        try:
            await stack.enter_async_context(network)
        except OSError as error:
            raise UsageError(
                f"port {port} cannot be listened on ({error.strerror or error}): "
                "name another with --port, or 0 for any"
            ) from None
        stack.callback(controls.stop)
        yield Stage(network.url, settings, tuple(site.paths))
