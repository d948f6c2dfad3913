"""Uploads: the entrance of requests whose body has no end.

Knows: that such a body is taken as it comes.
Must not know: how a body is decoded, how sessions are found, how the upload is kept.
"""

from __future__ import annotations

from byway.frames import Decoder
from byway.handshake import UP_ANSWER
from byway.server.call import Call
from byway.server.carrying import exchange_for, note_carried
from byway.server.context import Context
from byway.server.request_body import check_head, read_beginning
from byway.transports.upload_server import take_upload

_UP = UP_ANSWER.encode()


async def serve_upload_request(call: Call, context: Context) -> None:
    """Serve an upload: take what it brings as it comes."""
    limits = context.limits
    check_head(call.scope["method"], call.values, limits, mark=_UP)
    decoder = Decoder(max_frame=limits.max_frame)
    hello, frames, more, body = await read_beginning(call.receive, decoder, limits)
    if (owner := context.sharing.owner(call, hello)) is not None:
        await context.sharing.hand_over(call, hello, owner, body, more=more)
        return
    found = await context.admission.find(call, hello)
    found.live.acknowledge(hello.received, hello.room)
    note_carried(call, context, found, hello)
    exchange = exchange_for(call, context, hello, found, None, [])
    await take_upload(exchange, found.live, decoder, frames, more=more)
