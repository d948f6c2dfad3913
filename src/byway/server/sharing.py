"""Sharing: what an endpoint does for sessions that its processes share.

Knows: the backplane, how an endpoint is called, and which calls belong to another process.
Must not know: how a call is relayed, transports, what a session is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from byway.backplane import Backplane
from byway.backplane.choice import BackplaneSpec, resolve
from byway.errors import PeerError
from byway.handshake import ACK_ANSWER, Hello
from byway.keys import owner_of, owner_of_reader
from byway.limits import ServerLimits
from byway.server.admission import Elsewhere, GivenBack
from byway.server.application import Application
from byway.server.call import Call
from byway.server.call_frame import pack_call, pack_user
from byway.server.claims import undecided
from byway.server.counts import Counts
from byway.server.identity import Bind
from byway.server.loop_endpoints import LoopEndpoints, RelayTarget, endpoints_of_loop, name_of
from byway.server.process import process_name
from byway.server.relay import Relay
from byway.server.relay_call import NotHere
from byway.server.request_frame import fits, pack_request, pack_whose
from byway.transports.base import Scope, send_whole

T = TypeVar("T")

ROOTS: Final = 1_000
"""Values of `root_path` under which calls for one endpoint are told from those for others of the
same class. A parameter in a mounted path makes any number; calls for one more go to the endpoint
that has had so many."""

_NOT_LASTING = (ACK_ANSWER, "poll")


def _no_loop() -> None:
    """Return no event loop."""


class Sharing:
    """The sessions of one endpoint, as all processes that serve it share them.

    Attributes:
        active: other processes know of its sessions.
        involved: they do, or did before this one left. Else nothing here costs anything.
        loop: returns the event loop whose backplane it has; None where it has none.
        relay: the calls that other processes serve for this one.
        relayed: carriers of its sessions came over other processes.
    """

    def __init__(
        self,
        spec: BackplaneSpec,
        name: str | None,
        app: Application,
        bind: Bind | None,
        limits: ServerLimits,
        counts: Counts | None = None,
    ) -> None:
        """Share nothing yet.

        Args:
            spec: what was given as `backplane=`.
            name: what was given as `name=`.
            app: the application.
            bind: says whose a request is.
            limits: bounds.
            counts: in which calls that are handed over are counted.

        Raises:
            UsageError: the backplane is none of what may be given.
        """
        self.active: bool = False
        self.involved: bool = False
        self.relay: Relay = Relay(limits.drain_spread)
        self.relayed: bool = False
        self._counts = counts or Counts()
        self._spec = resolve(spec)
        self._name = name
        self._app = app
        self._bind = bind
        self._limits = limits
        self.loop: Callable[[], asyncio.AbstractEventLoop | None] = _no_loop
        self._endpoints: LoopEndpoints | None = None
        self._left = False
        self._places: dict[str, str] = {}

    @property
    def backplane(self) -> Backplane | None:
        """The backplane; None before the first call."""
        return None if self._endpoints is None else self._endpoints.backplane

    def find(self) -> LoopEndpoints:
        """Return what this event loop has for the backplane, which may not have been started yet.

        Raises:
            UsageError: what it needs is not installed, or not here.
        """
        return endpoints_of_loop(self._spec, self._limits)

    def take(self, endpoints: LoopEndpoints) -> None:
        """Share sessions over a backplane that was started."""
        self._endpoints, self._left = endpoints, False
        self.loop = endpoints.loop
        self.active = self.involved = not endpoints.backplane.alone
        self.relay.begin()
        self._places.clear()
        endpoints.join(self)

    async def leave(self) -> None:
        """Have nothing more to do with other processes: the last endpoint closes the door."""
        self.relay.cut()
        endpoints, self._endpoints = self._endpoints, None
        self.loop = _no_loop
        self._left = self._left or self.active
        self.active = False
        if endpoints is not None:
            await endpoints.leave(self)

    def place(self, scope: Scope, endpoint: RelayTarget) -> str:
        """Return what calls for the endpoint are addressed to, in all processes.

        Raises:
            UsageError: another endpoint of this process is called so.
        """
        root = "" if self._name is not None else scope.get("root_path", "")
        place = self._places.get(root)
        if place is None:
            assert self._endpoints is not None
            place = self._place_of(scope)
            if len(self._places) < ROOTS:
                self._endpoints.register(place, endpoint)
                self._places[root] = place
            else:
                self._endpoints.register_all(name_of(self._app), endpoint)
        return place

    def _place_of(self, scope: Scope) -> str:
        if self._name is not None:
            return self._name
        root = scope.get("root_path", "")
        return self._places.get(root) or f"{name_of(self._app)} {root}"

    def owner(self, call: Call, hello: Hello) -> str | None:
        """Return the process that a call is handed over to: that of the session which it names.

        Raises:
            PeerError: 503, if it is another one, and this one has left already.
        """
        instance = hello.instance
        if instance is None or not self.involved or call.relayed is not None:
            return None
        return self._other(owner_of(instance))

    def owner_of_reader(self, call: Call, hello: Hello) -> str | None:
        """Return the process that a reader's call is handed over to."""
        if not self.involved or call.relayed is not None:
            return None
        return self._other(owner_of_reader(hello.key))

    def _other(self, owner: str | None) -> str | None:
        """Return an owner, if it is another process."""
        if owner is None or owner == process_name():
            return None
        if self._left:
            raise PeerError("the server is shutting down", status=503)
        return owner

    async def hand_over(
        self,
        call: Call,
        hello: Hello,
        owner: str,
        body: bytes,
        *,
        more: bool = False,
        moves: PeerError | None = None,
    ) -> None:
        """Have the process that a session belongs to serve a call.

        Args:
            call: the call.
            hello: what the client said.
            owner: name of the process.
            body: what has been read of the body.
            more: there is more of it to come.
            moves: what is answered where the call may only carry a session that its own origin
                has opened, and does not.

        Raises:
            PeerError: before the client got anything, see `Relay.hand_over`; 403, if `bind` raised
                PermissionError; 431, if the head of the call is too long; 500, if `bind` says
                what cannot travel.
            NotHere: a reader asks for what is not there any more; or the claim of the key that
                an opening asks for was given back, so this process may claim it.
        """
        assert self._endpoints is not None
        self._counts.handed_over += 1
        backplane = self._endpoints.backplane
        place, user = self._place_of(call.scope), None
        if self._bind is not None:
            user = pack_user((await call.identity(self._bind)).user)
        if moves is None and not more and hello.instance is not None:
            whose = pack_whose(place, user)
            link = self.relay.kept(backplane, owner) if fits(hello, whose, body) else None
            if link is not None:
                frames = await self.relay.request(link, pack_request(whose, hello, body))
                if frames is not None:
                    await send_whole(call.send, hello.answer, frames, text=hello.text)
                    return
        told = None if moves is None else str(moves)
        await self.relay.hand_over(
            backplane,
            call,
            owner,
            pack_call(call.scope, place, user, told),
            body=body,
            more=more,
            lasting=hello.answer not in _NOT_LASTING,
            brief=hello.answer == ACK_ANSWER,
        )

    async def let_in(
        self,
        admit: Callable[[], Awaitable[T]],
        call: Call,
        hello: Hello,
        body: bytes,
        *,
        moves: PeerError | None = None,
    ) -> T | None:
        """Let a client in here, or hand its call over to the owner of its key; None then.

        Args:
            admit: lets it in here.
            call: the call.
            hello: what the client said.
            body: what has been read of the body.
            moves: see `hand_over`.

        Raises:
            PeerError: see `Admission.admit` and `hand_over`.
        """
        why = ""
        for _ in range(2):
            try:
                return await admit()
            except Elsewhere as elsewhere:
                try:
                    await self.hand_over(call, hello, elsewhere.owner, body, moves=moves)
                except NotHere as error:
                    why = str(error)  # the key was given back, for this process to claim
                else:
                    return None
            except GivenBack as error:
                if call.relayed is None:
                    raise
                call.relayed.not_here(error)
                return None
        raise undecided(why)

    async def hand_over_reader(self, call: Call, hello: Hello) -> bool:
        """Have the process of a reader's session serve its call; False where it is this one.

        Raises:
            PeerError: 403, if `bind` raised PermissionError.
            NotHere: it is not there any more, or cannot be reached.
        """
        owner = self.owner_of_reader(call, hello)
        if owner is None:
            return False
        try:
            await self.hand_over(call, hello, owner, b"")
        except PeerError as error:
            if error.status in (410, 503):
                # An `EventSource` gives up for good on anything but 200: it gets a new session.
                raise NotHere(str(error)) from None
            raise
        return True
