"""The desk: what all endpoints of one event loop share, their backplane and the calls over it.

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
from byway.limits import Limits
from byway.server.process import process_name


class Place(Protocol):
    """An endpoint, as the calls of other processes see it."""

    async def serve_relayed(self, handed: Any, told: dict[str, Any]) -> None:
        """Serve a `byway.server.relayed.HandedCall`."""

    def serve_request(self, link: Link, request: Any) -> Coroutine[Any, Any, None] | None:
        """Serve a `byway.server.request_frame.RequestFrame`."""


class Desk:
    """The backplane of one event loop, and who takes its calls.

    Attributes:
        backplane: shared by all its endpoints.
        ready: whether the backplane has been started.
        spec: what was given for it; kept, so that no other has its id.
    """

    def __init__(self, backplane: Backplane, spec: BackplaneSpec = None) -> None:
        """Belong to the loop that runs now."""
        self.spec = spec
        # The desks of a loop go with it, so none of them may keep it.
        self._loop = ref(asyncio.get_running_loop())
        self.backplane: Backplane = backplane
        from byway.server.relayed_requests import serve_request  # it knows what is in a request

        backplane.serve_request = partial(serve_request, self.find)
        self.ready: bool = backplane.alone
        self._starting: asyncio.Task[None] | None = None
        self._places: WeakValueDictionary[str, Place] = WeakValueDictionary()
        self._many: WeakValueDictionary[str, Place] = WeakValueDictionary()
        self._members: set[int] = set()

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop that it belongs to; None once that is gone."""
        return self._loop()

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

    def take_place(self, name: str, place: Place) -> None:
        """Let the calls for a name go to this endpoint.

        Raises:
            UsageError: another one has it.
        """
        _take(self._places, name, place)

    def take_all_places(self, application: str, place: Place) -> None:
        """Let all other calls for an application go to this endpoint, whatever its `root_path`.

        Raises:
            UsageError: another one has them.
        """
        _take(self._many, application, place)

    def find(self, name: str) -> Place | None:
        """Return the endpoint to which the calls for a name go."""
        return self._places.get(name) or self._many.get(name.partition(" ")[0])

    async def _serve(self, link: Link, payload: bytes) -> None:
        """Serve a call of another process."""
        from byway.server.relayed import serve_handed  # it knows what is in a call

        await serve_handed(link, payload, self.find)

    # Going away

    def join(self, member: object) -> None:
        """Count an endpoint that uses it."""
        self._members.add(id(member))

    async def leave(self, member: object) -> None:
        """Take an endpoint off; with the last one, leave the backplane in order."""
        self._members.discard(id(member))
        if not self._members and self.ready:
            desks = _desks.get(asyncio.get_running_loop(), {})
            for key in [key for key, desk in desks.items() if desk is self]:
                del desks[key]
            if not self.backplane.alone:
                await self.backplane.aclose()


def _take(places: WeakValueDictionary[str, Place], name: str, place: Place) -> None:
    there = places.setdefault(name, place)
    if there is not place:
        raise UsageError(
            f"two endpoints of this process are called {name!r}, so that calls of other "
            "processes could not be told apart: give each another name="
        )


_desks: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[object, Desk]] = WeakKeyDictionary()


def desk_of(spec: BackplaneSpec, limits: Limits) -> Desk:
    """Return the desk of the running event loop for what was given as `backplane=`.

    Args:
        spec: what was given.
        limits: bounds of its links, where it is not there yet.

    Raises:
        UsageError: it is none of what may be given.
    """
    spec = resolve(spec)
    desks = _desks.setdefault(asyncio.get_running_loop(), {})
    key: object = spec if spec is None or isinstance(spec, (str, bool)) else id(spec)
    if (desk := desks.get(key)) is None:
        desk = desks[key] = Desk(choose(spec, process_name(), limits), spec)
    return desk


def name_of(app: object) -> str:
    """Return what an application is called in all processes: its function, or its class."""
    handler: Any = getattr(app, "handler", app)
    if not hasattr(handler, "__qualname__"):
        handler = type(handler)
    return f"{handler.__module__}.{handler.__qualname__}"


Find = Callable[[str], Place | None]
"""Finds an endpoint of this process by its name."""
