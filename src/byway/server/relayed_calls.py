"""Relayed calls: the entrance of calls that other processes hand over to this one.

Knows: that such a call's origin was judged, and its user asked for, where it came.
Must not know: links, how a call travels.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from byway.backplane import Link
from byway.errors import PeerError
from byway.server.bodies import ClientLeft
from byway.server.call import Call
from byway.server.call_frame import unpack_user
from byway.server.context import Context
from byway.server.entrances import find_entrance
from byway.server.owner_call import OwnedCall
from byway.server.owner_request import respond
from byway.server.refusals import refuse, respond_to_nobody
from byway.server.request_frame import RequestFrame
from byway.server.websocket import move_to_websocket


class RelayedCalls:
    """Serves what other processes hand over to one endpoint; see `RelayTarget`."""

    def __init__(self, context: Context) -> None:
        """Serve with the parts of the endpoint."""
        self._context = context

    async def serve_relayed(self, handed: OwnedCall, told: dict[str, Any]) -> None:
        """Serve a call that another process hands over; its origin was judged there.

        Raises:
            ValueError: it is no call of byway's own.
        """
        context = self._context
        context.counts.taken_over += 1
        call = Call(handed.scope, handed.receive, handed.send, relayed=handed)
        await call.known_as(unpack_user(told["user"]))
        entrance = find_entrance(call, context)
        if entrance is None:
            raise ValueError("a relayed call that is none of byway's own")
        try:
            if call.scope["type"] == "websocket":
                await call.receive()  # websocket.connect
            if (moves := told.get("moves")) is not None:
                await move_to_websocket(call, context, PeerError(moves, status=403))
            else:
                await entrance(call, context)
        except PeerError as error:
            await refuse(call, error, context.refusal_log)
        except ClientLeft:
            await respond_to_nobody(call)

    def serve_request(self, link: Link, request: RequestFrame) -> Coroutine[Any, Any, None] | None:
        """Serve a whole request that another process hands over."""
        context = self._context
        context.counts.taken_over += 1
        context.sharing.relayed = True
        return respond(link, request, context.admission.registry, context.offer, context.limits)
