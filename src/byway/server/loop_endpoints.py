"""Loop endpoints: what the endpoints of one event loop share, their backplane and its calls.

Knows: backplanes, and which endpoint is meant by a name.
Must not know: sessions, transports, what is in a call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Protocol
from weakref import WeakKeyDictionary, WeakValueDictionary, ref

from byway.backplane import Backplane, Link
from byway.backplane.choice import BackplaneSpec, choose, resolve
from byway.errors import UsageError
from byway.limits import ServerLimits
from byway.server.process import process_name


class RelayTarget(Protocol):
    """An endpoint, as the calls of other processes see it."""

    async def serve_relayed(self, handed: Any, told: dict[str, Any]) -> None:
        """Serve a `byway.server.owner_call.OwnedCall`."""

    def serve_request(self, link: Link, request: Any) -> Coroutine[Any, Any, None] | None:
        """Serve a `byway.server.request_frame.RequestFrame`."""


class LoopEndpoints:
    """The endpoints of one event loop by name, and the backplane that they share.

    Attributes:
        backplane: shared by all its endpoints.
        loop: returns the event loop that it belongs to; None once that is gone.
        ready: whether the backplane has been started.
        spec: what was given for it; kept, so that no other has its id.
    """

    def __init__(self, backplane: Backplane, spec: BackplaneSpec = None) -> None:
        """Belong to the loop that runs now."""
        self.spec = spec
        # This goes with its loop, so it may not keep it.
        self.loop: ref[asyncio.AbstractEventLoop] = ref(asyncio.get_running_loop())
        self.backplane: Backplane = backplane
        from byway.server.owner_request import serve_request  # it knows what is in a request

        backplane.serve_request = partial(serve_request, self.find)
        self.ready: bool = backplane.alone
        self._starting: asyncio.Task[None] | None = None
        self._named: WeakValueDictionary[str, RelayTarget] = WeakValueDictionary()
        self._remaining: WeakValueDictionary[str, RelayTarget] = WeakValueDictionary()
        self._members: set[int] = set()

    async def start(self) -> None:
        """Start the backplane, once for all who ask.

        Raises:
            UsageError: it cannot be used as it was set up.
        """
        if self.ready:
            return
        if self._starting is None:
            self._starting = asyncio.ensure_future(self.backplane.start(self._serve))
        try:
            await asyncio.shield(self._starting)
        except asyncio.CancelledError:
            raise
        except BaseException:
            self._starting = None  # it may be mended: whoever asks next tries again
            raise
        self.ready = True

    def register(self, name: str, target: RelayTarget) -> None:
        """Let the calls for a name go to this endpoint.

        Raises:
            UsageError: another one has it.
        """
        _add(self._named, name, target)

    def register_all(self, application: str, target: RelayTarget) -> None:
        """Let all other calls for an application go to this endpoint, whatever its `root_path`.

        Raises:
            UsageError: another one has them.
        """
        _add(self._remaining, application, target)

    def find(self, name: str) -> RelayTarget | None:
        """Return the endpoint to which the calls for a name go."""
        return self._named.get(name) or self._remaining.get(name.partition(" ")[0])

    async def _serve(self, link: Link, payload: bytes) -> None:
        """Serve a call of another process."""
        from byway.server.owner_call import serve_handed  # it knows what is in a call

        await serve_handed(link, payload, self.find)

    # Going away

    def join(self, member: object) -> None:
        """Count an endpoint that uses it."""
        self._members.add(id(member))

    async def leave(self, member: object) -> None:
        """Take an endpoint off; with the last one, leave the backplane in order."""
        self._members.discard(id(member))
        if not self._members and self.ready:
            all_of_loop = _by_loop.get(asyncio.get_running_loop(), {})
            for key in [key for key, endpoints in all_of_loop.items() if endpoints is self]:
                del all_of_loop[key]
            if not self.backplane.alone:
                await self.backplane.aclose()


def _add(targets: WeakValueDictionary[str, RelayTarget], name: str, target: RelayTarget) -> None:
    there = targets.setdefault(name, target)
    if there is not target:
        raise UsageError(
            f"two endpoints in this process have the name {name!r}, so other "
            "processes cannot tell them apart: give each its own name="
        )


_by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[object, LoopEndpoints]] = (
    WeakKeyDictionary()
)


def endpoints_of_loop(spec: BackplaneSpec, limits: ServerLimits) -> LoopEndpoints:
    """Return the endpoints of the running event loop for what was given as `backplane=`.

    Args:
        spec: what was given.
        limits: bounds of its links, where it is not there yet.

    Raises:
        UsageError: it is none of what may be given.
    """
    spec = resolve(spec)
    all_of_loop = _by_loop.setdefault(asyncio.get_running_loop(), {})
    key: object = spec if spec is None or isinstance(spec, (str, bool)) else id(spec)
    if (endpoints := all_of_loop.get(key)) is None:
        endpoints = all_of_loop[key] = LoopEndpoints(choose(spec, process_name(), limits), spec)
    return endpoints


def name_of(app: object) -> str:
    """Return what an application is called in all processes: its function, or its class."""
    handler: Any = getattr(app, "handler", app)
    if not hasattr(handler, "__qualname__"):
        handler = type(handler)
    return f"{handler.__module__}.{handler.__qualname__}"


Find = Callable[[str], RelayTarget | None]
"""Finds an endpoint of this process by its name."""
