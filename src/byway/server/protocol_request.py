"""Requests of the protocol: the entrance of batches, and of requests that open a carrier.

Knows: that such a request is read whole before it is responded to, and what a batch gets.
Must not know: how a body is read or decoded, how sessions are found, transports.
"""

from __future__ import annotations

from byway.frames import encode_ack
from byway.handshake import ACK_ANSWER, TEXT_FORM, Hello
from byway.server.call import Call
from byway.server.carrying import carry, take
from byway.server.context import Context
from byway.server.request_body import check_head, frames_behind, parse_hello
from byway.transports.base import send_whole


async def serve_protocol_request(call: Call, context: Context) -> None:
    """Serve a request of the protocol: read it whole, then respond."""
    check_head(call.scope["method"], call.values, context.limits)
    body = await context.bodies.read(call.receive)
    hello, start = parse_hello(body, context.limits)
    if hello.answer == ACK_ANSWER:
        await _serve_batch(call, context, hello, body, start)
    else:
        await carry(call, context, hello, body, start)


async def _serve_batch(call: Call, context: Context, hello: Hello, body: bytes, start: int) -> None:
    """Take a batch to the session that it names, and acknowledge it.

    It is responded to at once even without room: the room that comes later is announced on the
    downlink. Holding the response would hold the client's next acknowledgement with it.
    """
    sharing = context.sharing
    if sharing.involved and (owner := sharing.owner(call, hello)) is not None:
        await sharing.hand_over(call, hello, owner, body)
        return
    frames = frames_behind(body, start, context.limits) if start < len(body) else []
    live = (await context.admission.find(call, hello)).live
    take(live, hello, frames)
    carrier = live.carriers.get(hello.carrier)
    ack = encode_ack(*live.core.announce(None if carrier is None else carrier.core))
    await send_whole(call.send, ACK_ANSWER, ack, text=hello.form == TEXT_FORM)
