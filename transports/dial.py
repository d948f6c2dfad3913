"""Dialling: what the client's half of any transport needs to reach the server.

Knows: the address, headers, certificates and proxy, alike for every transport; the session key.
Must not know: which transports there are, or in which order they are tried.

`Dial` has 25 attributes: the caller's wishes, what the server has said in OPEN, and what was
learned of the path. Every transport needs most of them for each request.
"""

from __future__ import annotations

import asyncio
import ssl as ssl_module
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from byway.errors import ELSEWHERE, CarrierLost, FrameError
from byway.frames import OPEN, Frame, decode_all
from byway.handshake import ACK_ANSWER, CONTENT_TYPE, Hello, Open
from byway.http_library import httpx
from byway.limits import ClientLimits
from byway.masking import mask_client
from byway.runtime import LATE, LiveCarrier
from byway.session import Intake
from byway.transports.connection_errors import proxy_status, trouble
from byway.transports.cookies import Cookies
from byway.transports.http.turns import Turns
from byway.transports.http2 import WANTED
from byway.transports.http_clients import HttpClients
from byway.transports.lookup import Names
from byway.transports.other_processes import Elsewhere
from byway.transports.pool import OPENED, abandon
from byway.transports.refusal import check
from byway.transports.request_head import room
from byway.transports.response_form import BINARY, Form, decoded, is_text, longest

if TYPE_CHECKING:
    from byway.transports.plain import Plain


class Observer:
    """Is told what a dial sees. This one takes no notice; a doctor's writes it down."""

    def answered(self, answer: str, status: int, headers: httpx.Headers) -> None:
        """Take the head of a response: to a HELLO's `answer`, or to a WebSocket's handshake."""

    def batch_failed(self, error: CarrierLost) -> None:
        """Take it that a batch, or a poll with frames, failed; the frames are sent again."""


