"""The interface of a transport, and what its two halves are handed.

Knows: what every transport must do on the server and on the client.
Must not know: any one transport, the application, how transports are chosen.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping, Sequence
from dataclasses import dataclass
from random import uniform
from typing import TYPE_CHECKING, Any, ClassVar, Final

from byway.frames import encode_ack
from byway.handshake import Hello, Open
from byway.limits import ServerLimits
from byway.runtime import LiveCarrier, LiveSession
from byway.transports.response_form import BINARY as _BINARY
from byway.transports.response_form import encoded

if TYPE_CHECKING:
    from byway.transports.dial import Dial

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

ANSWER_HEADERS: Headers = [
    # Seen to be needed: nginx holds a TLS response to its end without X-Accel-Buffering, and
    # HAProxy's compression holds each chunk until the next without no-transform.
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]


EARLIEST: Final = 0.8
"""The shortest life of an endless response, as a share of the longest. Otherwise clients that
reconnected together, when a server was restarted, would move together again and again."""


@dataclass(slots=True)
class Exchange:
    """One ASGI call that carries a session: what the server's half of a transport works with.

    Attributes:
        scope: the ASGI scope.
        receive: the ASGI receive; a request body has been read already.
        send: the ASGI send.
        limits: bounds.
        instance: the run of the handler.
        transports: what this endpoint offers.
        subprotocol: what the application chose.
        headers: headers that the application's `accept` adds to the response.
        promote: OPEN says that a WebSocket, which could not have opened the session, is taken now.
        text: whether a response that has an end is wanted as text.
    """

    scope: Scope
    receive: Receive
    send: Send
    limits: ServerLimits
    instance: str
    transports: tuple[str, ...]
    subprotocol: str | None
    headers: Headers
    promote: bool = False
    text: bool = False

    def opening(self, carrier: LiveCarrier) -> bytes:
        """Make the OPEN frame that begins a carrier."""
        received, room = carrier.live.core.announce(carrier.core)
        return Open(
            instance=self.instance,
            transport=carrier.transport,
            received=received,
            room=room,
            heartbeat=carrier.live.heartbeat,
            window=self.limits.window,
            silence=self.limits.silence,
            part=self.limits.part,
            batch=self.limits.batch,
            transports=self.transports,
            subprotocol=self.subprotocol,
            promote=self.promote,
        ).frame()

    async def start(self, answer: str, content_type: str, *, length: int | None = None) -> None:
        """Begin an HTTP response with status 200; without a length it is chunked."""
        await send_start(self.send, answer, content_type, self.headers, length=length)

    async def body(self, data: bytes, *, more: bool) -> None:
        """Write a piece of the response, and wait while the connection is full."""
        await self.send({"type": "http.response.body", "body": data, "more_body": more})

    async def acknowledge(
        self, answer: str, live: LiveSession, carrier: LiveCarrier | None
    ) -> None:
        """Respond with ACK to a request that brought frames up.

        Args:
            answer: what the request asked for.
            live: the session.
            carrier: the carrier that the request goes with, None for none.
        """
        ack = encode_ack(*live.core.announce(carrier.core if carrier else None))
        await self.whole(answer, ack)

    async def whole(self, answer: str, frames: bytes) -> None:
        """Send a complete response with these frames, in the form that is wanted."""
        await send_whole(self.send, answer, frames, text=self.text, headers=self.headers)

    async def left(self) -> None:
        """Wait until the client has left, or the response is complete."""
        while (await self.receive())["type"] != "http.disconnect":
            pass


async def send_start(
    send: Send,
    answer: str,
    content_type: str,
    headers: Sequence[tuple[bytes, bytes]] = (),
    *,
    length: int | None = None,
) -> None:
    """Begin an HTTP response with status 200; without a length it is chunked."""
    all_headers = [
        (b"content-type", content_type.encode()),
        (b"byway", answer.encode()),
        *ANSWER_HEADERS,
        *headers,
    ]
    if length is not None:
        all_headers.append((b"content-length", str(length).encode()))
    await send({"type": "http.response.start", "status": 200, "headers": all_headers})


async def send_whole(
    send: Send,
    answer: str,
    frames: bytes,
    *,
    text: bool,
    headers: Sequence[tuple[bytes, bytes]] = (),
) -> None:
    """Send a complete response with these frames, in the form that is wanted."""
    kind, data = encoded(frames, text=True) if text else (_BINARY, frames)
    all_headers = [
        (b"content-type", kind.encode()),
        (b"byway", answer.encode()),
        *ANSWER_HEADERS,
        *headers,
        (b"content-length", b"%d" % len(data)),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": all_headers})
    await send({"type": "http.response.body", "body": data, "more_body": False})


class Transport(ABC):
    """A way to carry frames. One instance serves all sessions, so it keeps no state of one.

    What both halves promise: frames fed and written keep their order on one carrier; a carrier
    that fails says so by ending; nothing is acknowledged that was not received.
    """

    name: ClassVar[str]
    """What it is called in preferences, logs and on the wire."""

    ordered: ClassVar[bool] = True
    """Whether its downlink is one byte stream, rather than one response after another."""

    batched: ClassVar[bool] = True
    """Whether its uplink is made of requests of their own, rather than one byte stream."""

    @abstractmethod
    async def serve(self, exchange: Exchange, live: LiveSession, hello: Hello) -> None:
        """Carry the session as this call allows: the server's half.

        Returns when the carrier has ended, or after the response to one poll.

        Raises:
            FrameError: the carrier cannot be attached. Nothing has been sent then.
        """

    @abstractmethod
    async def carry(self, dial: Dial, carrier: LiveCarrier) -> None:
        """Open a carrier and keep it until it ends: the client's half.

        It hands OPEN to `dial.opened`. It returns when the session is over, and is cancelled
        to give the carrier up.

        Raises:
            Refused: the application refused the session.
            CarrierLost: the carrier did not open, or ended before the session.
        """


def attach_endless(live: LiveSession, hello: Hello, transport: str) -> LiveCarrier:
    """Attach a carrier whose downlink is one endless response: this one.

    A proxy that believes a request to have failed repeats it. Nobody reads the response to the
    first any more, so the one that comes later takes its place.

    Raises:
        FrameError: the id belongs to a carrier of another kind, or HELLO is wrong.
    """
    earlier = live.carriers.get(hello.carrier)
    if earlier is not None and earlier.transport == transport:
        earlier.end("its request was repeated")
    carrier = live.attach(hello.carrier, transport, ordered=True, received=hello.received)
    carrier.establish()
    carrier.leave_after(live.server_limits.answer_time * uniform(EARLIEST, 1))
    return carrier


async def stop(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks, and wait until they have ended; what they raised is of no interest any more.

    It waits on where it is cancelled itself, and says so afterwards. Whoever is cancelled twice
    (`asyncio.gather` cancels what it waits for once more) would else leave a request behind that
    nobody ends, and its connection.
    """
    for task in tasks:
        task.cancel()
    cancelled: asyncio.CancelledError | None = None
    while running := [task for task in tasks if not task.done()]:
        try:
            await asyncio.wait(running)
        except asyncio.CancelledError as error:
            cancelled = error
    for task in tasks:
        if not task.cancelled():
            task.exception()  # asyncio complains of what nobody looks at
    if cancelled is not None:
        raise cancelled


async def first_of(*halves: Coroutine[Any, Any, None]) -> None:
    """Run coroutines until one ends or fails, cancel the others, and raise what it raised."""
    tasks = [asyncio.ensure_future(half) for half in halves]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await stop(*tasks)
    for task in tasks:
        if task in done:
            task.result()
