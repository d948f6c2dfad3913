"""Relayed calls: the owner's end of a call that another process has got.

Knows: ASGI, links, and how a carrier is moved away.
Must not know: how sessions are found, what a transport writes.

What the relay has handed over looks like an ASGI call, whose client is behind the link.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any, Final

from byway.backplane import Link, LinkLost, kinds
from byway.errors import UNKNOWN, PeerError
from byway.handshake import UP_ANSWER, Hello
from byway.runtime import LiveSession
from byway.server.call import Call
from byway.server.call_frame import unpack_call
from byway.server.loop_endpoints import Find
from byway.server.responses import send_error
from byway.transports.base import Event, Scope, stop

logger: logging.Logger = logging.getLogger("byway.server")

LAST_WORDS: Final = 5.0
"""Seconds that the relay may take to end a call that has ended here."""

_POLL: Final = "poll"
_EVENTS: Final = "events"
_LEFT: Final[Event] = {"type": "http.disconnect"}


class ClientBehindLink(OSError):
    """The link to a client's process was cut: raised to what writes to a WebSocket."""


class OwnedCall:
    """A call that another process has handed over.

    Attributes:
        scope: the ASGI scope.
        complete: the response, or the WebSocket, has ended as it should.
    """

    def __init__(self, link: Link, scope: Scope) -> None:
        """Serve what comes over a link."""
        self.scope: Scope = scope
        self.complete: bool = False
        self._link = link
        self._socket: bool = scope["type"] == "websocket"
        self._connected = False
        self._over = False  # nothing more can be received
        self._relay_ended = False
        self._leaving = False
        self._carried: tuple[LiveSession, Hello] | None = None
        self._watching: asyncio.Task[None] | None = None

    # What `byway.server.call.Handed` asks for

    def carries(self, live: LiveSession, hello: Hello) -> None:
        """Note which session it carries, so that it can be moved away."""
        self._carried = live, hello
        if hello.answer == _POLL:
            self._watching = asyncio.ensure_future(self._watch())  # nobody receives meanwhile
        if self._leaving:
            asyncio.get_running_loop().call_soon(self._leave)  # it is being attached

    def not_here(self, error: PeerError) -> None:
        """Say that what is asked for is not here, and may be opened by the relay."""
        told = {"status": error.status, "reason": str(error)}
        self._write(kinds.NOT_HERE, json.dumps(told).encode())
        self._write(kinds.END)
        self.complete = True

    # The ASGI call

    async def receive(self) -> Event:
        """Return what the client has sent, or that it has left."""
        if self._socket and not self._connected:
            self._connected = True
            return {"type": "websocket.connect"}
        while not self._over:
            try:
                kind, data = await self._link.receive()
            except LinkLost:
                break
            if kind == kinds.BINARY:
                return {"type": "websocket.receive", "bytes": data}
            if kind == kinds.TEXT:
                return {"type": "websocket.receive", "text": data.decode()}
            if kind == kinds.BODY:
                return {"type": "http.request", "body": data, "more_body": bool(data)}
            if kind == kinds.LEAVE:
                self._leave()
            elif kind == kinds.LEFT:
                self._over = True
                if self._socket:
                    return {"type": "websocket.disconnect", **json.loads(data)}
            elif kind == kinds.END:
                self._relay_ended = True  # which says nothing of the client
                self._over = self._socket or self.complete
        self._over = True
        if self._socket:
            return {"type": "websocket.disconnect", "code": 1006, "reason": ""}
        return _LEFT

    async def send(self, event: Event) -> None:
        """Send what the client is to get.

        Raises:
            ClientBehindLink: a WebSocket's link was cut. A response's is written to for nothing.
        """
        kind = event["type"]
        link = self._link
        try:
            if kind == "websocket.send":
                text = event.get("text")
                if text is None:
                    link.write(kinds.BINARY, event["bytes"])
                else:
                    link.write(kinds.TEXT, text.encode())
            elif kind in ("http.response.body", "websocket.http.response.body"):
                data = event.get("body", b"")
                if event.get("more_body", False):
                    link.write(kinds.DATA, data)
                elif not self.complete:
                    self.complete = True
                    link.write(kinds.END, data)
            elif kind in ("http.response.start", "websocket.http.response.start"):
                told = {"status": event["status"], "headers": _headers(event)}
                link.write(kinds.START, json.dumps(told).encode())
            elif kind == "websocket.accept":
                told = {"subprotocol": event.get("subprotocol"), "headers": _headers(event)}
                link.write(kinds.ACCEPT, json.dumps(told).encode())
            elif kind == "websocket.close":
                told = {"code": event.get("code", 1000), "reason": event.get("reason") or ""}
                link.write(kinds.CLOSE, json.dumps(told).encode())
            if link.full:
                await link.flush()
        except LinkLost:
            self._over = True
            if self._socket:
                raise ClientBehindLink("the link to the client's process was cut") from None

    async def finish(self) -> None:
        """Say END, hear it, and give the link back; else cut it."""
        if self._watching is not None:
            await stop(self._watching)
        link = self._link
        try:
            if not self.complete:
                if not self._socket:
                    raise LinkLost  # an incomplete response is never ended properly
                link.write(kinds.END)
            if not self._relay_ended:
                async with asyncio.timeout(LAST_WORDS):
                    while (await link.receive())[0] != kinds.END:
                        pass
        except (LinkLost, TimeoutError):
            link.cut()
        else:
            link.free()

    # Moving away

    def _leave(self) -> None:
        """Have the client move to another carrier: the relay goes away."""
        self._leaving = True
        if self._carried is None:
            return
        live, hello = self._carried
        if hello.answer == UP_ANSWER:
            self._over = True  # what was not acknowledged goes up again
            return
        carrier = live.carriers.get(hello.carrier)
        if carrier is None:
            return
        if carrier.transport == _POLL:
            carrier.stop()
        elif carrier.transport == _EVENTS:
            carrier.end("its process is stopping")  # a reader comes back by itself
        else:
            carrier.leave()

    async def _watch(self) -> None:
        while (await self.receive()) is not _LEFT:
            pass

    def _write(self, kind: int, payload: bytes = b"") -> None:
        try:
            self._link.write(kind, payload)
        except LinkLost:
            self._over = True


def _headers(event: Event) -> list[tuple[str, str]]:
    return [
        (bytes(name).decode("latin-1"), bytes(value).decode("latin-1"))
        for name, value in event.get("headers") or []
    ]


async def serve_handed(link: Link, payload: bytes, find: Find) -> None:
    """Serve a call that another process hands over, up to the end of both sides.

    Args:
        link: what it came over.
        payload: what CALL said.
        find: finds the endpoint.
    """
    try:
        told: dict[str, Any] = unpack_call(payload)
        place = find(told["place"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        logger.warning("cannot read a call from process %s: %r", link.peer, error)
        link.cut()
        return
    call = OwnedCall(link, told["scope"])
    if place is None:
        unknown = PeerError("this process has no such endpoint", status=410, gone=UNKNOWN)
        await send_error(Call(call.scope, call.receive, call.send), unknown)
    else:
        await place.serve_relayed(call, told)
    await call.finish()