@dataclass(slots=True)
class Dial:
    """How to reach one server for one session.

    Attributes:
        url: the endpoint as an ``http(s)`` URL.
        headers: what the caller adds to every request and handshake.
        ssl: certificates and TLS settings; None for plain text.
        proxy: URL of the proxy to use, None for none.
        key: the session key.
        subprotocols: what the caller offers.
        limits: bounds.
        on_open: called with OPEN, the carrier and the response's headers when a carrier opens.
        on_plain: called with a WebSocket whose server does not speak byway; it returns when
            that is closed.
        byway_shown: set once a response has shown that byway is served at this address.
        instance: the run of the handler, once it is known.
        heartbeat: longest silence that the server keeps, in seconds.
        silence: longest silence that the server wants of this side, in seconds.
        observer: is told of responses, and of batches that failed.
        uploads: whether an upload is worth a try: none has failed yet.
        turns: whether the path lets requests through one at a time only.
        waits: set when a batch waits for the end of an endless response.
        peers: IP addresses at which the server, or the proxy, was reached last, one a family.
        extended: whether a WebSocket over HTTP/2 is worth a try: it is wanted, and none has failed.
        elsewhere: the responses in a row of processes that do not have the session.
        cookies: those that responses have set; those of an earlier session, or None for none yet.
        form: the form of responses that have an end.
        names: who knows addresses.
    """

    url: httpx.URL
    headers: list[tuple[str, str]]
    ssl: ssl_module.SSLContext | None
    proxy: str | None
    key: str
    subprotocols: tuple[str, ...]
    limits: ClientLimits
    on_open: Callable[[Open, LiveCarrier, httpx.Headers], None]
    on_plain: Callable[[Plain], Awaitable[None]]
    instance: str | None = None
    heartbeat: float = 0.0
    silence: float = 0.0
    observer: Observer = field(default_factory=Observer)
    byway_shown: asyncio.Event = field(default_factory=asyncio.Event)
    uploads: bool = True
    extended: bool = field(default_factory=lambda: WANTED)
    elsewhere: Elsewhere = field(default_factory=Elsewhere)
    cookies: Cookies | None = field(default=None, repr=False)
    turns: Turns = field(default_factory=Turns)
    waits: asyncio.Event = field(default_factory=asyncio.Event)
    peers: tuple[str, ...] = ()
    form: Form = field(default_factory=Form)
    names: Names = field(default_factory=Names)
    _cookies: Cookies = field(init=False, repr=False)
    _clients: HttpClients = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Expect the default heartbeat until OPEN says otherwise."""
        mask_client()
        self.heartbeat = self.limits.heartbeat
        self.silence = self.limits.silence
        if self.cookies is None:
            most = room(self.url, self.headers, self.subprotocols, self.limits)
            self.cookies = Cookies(self.url, most)
        self._cookies = self.cookies
        self._clients = HttpClients(self.names, ssl=self.ssl, proxy=self.proxy, http2=WANTED)

    @property
    def patience(self) -> float:
        """Seconds of silence after which a downlink, or an unanswered batch, is dead."""
        return LATE * self.heartbeat

    def reached(self, address: object) -> None:
        """Take note of where a connection leads.

        Args:
            address: what the socket says of its other side; anything but one of IP is passed over.
        """
        if not (isinstance(address, tuple) and len(address) >= 2 and isinstance(address[0], str)):
            return
        host: str = address[0]
        others = (one for one in self.peers if (":" in one) != (":" in host))
        self.peers = tuple(sorted((host, *others)))

    def hello(self, carrier: LiveCarrier, answer: str, *, poll: int = 0) -> Hello:
        """Make the HELLO for a carrier."""
        received, room = carrier.live.core.announce(carrier.core)
        return Hello(
            key=self.key,
            carrier=carrier.core.id,
            received=received,
            room=room,
            instance=self.instance,
            answer=answer,
            poll=poll,
            subprotocols=self.subprotocols if self.instance is None else (),
            form=self.form.asked(answer),
        )

    def opened(self, carrier: LiveCarrier, payload: bytes, headers: httpx.Headers) -> None:
        """Take the payload of OPEN.

        Raises:
            FrameError: it is malformed, or says more was received than was sent.
            CarrierLost: it comes from another run of the handler, in a process that does not
                know this session. Its frames must not be taken.
        """
        opening = Open.parse(payload)
        if self.instance is not None and opening.instance != self.instance:
            raise CarrierLost(
                "the response is from another instance: two servers share this address",
                gone=ELSEWHERE,
            )
        self._cookies.take(headers.multi_items())
        carrier.live.acknowledge(opening.received, opening.room)
        self.instance = opening.instance
        self.byway_shown.set()
        self.heartbeat = opening.heartbeat
        self.silence = opening.silence
        carrier.live.window = opening.window
        carrier.live.batch = min(self.limits.batch, opening.batch)
        carrier.live.core.outbox.part = min(self.limits.part, opening.part)
        carrier.establish()
        self.on_open(opening, carrier, headers)

    def feed(self, carrier: LiveCarrier, frames: list[Frame], headers: httpx.Headers) -> None:
        """Take frames of a downlink; the first that ever comes has to be OPEN.

        Raises:
            FrameError: they are against the protocol.
            CarrierLost: the carrier has ended, or another run of the handler responds.
        """
        if frames and not carrier.opened.is_set():
            kind, payload = frames[0]
            if kind != OPEN:
                raise FrameError("the first frame is not OPEN")
            self.opened(carrier, payload, headers)
        self.elsewhere.heard()
        carrier.feed(frames)

    @property
    def outgoing(self) -> list[tuple[str, str]]:
        """What every request and handshake has: the caller's headers, and the cookies due now."""
        return self._cookies.merged(self.headers)

    def learn(self, status: int, headers: httpx.Headers, *, opens: bool) -> None:
        """Take the cookies of a response, unless it may come from another server than the session.

        That one's cookie would lead every later request to the wrong server.

        Args:
            status: its status.
            headers: its headers.
            opens: whether OPEN says whose it is, where the response is byway's. `opened` takes
                the cookies then.
        """
        mark = headers.get("byway", "")
        if mark == "error" and status == 410:
            return
        if not (opens and mark and status in (101, 200)) or self.instance is None:
            self._cookies.take(headers.multi_items())

    @asynccontextmanager
    async def request(
        self, hello: Hello, accept: str, frames: bytes | AsyncIterator[bytes] = b""
    ) -> AsyncIterator[httpx.Response]:
        """Send HELLO and frames; give the response as soon as its head has come.

        Args:
            hello: HELLO.
            accept: the content type to accept.
            frames: what follows HELLO; or an upload's whole body, HELLO at its head.

        Raises:
            Refused: the application refused the session.
            CarrierLost: no response, or not the one asked for; also for what goes wrong in the
                body of the block. Its `other_form` says whether to ask again at once.
        """
        try:
            accept = self.form.accept(hello, accept)
            async with self._request(hello, accept, frames) as response:
                yield response
        except CarrierLost as error:
            error.other_form = self.form.failed(hello, error)
            raise
        self.form.came(hello)

    @asynccontextmanager
    async def _request(
        self, hello: Hello, accept: str, frames: bytes | AsyncIterator[bytes]
    ) -> AsyncIterator[httpx.Response]:
        headers = [
            *self.outgoing,
            ("content-type", CONTENT_TYPE),
            ("byway", "1" if isinstance(frames, bytes) else "up"),
            ("accept", accept),
            # A compressor between here and there would hold back what is not a whole block.
            ("accept-encoding", "identity"),
        ]
        timeout = httpx.Timeout(self.patience, pool=None)
        content = hello.frame() + frames if isinstance(frames, bytes) else frames
        client = self._clients.begin()
        try:
            async with client.stream(
                "POST", self.url, content=content, headers=headers, timeout=timeout
            ) as response:
                OPENED.pop(asyncio.current_task(), None)
                self._clients.spoke(response.http_version)
                stream = response.extensions.get("network_stream")
                if stream is not None:
                    self.reached(stream.get_extra_info("server_addr"))
                self.observer.answered(hello.answer, response.status_code, response.headers)
                if "byway" in response.headers:
                    self.byway_shown.set()
                first = hello.answer != ACK_ANSWER and hello.poll <= 1
                self.learn(response.status_code, response.headers, opens=first)
                await check(response, hello.answer)
                try:
                    yield response
                except asyncio.CancelledError:
                    if not response.is_closed:
                        abandon(stream)
                    raise
        except asyncio.CancelledError:
            abandon(None)
            raise
        except FrameError as error:
            raise CarrierLost(
                f"the server sent what it may not: {error}", trouble="protocol"
            ) from error
        except (httpx.TimeoutException, TimeoutError) as error:
            self._clients.distrust(client)
            raise CarrierLost(
                f"silent for {self.patience:g} s ({type(error).__name__})", trouble=trouble(error)
            ) from error
        except (httpx.HTTPError, httpx.StreamError) as error:
            self._clients.distrust(client)
            raise CarrierLost(
                f"{type(error).__name__}: {error}" if str(error) else type(error).__name__,
                answered=proxy_status(error),
                trouble=trouble(error),
            ) from error
        finally:
            await self._clients.ended(client)

    async def frames(self, response: httpx.Response) -> list[Frame]:
        """Read a response that has an end, and return its frames.

        Raises:
            FrameError: it is over the bound for a body, is compressed, is text and not base64, or
                does not hold frames.
        """
        # As it came: a little may unpack to very much, and nobody was asked to compress it.
        if (coding := response.headers.get("content-encoding", "identity")) != "identity":
            raise FrameError(f"the response is compressed, though not asked for: {coding[:20]}")
        text = is_text(response.headers.get("content-type", ""))
        body, bound = bytearray(), longest(self.limits.body, text=text)
        async for piece in response.aiter_raw():
            body += piece
            if len(body) > bound:
                raise FrameError(
                    f"the response is over the limit of {self.limits.body} bytes", status=413
                )
        return decode_all(decoded(bytes(body), text=text), max_frame=self.limits.max_frame)

    async def batch(self, carrier: LiveCarrier, frames: bytes) -> None:
        """Bring frames up in a request of their own and take the acknowledgement.

        Raises:
            CarrierLost: there was no response, or it was no acknowledgement.
        """
        hello = self.hello(carrier, ACK_ANSWER)
        try:
            async with self.request(hello, BINARY, frames) as response:
                carrier.live.feed(Intake(ordered=False), await self.frames(response))
                self.elsewhere.heard()
        except CarrierLost as error:
            if not error.other_form:
                self.observer.batch_failed(error)
            raise

    async def renew(self) -> None:
        """Make new connections for the requests from now on: the idle ones may be dead.

        The responses that are being read now go on; those from before the last time do not.
        """
        self.names.forget()
        await self._clients.renew()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._clients.aclose()
