"""A session of numbered messages both ways, each checked where it comes.

Knows: what the handler of `numbered_app` pushes and answers.
Must not know: what becomes of the network.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

import byway
from byway import ClientLimits
from tests.apps.numbered_app import DONE, ECHO
from tests.support.numbered import LONGEST, Numbered, digest
from tests.support.peers import connect

LIMITS = ClientLimits(heartbeat=1.0, window=30.0)

TAIL = 60
"""Messages at the end of a session that goes on until it is told: one by one, the last then."""

STEP = 0.1
"""Seconds between two of them."""


@dataclass
class NumberedSession:
    """The client's side.

    Attributes:
        seed: of the messages.
        count: messages each way.
        seconds: that each direction's pauses take together.
        longest: bytes of the longest message.
        only: the one transport to use; None for all.
        options: more of those of `byway.connect`.
        again: whether to connect once more where no transport was found, as an application would:
            where the network changes under it. Elsewhere that is a failure.
        until: the session does not end before it is set; None for nothing to wait for.
        begun: set when a message has come.
        halfway: set when half of the messages have come.
        transports: those that came into use, in order.
    """

    seed: str
    count: int
    seconds: float
    longest: int = LONGEST
    only: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    again: bool = True
    until: asyncio.Event | None = None
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    halfway: asyncio.Event = field(default_factory=asyncio.Event)
    transports: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Draw the messages."""
        self._up = Numbered(f"up/{self.seed}", self.count, longest=self.longest)
        self._down = Numbered(f"down/{self.seed}", self.count, longest=self.longest)
        self._sent = self._pushed = self._answered = 0

    async def run(self, url: str, *, timeout: float) -> None:
        """Connect, exchange everything, and see that the close comes last.

        Args:
            url: of the server, without a path.
            timeout: seconds that all of it may take.

        Raises:
            AssertionError: a message is lost, doubled, changed or out of order, or time is over.
        """
        try:
            async with asyncio.timeout(timeout):
                while not await self._open_and_run(url, timeout):
                    pass
        except TimeoutError:
            raise AssertionError(f"not complete within {timeout:g} s: {self}") from None

    async def _open_and_run(self, url: str, timeout: float) -> bool:
        """Run the session; return false where it did not come to be."""
        query = f"seed={self.seed}&count={self.count}&seconds={self.seconds}"
        connecting = connect(
            f"{url}/?{query}&longest={self.longest}",
            self.only,
            **{
                "memory": False,
                "limits": LIMITS,
                "on_transport": self.transports.append,
                "open_timeout": timeout,
                **self.options,
            },
        )
        async with AsyncExitStack() as stack:
            try:
                channel = await stack.enter_async_context(connecting)
            except byway.NoTransport:
                if not self.again:
                    raise
                return False
            async with asyncio.TaskGroup() as group:
                group.create_task(self._send(channel))
                await self._receive(channel)
            assert await channel.receive() is None, "something came after the last"
            assert (channel.code, channel.reason) == (
                DONE,
                f"{self.count} down, {self.count} up",
            )
        return True

    @property
    def complete(self) -> bool:
        """Whether everything has come."""
        return self._pushed == self._answered == self.count

    def __str__(self) -> str:
        """Say how far it has come."""
        return (
            f"of {self.count} each way: {self._sent} sent, {self._answered} answered, "
            f"{self._pushed} pushed; over {' '.join(self.transports)}"
        )

    async def _send(self, channel: byway.Channel) -> None:
        for numbers, pause in self._up.bursts(self.seconds):
            for number in numbers:
                if self.until is not None and number >= self.count - TAIL:
                    await self._hold(self.until, None if number == self.count - 1 else STEP)
                await channel.send(self._up[number])
                self._sent += 1
            await asyncio.sleep(pause)

    @staticmethod
    async def _hold(until: asyncio.Event, seconds: float | None) -> None:
        """Wait for an event, or for some seconds at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await until.wait()

    async def _receive(self, channel: byway.Channel) -> None:
        while self._pushed < self.count or self._answered < self.count:
            message = await channel.receive()
            assert message is not None, f"closed with {channel.code} {channel.reason}: {self}"
            self.begun.set()
            if isinstance(message, str) and message.startswith(ECHO):
                number = self._answered
                assert number < self.count, f"one answer too many: {message}"
                assert message == f"{ECHO}{number} {digest(self._up[number])}"
                self._answered += 1
            else:
                number = self._pushed
                assert number < self.count, f"one push too many: {digest(message)}"
                # Not compared by assert itself, which would print 300 KB.
                if message != self._down[number]:
                    expected = digest(self._down[number])
                    raise AssertionError(f"push {number}: {digest(message)}, not {expected}")
                self._pushed += 1
                if number >= self.count // 2:
                    self.halfway.set()
