"""Probes: byway's own small echo, which a doctor tries transports against.

Knows: how much of everything a probe may have, and who has how many.
Must not know: the application, transports, requests.

A probe runs without the application, so without its authentication too. That is why it is
bounded in number, by address, in bytes and in time.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Final
from urllib.parse import quote

from byway.errors import PeerError
from byway.handshake import PROBE
from byway.limits import ServerLimits
from byway.runtime import LiveSession
from byway.server.application import ApplicationRun, websocket_scope
from byway.session import OVERHEAD
from byway.transports.base import Event, Receive, Scope, Send

LAST_WORDS: Final = 1.0
"""Seconds that the client of a probe may take to acknowledge its close."""

END: Final = "end"
"""The message that asks a probe to end, so that what a network holds back arrives."""

COUNT: Final = "repeats"
"""The message that is answered with the number of frames that came again."""

logger: logging.Logger = logging.getLogger("byway.server")


class Probes:
    """The probes of this process.

    Attributes:
        limits: bounds of a probe's session.
    """

    def __init__(self, limits: ServerLimits) -> None:
        """Start with none."""
        box = limits.probe_message
        self.limits: ServerLimits = replace(
            limits,
            max_message=min(limits.max_message, box),
            inbox=min(limits.inbox, box),
            outbox=min(limits.outbox, box),
            window=min(limits.window, limits.probe_wait),
            # What a doctor watches is silence, so its client is not asked to speak.
            silence=max(limits.silence, limits.probe_time),
        )
        self._by_address: Counter[str] = Counter()

    def admit(self, scope: Scope, address: str) -> Callable[[LiveSession], ApplicationRun]:
        """Return what starts one more probe.

        Args:
            scope: of the call that asks for it.
            address: what counts as one client, see `client_address`.

        Raises:
            PeerError: 429, if there are too many, here or of this address.
        """
        limits = self.limits
        if self._by_address.total() >= limits.probes:
            raise PeerError(
                f"the server already has {limits.probes} probes, its maximum", status=429
            )
        if self._by_address[address] >= limits.probes_per_address:
            raise PeerError(
                f"this address already has {limits.probes_per_address} probes, its maximum",
                status=429,
            )

        def start(live: LiveSession) -> ApplicationRun:
            logger.info(
                "probe %s of %s from %s", live.name, quote(scope["path"], errors="replace"), address
            )
            live.longest_heartbeat = max(limits.heartbeat, limits.probe_time)
            run = ApplicationRun(_Echo(live), websocket_scope(scope, (PROBE,)), live)
            self._by_address[address] += 1
            run.task.add_done_callback(lambda _: self._gone(address))
            return run

        return start

    def _gone(self, address: str) -> None:
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]


class _Echo:
    """What a probe talks to: an ASGI application that sends back what comes, for a while."""

    def __init__(self, live: LiveSession) -> None:
        self._live = live

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        await send({"type": "websocket.accept", "subprotocol": PROBE})
        limits = self._live.server_limits
        try:
            async with asyncio.timeout(limits.probe_time):
                try:
                    async with asyncio.timeout(limits.probe_wait):
                        event = await receive()
                except TimeoutError:
                    # The responses of a client that hears nothing have to end: a network that holds
                    # them back passes them on then.
                    self._live.abort(1006, f"no message within {limits.probe_wait:g} s")
                    return
                code, reason = await self._echo(event, receive, send)
        except TimeoutError:
            code, reason = 1000, f"a probe lasts {limits.probe_time:g} s at most"
        self._live.close(code, reason)
        try:
            async with asyncio.timeout(LAST_WORDS):
                await self._live.finished.wait()
        except TimeoutError:
            self._live.abort(1006, "the close of a probe was not acknowledged")

    async def _echo(self, event: Event, receive: Receive, send: Send) -> tuple[int, str]:
        limits, echoed = self._live.server_limits, 0
        while event["type"] == "websocket.receive":
            message = event["text"] if event.get("text") is not None else event["bytes"]
            if message == END:
                return 1000, "as asked"
            echoed += len(message) + OVERHEAD  # empty ones are not for nothing
            if echoed > limits.probe_bytes:
                return 1009, f"a probe echoes {limits.probe_bytes} bytes at most"
            if message == COUNT:
                event = {"text": str(self._live.core.repeats)}
            await send({**event, "type": "websocket.send"})
            event = await receive()
        return 1000, ""
