"""Relaying: the relay's end of a call, which belongs to a session of another process.

Knows: ASGI, links, and what a client is told when they fail.
Must not know: sessions, transports, frames of the protocol.

The relay hands over what `receive` gives, and sends what comes back. It judges nothing and repairs
nothing: a link that is cut ends the call, as a connection to the client would.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any, Final

from byway.backplane import Link, LinkLost, kinds
from byway.server.call import Call
from byway.server.claims import undecided
from byway.transports.base import Event, stop
from byway.transports.closing import close_websocket

logger: logging.Logger = logging.getLogger("byway.server")

LAST_WORDS: Final = 5.0
"""Seconds that the owner may take to end a call whose client has left."""

CUT_CODE: Final = 1001
"""The close code of a WebSocket whose link was cut: the client goes on with a new carrier."""

ALONG: Final = 16 * 1024
"""Bytes of a body that are sent with the call, before the owner has said that it takes it."""

# Of these a client takes no end for the session's: docs/protocol.md, "Choosing a carrier".
_CUT_LIKE_AN_END: Final = (b"stream", b"sse")


class NotHere(Exception):
    """What is asked for is not in the process that it was in: whoever got the call may open it."""


class RelayedCall:
    """A call that another process serves for this one."""

    def __init__(self, call: Call, link: Link) -> None:
        """Join a call and a link that carries no other."""
        self._call = call
        self._link = link
        self._begun = False  # the client has got the beginning of a response
        self._open_ended = False  # whose end says nothing
        self._closed = False  # the client's WebSocket
        self._freed = False
        self._said_end = False

    def leave(self) -> None:
        """Ask the owner to move the carrier, as this process goes away."""
        if self._said_end:
            return  # it is soon over
        try:
            self._link.write(kinds.LEAVE)
        except LinkLost:
            pass  # it has ended

    def cut(self) -> None:
        """End it at once."""
        self._link.cut()

    async def run(
        self, payload: bytes, body: bytes, *, more: bool, lasting: bool, brief: bool, leaving: bool
    ) -> None:
        """Carry the call to its end; where this process is leaving, not for long.

        Args:
            payload: what CALL says.
            body: what has been read of the call's body.
            more: there is more of it to come.
            lasting: the response has no end, so it is watched whether the client leaves.
            brief: the response comes at once, so that nothing has to be said before it is there.
            leaving: this process goes away.

        Raises:
            PeerError: 503, if the link was cut before the client got anything.
            NotHere: a reader asks for what is not there any more.
            LinkLost: the owner did not take the call.
            Unreachable: it did not in time.
        """
        link = self._link
        try:
            await link.call(payload, *self._along(body, more=more, brief=brief))
            if leaving:
                self.leave()
            try:
                if self._call.scope["type"] == "websocket":
                    await self._socket()
                else:
                    await self._request(body, more=more, lasting=lasting)
                self._give_back()
            except NotHere:
                self._give_back()
                raise
            except LinkLost as error:
                await self._lost(error)
            except OSError:
                logger.debug("a client left while it was written to")
        finally:
            if not self._freed:
                link.cut()

    def _give_back(self) -> None:
        """Let the link carry another call: this one has ended on both sides."""
        if not self._said_end:
            try:
                self._link.write(kinds.END)
            except LinkLost:
                return  # the client has got all of it; only the link is not kept
        self._freed = True
        self._link.free()

    async def _lost(self, error: LinkLost) -> None:
        """End the call of a link that was cut."""
        if self._closed:
            return
        if not self._begun:
            raise undecided(str(error)) from None
        if self._call.scope["type"] == "websocket":
            reason = "the link to its process was cut"
            await close_websocket(self._call.send, CUT_CODE, reason)
        elif self._open_ended:
            await self._call.send({"type": "http.response.body", "body": b"", "more_body": False})
        # Else the server finds the response incomplete, and cuts the connection.

    # A request

    def _along(self, body: bytes, *, more: bool, brief: bool) -> list[tuple[int, bytes]]:
        """Return what is handed over with the call: the body, where it is whole and short."""
        if more or len(body) > ALONG or self._call.scope["type"] == "websocket":
            return []
        frames = [(kinds.BODY, body)] if body else []
        frames.append((kinds.BODY, b""))
        if brief:
            self._said_end = True
            frames.append((kinds.END, b""))
        return frames

    async def _request(self, body: bytes, *, more: bool, lasting: bool) -> None:
        link = self._link
        if more or len(body) > ALONG:  # else it went along with the call
            if body:
                link.write(kinds.BODY, body)
            if not more:
                link.write(kinds.BODY)
        if not more and not lasting:
            await self._response()
            return
        down = asyncio.ensure_future(self._response())
        up = asyncio.ensure_future(self._bring_up() if more else self._watch())
        try:
            await asyncio.wait({down, up}, return_when=asyncio.FIRST_COMPLETED)
            if not down.done() and not more:
                await asyncio.wait({down}, timeout=LAST_WORDS)  # the client has left
            elif not down.done():
                up.result()
                await asyncio.wait({down})
        finally:
            await stop(down, up)
        if down.cancelled():
            raise LinkLost("the owner did not end a call after its client had left")
        down.result()

    async def _watch(self) -> None:
        """Say that the client has left."""
        while (await self._call.receive())["type"] != "http.disconnect":
            pass
        self._link.write(kinds.LEFT)

    async def _bring_up(self) -> None:
        """Hand over a body as it comes."""
        link, receive = self._link, self._call.receive
        while True:
            event = await receive()
            if event["type"] == "http.disconnect":
                link.write(kinds.LEFT)
                return
            if piece := event.get("body", b""):
                link.write(kinds.BODY, piece)
            if not event.get("more_body", False):
                link.write(kinds.BODY)
                return
            if link.full:
                await link.flush()

    async def _response(self) -> None:
        """Send what comes back."""
        receive, send = self._link.receive, self._call.send
        lost: str | None = None
        while True:
            kind, data = await receive()
            if kind == kinds.DATA:
                await send({"type": "http.response.body", "body": data, "more_body": True})
            elif kind == kinds.START:
                await self._start(data, "http.response.start")
            elif kind == kinds.END:
                if lost is not None:
                    raise NotHere(lost)
                await send({"type": "http.response.body", "body": data, "more_body": False})
                return
            elif kind == kinds.NOT_HERE:
                lost = json.loads(data)["reason"]

    async def _start(self, data: bytes, name: str) -> None:
        told = json.loads(data)
        headers = _headers(told)
        self._begun = True
        self._open_ended = dict(headers).get(b"byway") in _CUT_LIKE_AN_END
        await self._call.send({"type": name, "status": told["status"], "headers": headers})

    # A WebSocket

    async def _socket(self) -> None:
        down = asyncio.ensure_future(self._messages_down())
        up = asyncio.ensure_future(self._messages_up())
        try:
            await asyncio.wait({down, up}, return_when=asyncio.FIRST_COMPLETED)
            if not down.done():
                up.result()
                await asyncio.wait({down}, timeout=LAST_WORDS)  # the client has left
        finally:
            await stop(down, up)
        if down.cancelled():
            raise LinkLost("the owner did not end a call after its client had left")
        down.result()

    async def _messages_up(self) -> None:
        link, receive = self._link, self._call.receive
        while True:
            event = await receive()
            if event["type"] == "websocket.disconnect":
                told = {"code": event.get("code", 1005), "reason": event.get("reason") or ""}
                link.write(kinds.LEFT, json.dumps(told).encode())
                return
            text = event.get("text")
            if text is None:
                link.write(kinds.BINARY, event["bytes"])
            else:
                link.write(kinds.TEXT, text.encode())
            if link.full:
                await link.flush()

    async def _messages_down(self) -> None:
        receive, send = self._link.receive, self._call.send
        denial = False
        lost: str | None = None
        while True:
            kind, data = await receive()
            if kind == kinds.BINARY:
                await send({"type": "websocket.send", "bytes": data})
            elif kind == kinds.TEXT:
                await send({"type": "websocket.send", "text": data.decode()})
            elif kind == kinds.ACCEPT:
                told = json.loads(data)
                self._begun = True
                accept: Event = {
                    "type": "websocket.accept",
                    "subprotocol": told["subprotocol"],
                    "headers": _headers(told),
                }
                await send(accept)
            elif kind == kinds.CLOSE:
                self._begun = self._closed = True
                told = json.loads(data)
                await close_websocket(send, told["code"], told["reason"])
            elif kind == kinds.START:
                denial = True
                await self._start(data, "websocket.http.response.start")
            elif kind == kinds.NOT_HERE:
                lost = json.loads(data)["reason"]
            elif kind == kinds.END:
                if lost is not None:
                    raise NotHere(lost)
                if denial:
                    await self._call.respond({"type": "websocket.http.response.body", "body": data})
                return


def _headers(told: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in told["headers"]]
