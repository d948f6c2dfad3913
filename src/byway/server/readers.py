"""Readers: programs that only listen and have no client library (`curl -N`, `EventSource`).

Knows: the two forms in which a plain GET is answered, and how an `EventSource` resumes.
Must not know: how sessions of byway's own clients are carried.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from byway.errors import ENDED, PeerError
from byway.frames import CLOSE, PART
from byway.handshake import CONTENT_TYPE, Hello
from byway.keys import MAX_KEY, MIN_KEY, new_reader_key
from byway.limits import ServerLimits
from byway.retry_hint import retry_after
from byway.runtime import LiveCarrier, LiveSession
from byway.server.admission import Admission
from byway.server.application import Denied
from byway.server.call import Call
from byway.server.process import process_name
from byway.server.reader_forms import EVENTS, LINES, ReaderForms, ReaderPaths
from byway.server.reader_output import event, line
from byway.server.reader_retry import reconnect_after, send_retry, would_give_up
from byway.server.relay_call import NotHere
from byway.server.responses import application_headers, send_denial, send_response
from byway.session import READER, Outgoing
from byway.transports.base import ANSWER_HEADERS, Exchange, Headers, first_of
from byway.transports.close_padding import PADDING
from byway.transports.sse import serve_events

logger: logging.Logger = logging.getLogger("byway.server")

_EVENT_ID: Final = re.compile(rf"([A-Za-z0-9_-]{{{MIN_KEY},{MAX_KEY}}})\.([0-9]{{1,18}})")
_CONTENT_TYPE: Final = CONTENT_TYPE.encode()


HandOver = Callable[[Call, Hello], Awaitable[bool]]
"""Has the process of a reader's session serve its call; False where that is this one."""


class Readers:
    """Answers plain GETs with what the handler sends."""

    def __init__(self, paths: ReaderPaths, admission: Admission, limits: ServerLimits) -> None:
        """Answer at these paths.

        Raises:
            UsageError: they are none.
        """
        self._forms = ReaderForms(paths)
        self._admission = admission
        self._limits = limits

    def want(self, call: Call) -> bool:
        """Say whether this call is a reader's.

        A page that asks whether anybody is there at all (docs/protocol.md) is none: it would run
        the handler for nothing.
        """
        if call.scope["method"] != "GET" or call.values.get(b"accept") == _CONTENT_TYPE:
            return False
        return self._forms.at(call.scope["path"]) is not None

    async def serve(self, call: Call, hand_over: HandOver) -> None:
        """Answer one GET until the session ends or the reader leaves.

        Args:
            call: the call.
            hand_over: has the process of a session serve the call, if it is another one.

        Raises:
            PeerError: before anything was answered, or when the reader was told to come again.
        """
        try:
            await self._serve(call, hand_over)
        except PeerError as error:
            if would_give_up(call, error.status):
                await send_retry(call, error.retry_after)
            raise

    async def _serve(self, call: Call, hand_over: HandOver) -> None:
        scope, headers = call.scope, call.values
        events = self._forms.choose(scope["path"], headers.get(b"accept")) == EVENTS
        lost = ""
        resumed = None
        last_id = headers.get(b"last-event-id", b"").decode("latin-1")
        if events and last_id:
            try:
                hello = _resuming(last_id)
                if await hand_over(call, hello):
                    return
                resumed = await self._resume(call, hello)
            except NotHere as error:
                lost = str(error)
            except PeerError as error:
                # What ends with its server is begun anew at another, or at the next.
                if error.gone == ENDED and not self._admission.registry.draining:
                    # 204 tells an EventSource to stop (WHATWG HTML, section 9.2.3).
                    await send_response(call, 204, [(b"byway", EVENTS.encode())], b"")
                    return
                if error.status == 403:
                    raise  # somebody else's session: not to be answered with a new one
                if call.relayed is not None:
                    call.relayed.not_here(error)
                    return
                lost = str(error)
        hello = resumed or Hello(key=new_reader_key(process_name()), carrier=1, received=0, room=0)
        admitted = await self._admission.admit(call, hello, peer=READER)
        if isinstance(admitted, Denied):
            if would_give_up(call, admitted.status):
                await send_retry(call, _asked(admitted), application_headers(admitted.headers))
            else:
                await send_denial(call, admitted)
            return
        hosted, accepted = admitted
        carrier = _attach(hosted.live, hello, EVENTS if events else LINES)
        if call.relayed is not None:
            call.relayed.carries(hosted.live, hello)
        if hosted.live.core.finished:
            await send_response(call, 204, [(b"byway", EVENTS.encode())], b"")
            return
        exchange = Exchange(
            scope=scope,
            receive=call.receive,
            send=call.send,
            limits=self._limits,
            instance=hosted.instance,
            transports=(),
            subprotocol=None,
            headers=application_headers(accepted.headers) if resumed is None else [],
        )
        try:
            if events:
                await _serve_events(exchange, carrier, hello.key, lost)
            else:
                await _serve_lines(exchange, carrier)
        finally:
            carrier.end("the reader left")
            if not events or self._admission.registry.draining:
                hosted.live.let_go("the reader left")  # it has no way to come back

    async def _resume(self, call: Call, hello: Hello) -> Hello:
        """Find where an `EventSource` goes on.

        Raises:
            PeerError: it cannot go on.
        """
        found = await self._admission.find(call, hello, peer=READER)
        outbox = found.live.core.outbox
        if not outbox.first - 1 <= hello.received < outbox.next:
            raise PeerError("the messages after the last event are no longer kept", status=410)
        return hello


