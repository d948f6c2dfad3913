"""Carrying: a carrier is attached to the session that its client names, or to a new one.

Knows: admission, the transports that are offered, and which calls go to another process.
Must not know: how a transport carries frames, how a call was recognized or read.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from byway.errors import FrameError, PeerError
from byway.frames import Frame
from byway.handshake import TEXT_FORM, Hello
from byway.runtime import LiveSession
from byway.server.application import Denied
from byway.server.call import Call
from byway.server.context import Context
from byway.server.lives import Hosted
from byway.server.request_body import frames_behind
from byway.server.responses import application_headers, send_denial
from byway.session import Intake
from byway.transports.base import Exchange, Headers

logger: logging.Logger = logging.getLogger("byway.server")


async def carry(
    call: Call,
    context: Context,
    hello: Hello,
    body: bytes = b"",
    start: int = 0,
    *,
    moves: PeerError | None = None,
) -> None:
    """Attach a carrier to the session that the client names, or to a new one, and serve it.

    Args:
        call: the call.
        context: the parts of the endpoint.
        hello: what the client said.
        body: the whole body of a request.
        start: where the frames behind HELLO begin in it.
        moves: the refusal of a call that may only carry a session which its origin has opened.

    Raises:
        PeerError: before anything was responded, see `Admission.admit` and `Sharing.hand_over`.
    """
    transport = context.offer.transport(hello.answer)
    if (call.scope["type"] == "websocket") is not (transport.name == "websocket"):
        raise FrameError(
            f"the transport {hello.answer!r} does not fit this kind of call", status=406
        )
    sharing, admission = context.sharing, context.admission
    if sharing.involved and (owner := sharing.owner(call, hello)) is not None:
        await sharing.hand_over(call, hello, owner, body, moves=moves)
        return
    frames = frames_behind(body, start, context.limits) if start < len(body) else []
    if sharing.involved or call.relayed is not None:
        admit = partial(admission.admit, call, hello)
        admitted = await sharing.let_in(admit, call, hello, body, moves=moves)
        if admitted is None:
            return
    else:
        admitted = await admission.admit(call, hello)
    if isinstance(admitted, Denied):
        context.counts.refusals[admitted.status] += 1
        await send_denial(call, admitted)
        return
    hosted, accepted = admitted
    take(hosted.live, hello, frames)
    opens = hello.instance is None
    headers = application_headers(accepted.headers) if opens else []
    if call.relayed is not None:
        note_carried(call, context, hosted, hello)
    exchange = exchange_for(
        call, context, hello, hosted, accepted.subprotocol, headers, opens=opens
    )
    try:
        await transport.serve(exchange, hosted.live, hello)
    except OSError:
        logger.debug("the client left while a response was being written")
    if admission.registry.draining and call.relayed is None:
        # The server stops when its last call has returned, and would take the handler along.
        await asyncio.wait({hosted.run.task})


def take(live: LiveSession, hello: Hello, frames: list[Frame]) -> None:
    """Take what a request of the protocol brings to its session.

    Raises:
        FrameError: it is against the protocol.
    """
    live.acknowledge(hello.received, hello.room)
    if frames:
        live.feed(Intake(ordered=False), frames)


def note_carried(call: Call, context: Context, hosted: Hosted, hello: Hello) -> None:
    """Note which session a call of another process carries, so that it can be moved away."""
    if call.relayed is not None:
        call.relayed.carries(hosted.live, hello)
        context.sharing.relayed = True


def exchange_for(
    call: Call,
    context: Context,
    hello: Hello,
    hosted: Hosted,
    subprotocol: str | None,
    headers: Headers,
    *,
    opens: bool = False,
) -> Exchange:
    """Return what the server's half of a transport works with."""
    return Exchange(
        scope=call.scope,
        receive=call.receive,
        send=call.send,
        limits=hosted.live.server_limits,
        instance=hosted.instance,
        transports=context.offer.names,
        subprotocol=subprotocol,
        headers=headers,
        promote=opens and context.origins.promotes(call),
        text=hello.form == TEXT_FORM,
    )
