"""Relayed requests: the owner's end of a request that came whole, and is answered by one frame.

Knows: batches and polls of sessions that are open here.
Must not know: how a link works, what the relay makes of the response.

A batch is answered at once, in the callback that has read it: no task, no ASGI call. A poll that
has to wait does so in a task.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

from byway.backplane import Link, LinkLost, kinds
from byway.errors import UNKNOWN, PeerError
from byway.frames import decode_all, encode_ack
from byway.handshake import ACK_ANSWER, Hello
from byway.limits import ServerLimits
from byway.negotiation.offer import Offer
from byway.runtime import LiveSession
from byway.server.application import Accepted
from byway.server.claims import undecided
from byway.server.identity import Identity
from byway.server.lives import Hosted
from byway.server.loop_endpoints import Find
from byway.server.registry import NOT_KNOWN, Registry, SessionGone
from byway.server.request_frame import RequestFrame, unpack_request
from byway.session import Intake
from byway.transports.base import Event, Exchange

logger: logging.Logger = logging.getLogger("byway.server")


@dataclass(slots=True)
class _Whole(Exchange):
    """An exchange whose response goes over a link, as bare frames."""

    link: Link | None = None

    async def whole(self, answer: str, frames: bytes) -> None:
        """Respond."""
        assert self.link is not None
        self.link.reply(kinds.REPLY, frames)


def serve_request(find: Find, link: Link, payload: bytes) -> Coroutine[Any, Any, None] | None:
    """Serve the payload of REQUEST, see `byway.backplane.base.ServeRequest`.

    Args:
        find: finds the endpoint.
        link: what it came over.
        payload: what REQUEST said.

    Raises:
        LinkLost: it cannot be read.
    """
    try:
        request = unpack_request(payload)
    except ValueError as error:
        logger.warning("cannot read a request from process %s: %r", link.peer, error)
        raise LinkLost("a request cannot be read") from error
    place = find(request.place)
    try:
        if place is None:
            raise PeerError("this process has no such endpoint", status=410, gone=UNKNOWN)
        return place.serve_request(link, request)
    except PeerError as error:
        _refuse(link, error)
        return None


def respond(
    link: Link, request: RequestFrame, registry: Registry, offer: Offer, limits: ServerLimits
) -> Coroutine[Any, Any, None] | None:
    """Take what a request brings to its session, and respond, or return what does.

    Args:
        link: what it came over.
        request: the request.
        registry: the sessions.
        offer: the transports.
        limits: bounds of the endpoint.

    Raises:
        PeerError: see `Registry.find`; 503, if the application has not accepted the session yet.
        FrameError: what it brings are no frames.
        LinkLost: the link was cut.
    """
    hello = request.hello
    hosted = registry.find(hello, Identity(user=request.user))
    if not isinstance(hosted, Hosted):
        raise SessionGone(NOT_KNOWN, UNKNOWN)
    live = hosted.live
    frames = decode_all(request.frames, max_frame=limits.max_frame)
    live.acknowledge(hello.received, hello.room)
    live.feed(Intake(ordered=False), frames)
    if hello.answer != ACK_ANSWER:
        return _poll(link, hosted, hello, offer)
    carrier = live.carriers.get(hello.carrier)
    received, room = live.core.announce(carrier.core if carrier else None)
    link.reply(kinds.REPLY, encode_ack(received, room))
    return None


def _poll(link: Link, hosted: Hosted, hello: Hello, offer: Offer) -> Coroutine[Any, Any, None]:
    """Return what answers a poll."""
    transport, decision = offer.transport(hello.answer), hosted.run.decision
    accepted = decision.result() if decision.done() and not decision.cancelled() else None
    if not isinstance(accepted, Accepted):
        raise undecided("the application has not accepted this session yet")
    exchange = _Whole(
        scope={},
        receive=_nothing,
        send=_nowhere,
        limits=hosted.live.server_limits,
        instance=hosted.instance,
        transports=offer.names,
        subprotocol=accepted.subprotocol,
        headers=[],
        link=link,
    )
    # LEAVE may come with the request, before the task below has begun to wait: after it, then.
    loop, leave = asyncio.get_running_loop(), partial(_leave, hosted.live, hello)
    link.on_leave = partial(loop.call_soon, leave)

    async def serve() -> None:
        try:
            await transport.serve(exchange, hosted.live, hello)
        except PeerError as error:
            _refuse(link, error)
        except LinkLost:
            pass  # the client asks again

    return serve()


def _leave(live: LiveSession, hello: Hello) -> None:
    """Have the poll answered at once: the relay goes away."""
    carrier = live.carriers.get(hello.carrier)
    if carrier is not None:
        carrier.stop()


def _refuse(link: Link, error: PeerError) -> None:
    told = {
        "status": error.status,
        "reason": str(error),
        "gone": error.gone,
        "retry_after": error.retry_after,
    }
    try:
        link.reply(kinds.REFUSAL, json.dumps(told).encode())
    except LinkLost:
        pass  # nobody is there to be told


async def _nothing() -> Event:
    return {"type": "http.disconnect"}


async def _nowhere(event: Event) -> None:
    raise AssertionError(f"a response of {event['type']} that has an end goes as frames")