def _asked(denied: Denied) -> float | None:
    """Return the seconds after which the application wants it to come back, if it says so."""
    for name, value in denied.headers:
        if name.lower() == b"retry-after":
            return retry_after(value.decode("latin-1"), time.time())
    return None


def _resuming(last_id: str) -> Hello:
    """Return what the id of an event says.

    Raises:
        PeerError: it is none of ours.
    """
    match = _EVENT_ID.fullmatch(last_id)
    if match is None:
        raise PeerError("the last event id does not belong to this server", status=410)
    return Hello(key=match[1], carrier=1, received=int(match[2]), room=0)


def _attach(live: LiveSession, hello: Hello, form: str) -> LiveCarrier:
    for older in list(live.carriers.values()):
        older.end("the reader reconnected")
    carrier = live.attach(hello.carrier, form, ordered=True, received=hello.received)
    carrier.establish()
    return carrier


class _Messages:
    """Gives what a reader is written, message by message."""

    def __init__(self, carrier: LiveCarrier) -> None:
        self._carrier = carrier

    async def next(self) -> list[tuple[int, Outgoing | None]]:
        """Wait for messages, each with its number; padding is None. There are none at the end."""
        out: list[tuple[int, Outgoing | None]] = []
        while not out and (frames := await self._carrier.output()):
            number = self._carrier.core.cursor - sum(isinstance(one, Outgoing) for one in frames)
            for frame in frames:
                if isinstance(frame, Outgoing):
                    if frame.kind != PART:
                        out.append((number, frame.message or frame))
                    number += 1
                elif frame == PADDING:
                    out.append((0, None))
        return out


async def _serve_events(exchange: Exchange, carrier: LiveCarrier, key: str, lost: str) -> None:
    async def events() -> AsyncIterator[bytes]:
        # Many proxies hold the head until the first byte of the body.
        opening = reconnect_after()
        if lost:
            opening += b"event: lost\ndata: " + json.dumps({"reason": lost}).encode() + b"\n\n"
        yield opening
        messages = _Messages(carrier)
        while coming := await messages.next():
            yield b"".join(event(key, *one) for one in coming)
            if _is_end(coming):
                break

    headers: Headers = [(b"byway", EVENTS.encode()), *ANSWER_HEADERS, *exchange.headers]
    await serve_events(exchange, events(), headers)


def _is_end(coming: list[tuple[int, Outgoing | None]]) -> bool:
    last = coming[-1][1]
    return last is not None and last.kind == CLOSE


async def _serve_lines(exchange: Exchange, carrier: LiveCarrier) -> None:
    async def write() -> None:
        await exchange.body(b"", more=True)
        messages = _Messages(carrier)
        while coming := await messages.next():
            await exchange.body(b"".join(line(message) for _, message in coming), more=True)
            if _is_end(coming):
                break
        await exchange.body(b"", more=False)

    await exchange.start(LINES, "text/plain; charset=utf-8")
    await first_of(write(), exchange.left())
