"""A probe session: one transport, on a dial of its own, and what becomes of its carriers.

Knows: how a probe is opened, followed where it may be, and closed; when each thing happened.
Must not know: what is tried on it, what anything means.

`Probing` has more than 25 attributes: half of them are what it has seen, which the examination
reads when it is over and turns into `Evidence`; the rest is the session itself.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import ssl as ssl_module
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Final

from byway.doctor.page import page_headers
from byway.errors import CarrierLost, Refused
from byway.handshake import PROBE, Open
from byway.http_library import httpx
from byway.keys import name_of, new_key
from byway.limits import KIB, ClientLimits
from byway.negotiation.retry import PASSING
from byway.retry_hint import retry_after
from byway.runtime import LiveCarrier, LiveSession
from byway.session import Closed
from byway.transports import REGISTRY
from byway.transports.base import stop
from byway.transports.dial import Dial, Observer
from byway.transports.http.turns import Turns
from byway.transports.other_processes import Elsewhere
from byway.transports.plain import Plain
from byway.transports.reach import Stage, watched

OPENINGS: Final = 5
"""Times that an opening is tried whose connection or answer ended before its first frame."""

POLLS: Final = 20
"""Times that polls are begun again after one was lost."""

INBOX: Final = 64 * KIB
"""Bytes that may have come and were not read yet; beyond it the server comes to wait."""

BUSY: Final = 429
"""The status with which a server says that it has its probes."""

PAUSE: Final = 1.0
"""Seconds until it is asked again."""

AGAIN: Final = 1.0
"""Seconds until a carrier that is not proven is asked again."""

FAREWELL: Final = 0.5
"""Seconds that the close of a probe may take; the server lets it go by itself."""


def is_away(error: CarrierLost | Refused) -> bool:
    """Say whether somebody answered in the place of a server that is away for the moment."""
    return isinstance(error, CarrierLost) and not error.mark and error.answered in PASSING - {511}


@dataclass(frozen=True, slots=True)
class Way:
    """The way to the server, alike for every probe.

    Attributes:
        url: the endpoint as an ``http(s)`` URL.
        headers: what the caller adds to every request and handshake.
        ssl: certificates and TLS settings; None for plain text.
        proxy: URL of the proxy, None for none.
        turns: whether it lets requests through one at a time only, as the probes find out.
        waits: set when that is found out.
        as_page: whether requests also say what a page of the URL's own origin would.
    """

    url: httpx.URL
    headers: list[tuple[str, str]]
    ssl: ssl_module.SSLContext | None
    proxy: str | None
    as_page: bool = True
    turns: Turns = field(default_factory=lambda: Turns(may_visit=True))
    waits: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class Loss:
    """A carrier that ended, or did not open.

    Attributes:
        at: when, on the loop's clock.
        opened: whether it had opened.
        error: what ended it.
    """

    at: float
    opened: bool
    error: CarrierLost | Refused


class Probing(Observer):
    """A probe session over one transport, from its first attempt to its close.

    A poll that is lost is followed by another, and so is an opening whose connection or answer
    ended before its first frame. Every other loss is the end.

    Attributes:
        started: when, on the loop's clock.
        live: the session.
        losses: the carriers lost, in order.
        answered_at: when the head of the last response to an opening came.
        status: its status.
        headers: its headers.
        opening: OPEN, once it came.
        opened: when the first carrier opened.
        proven: when the first was proven.
        plain: whether a WebSocket opened whose server does not speak byway.
        failed_batches: why batches were not acknowledged.
        echoed: bytes that came back.
        text: the last text that came.
        messages: messages that came back.
        heard: when the last of them came.
        closed: how the server closed the probe, if it did.
        stage: how far the newest attempt has come.
    """

    def __init__(self, transport: str, way: Way, *, timeout: float, silence: float = 0.0) -> None:
        """Prepare; entering it starts.

        Args:
            transport: name of the transport.
            way: the way to the server.
            timeout: seconds without a response after which a request has failed.
            silence: seconds for which the downlink is asked to be silent; 0 for the server's own
                heartbeat.
        """
        self._loop = asyncio.get_running_loop()
        self._transport = REGISTRY[transport]
        patience = max(timeout, 2 * silence)
        limits = ClientLimits()
        self._limits = replace(
            limits,
            heartbeat=patience / 2,  # a dial waits for two of them
            silence=max(limits.silence, 2 * silence),
            # An acknowledgement is due at a quarter of it: before the server, whose outbox for a
            # probe is 32 KiB, has to wait for one.
            inbox=INBOX,
        )
        self._silence = silence
        self.live: LiveSession = LiveSession(self._limits, name="", level=logging.DEBUG)
        self._dial = Dial(
            url=way.url,
            headers=way.headers + (page_headers(way.url, transport) if way.as_page else []),
            ssl=way.ssl,
            proxy=way.proxy,
            key=new_key(),
            subprotocols=(PROBE,),
            limits=self._limits,
            on_open=self._on_open,
            on_plain=self._on_plain,
            observer=self,
            turns=way.turns,
            waits=way.waits,
        )
        self.live.name = name_of(self._dial.key)
        self.live.on_event = lambda _: self._notice()
        if silence:
            self.live.ask_heartbeat(silence)
        self.started: float = self._loop.time()
        self.losses: list[Loss] = []
        self.answered_at: float | None = None
        self.status: int | None = None
        self.headers: httpx.Headers = httpx.Headers()
        self.opening: Open | None = None
        self.opened: float | None = None
        self.proven: float | None = None
        self.plain: bool = False
        self.failed_batches: list[CarrierLost] = []
        self.echoed: int = 0
        self.text: str = ""
        self.messages: int = 0
        self.heard: float = self.started
        self.closed: Closed | None = None
        self.stage: Stage = Stage()
        self._changed = asyncio.Event()
        self._carriers = 0
        self._keeper: asyncio.Task[None] | None = None
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Probing:
        """Start."""
        self.started = self.heard = self._loop.time()
        self._keeper, self.stage = watched(self._keep())
        self._keeper.add_done_callback(lambda _: self._notice())
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the probe if that is quick, and let go of everything."""
        assert self._keeper is not None
        assert self._reader is not None
        try:
            if kind is None and not self.over and self.proven is not None:
                self.live.close()
                await asyncio.wait({self._keeper}, timeout=FAREWELL)
        finally:
            # Whoever is cancelled twice leaves nothing behind either.
            try:
                await stop(self._keeper, self._reader)
            finally:
                self.live.abort(1006, "the probe has ended")
                await self._dial.aclose()
        for task in (self._keeper, self._reader):
            if not task.cancelled():
                task.result()  # raises a fault of byway's own

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        assert self._keeper is not None
        return self._keeper.done() or self.closed is not None

    async def until(self, wanted: Callable[[], bool], deadline: float) -> bool:
        """Wait until something is so, or the probe is over, or time is up; say whether it is so."""
        try:
            async with asyncio.timeout_at(deadline):
                while not wanted() and not self.over:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            pass
        return wanted()

    async def prove(self, deadline: float) -> bool:
        """Wait until a carrier is proven, and ask again now and then; say whether it is.

        A PONG is not repeated as messages are, and a response that holds it may be lost.
        """
        while not await self.until(
            lambda: self.proven is not None, min(deadline, self._loop.time() + AGAIN)
        ):
            if self.over or self._loop.time() >= deadline:
                return False
            for carrier in self.live.carriers.values():
                if carrier.opened.is_set():
                    # The PONG to the first will do as well, where it is only late.
                    nonce = carrier.core.nonce or secrets.token_bytes(8)
                    carrier.ping(nonce)
        return True

    @property
    def text_only(self) -> bool:
        """Whether responses that have an end pass as text only."""
        return self._dial.form.text_only

    async def ask_again(self) -> None:
        """Ask for the session on a new connection, with its cookies, and see what responds.

        Raises:
            CarrierLost: it was refused, or not answered.
        """
        carrier = self._open_carrier()
        if carrier is None:
            return
        known = self._dial
        # All that is known, and connections of its own. What it sees is nobody's finding.
        dial = replace(
            known,
            on_open=lambda *_: None,
            on_plain=self._on_plain_again,
            observer=Observer(),
            byway_shown=asyncio.Event(),
            elsewhere=Elsewhere(),
        )
        try:
            if self._transport.batched:
                await dial.batch(carrier, b"")
            else:
                await self._open_again(dial)
        finally:
            await dial.aclose()

    async def _open_again(self, dial: Dial) -> None:
        """Open another carrier beside the one in use, and let it go."""
        self._carriers += 1
        name = self._transport.name
        carrier = self.live.attach(self._carriers, name, ordered=True, batched=False)
        carrying = asyncio.create_task(self._transport.carry(dial, carrier))
        opened = asyncio.create_task(carrier.opened.wait())
        try:
            await asyncio.wait({carrying, opened}, return_when=asyncio.FIRST_COMPLETED)
            if carrying.done():
                carrying.result()
        except Refused as error:
            raise CarrierLost(str(error)) from error
        finally:
            await stop(carrying, opened)
            carrier.end("it was only a test request")

    async def _on_plain_again(self, plain: Plain) -> None:
        pass  # another server answered the handshake; returning closes it

    def _open_carrier(self) -> LiveCarrier | None:
        carriers = self.live.carriers.values()
        return next((one for one in carriers if one.opened.is_set()), None)

    def answered(self, answer: str, status: int, headers: httpx.Headers) -> None:
        """Note the head of a response to an opening."""
        if answer == self._transport.name and self.opened is None:
            self.answered_at = self._loop.time()
            self.status, self.headers = status, headers
            self._notice()

    def batch_failed(self, error: CarrierLost) -> None:
        """Note that a batch was not acknowledged."""
        self.failed_batches.append(error)

    def _notice(self) -> None:
        if self.proven is None and any(one.proven for one in self.live.core.carriers.values()):
            self.proven = self._loop.time()
        self._changed.set()

    def _on_open(self, opening: Open, carrier: LiveCarrier, headers: httpx.Headers) -> None:
        if self._silence:
            # Nothing is said, nor expected, for as long as silence is watched.
            self._dial.heartbeat = max(self._dial.heartbeat, self._limits.heartbeat)
            self._dial.silence = max(self._dial.silence, self._limits.silence)
        if self.opened is None:
            self.opening, self.opened = opening, self._loop.time()
        # Only a PONG to what was asked after OPEN shows that a response passes while it is open.
        carrier.select()
        carrier.ping(secrets.token_bytes(8))
        self._notice()

    async def _on_plain(self, plain: Plain) -> None:
        self.plain = True  # returning closes it

    async def _keep(self) -> None:
        """Open carriers as long as that may help."""
        while True:
            self._carriers += 1
            name = self._transport.name
            carrier = self.live.attach(
                self._carriers,
                name,
                ordered=self._transport.ordered,
                batched=self._transport.batched,
            )
            try:
                await self._transport.carry(self._dial, carrier)
                return  # the session is over, or the server does not speak byway
            except (CarrierLost, Refused) as error:
                opened = carrier.opened.is_set()
                self._notice()  # it may have been proven with its last words
                carrier.end(str(error) or "lost")
                self.losses.append(Loss(self._loop.time(), opened, error))
                self._notice()
                if not self._may_follow(error):
                    return
                if isinstance(error, CarrierLost) and (error.answered == BUSY or is_away(error)):
                    asked = retry_after(dict(error.headers).get("retry-after", ""), time.time())
                    await asyncio.sleep(max(PAUSE, asked or 0.0))

    def _may_follow(self, error: CarrierLost | Refused) -> bool:
        if isinstance(error, Refused) or error.gone:
            return False
        if error.answered == BUSY and error.mark:
            return self.opened is None  # somebody else's probes; until time is up
        if is_away(error):
            return self.opened is None  # it may be back in a moment; until time is up
        if error.trouble in ("reset", "ended") or error.answered == 409:
            if self.opened is None:
                return len(self.losses) < OPENINGS
            return not self._transport.ordered and len(self.losses) < POLLS
        return False

    async def _read(self) -> None:
        """Count what comes back."""
        while True:
            got = await self.live.receive()
            if isinstance(got, Closed):
                self.closed = got
                self._notice()
                return
            self.messages += 1
            if isinstance(got, bytes):
                self.echoed += len(got)
            else:
                self.text = got
            self.heard = self._loop.time()
            self._notice()
