"""The examination of one transport: what is tried on it, in which order, and for how long.

Knows: the phases of an examination, and what of each is evidence.
Must not know: what the evidence means, other transports.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from byway.doctor.alone import look_for_others, measure
from byway.doctor.probing import Loss, Probing, Way, is_away
from byway.doctor.watching import watch_idle
from byway.errors import ELSEWHERE, CarrierLost, ChannelClosed, Refused
from byway.limits import KIB
from byway.negotiation.evidence import Evidence
from byway.transports import REGISTRY
from byway.transports.base import stop
from byway.transports.connection_errors import telling

MESSAGE: Final = 2 * KIB
"""Bytes of a message that is sent to be echoed."""

VOLUME: Final = 128 * KIB
"""Bytes that are sent to be echoed: some networks cut after 64 KiB."""

FIRST_WINDOW: Final = 2 * MESSAGE
"""Bytes that are on their way to be echoed at first."""

FAST: Final = 1.0
"""Seconds within which they have to come back for the next ones to be more."""

STALL: Final = 3.0
"""Seconds without an echo after which a carrier that is open counts as silent."""

WATCH: Final = 3.0
"""Seconds that a carrier is watched at least: some networks cut WebSockets after one."""

CHANCE: Final = 1.0
"""Seconds within which a carrier may have been cut by chance, so that another is tried."""

AT_ONCE: Final = 0.3
"""Seconds between OPEN and the end of a response below which both came at once."""

HELD: Final = 1.0
"""Seconds that a response has to be late before its end can have to do with it."""

PROOF: Final = 0.6
"""Part of the time in which a carrier has to prove itself; the rest is for what is held."""

Tell = Callable[[str, str], None]
"""Is called with the name of a transport and what is being done on it."""


class Examination:
    """The examination of one transport.

    Attributes:
        evidence: what was seen.
    """

    def __init__(self, transport: str, way: Way, *, timeout: float, idle: float, tell: Tell):
        """Prepare.

        Args:
            transport: its name.
            way: the way to the server.
            timeout: seconds that all may take, but for the idle watch.
            idle: seconds of the idle watch, 0 for none.
            tell: is told of the progress.
        """
        self.evidence: Evidence = Evidence(transport=transport, timeout=timeout)
        self._name = transport
        self._way = way
        self._timeout = timeout
        self._idle = idle
        self._tell = tell
        self._loop = asyncio.get_running_loop()

    async def run(self) -> Evidence:
        """Examine."""
        deadline = self._loop.time() + self._timeout
        await self._visit(deadline)
        if self._way.as_page and _refuses_pages(self.evidence):
            await self._visit_as_no_page(deadline)
        if self.evidence.cut is not None and self.evidence.cut < CHANCE:
            # Caddy 2.6 ends about one endless response in a hundred. What cuts each does it again.
            refused = self.evidence.page_refused
            self.evidence = Evidence(transport=self._name, timeout=self._timeout)
            await self._visit(deadline)
            self.evidence.page_refused = refused
        seen = self.evidence
        if seen.cut is not None and seen.sent and seen.echo_time is None:
            await self._cut_again(seen)
        self._tell(self._name, "done")
        return seen

    async def measure(self) -> None:
        """Measure what works, and see who else answers, on a probe of its own."""
        seen = self.evidence
        if not self._works:
            return
        self._tell(self._name, "measuring")
        async with Probing(self._name, self._way, timeout=self._timeout) as probing:
            with contextlib.suppress(ChannelClosed):
                await probing.live.send("hello")  # a probe without a word ends soon
            if await probing.prove(self._loop.time() + self._timeout):
                await measure(probing, seen)
                await look_for_others(probing, seen)
            seen.strangers += _strangers(probing)
        self._tell(self._name, "done")

    @property
    def _works(self) -> bool:
        seen = self.evidence
        return seen.proven is not None and seen.cut is None and not seen.stalled

    async def watch(self) -> None:
        """Watch for as long as was asked for, if it works. What was seen by then is evidence."""
        seen = self.evidence
        if self._idle and self._works:
            self._tell(self._name, f"watching for {self._idle:g} s")
            await watch_idle(self._name, self._way, seen, timeout=self._timeout, idle=self._idle)
            self._tell(self._name, "done")

    async def _visit_as_no_page(self, deadline: float) -> None:
        """Go on as other programs do, and write down whether that makes the difference."""
        self._way = replace(self._way, as_page=False)
        self.evidence = Evidence(transport=self._name, timeout=self._timeout)
        await self._visit(deadline)
        self.evidence.page_refused = self.evidence.opened is not None

    async def _visit(self, deadline: float) -> None:
        """Make a probe do all it can, and write down what was seen."""
        self._tell(self._name, "opening")
        started = self._loop.time()
        async with Probing(self._name, self._way, timeout=self._timeout) as probing:
            await self._phases(probing, deadline)
            self._note(probing, started)

    async def _phases(self, probing: Probing, deadline: float) -> None:
        """Open, prove, echo and watch, as far as it goes."""
        seen, loop = self.evidence, self._loop
        if not await probing.until(lambda: probing.opened is not None, deadline):
            return
        assert probing.opened is not None
        self._tell(self._name, "waiting for a response")
        with contextlib.suppress(ChannelClosed):
            await probing.live.send("hello")
        late = probing.opened + PROOF * (deadline - probing.opened)
        came = await probing.prove(late)
        if not (came and await probing.until(lambda: probing.messages > 0, late)):
            seen.stalled = probing.proven is not None and not probing.over
            await self._ask_to_end(probing, deadline)
            return
        self._tell(self._name, "echoing")
        begun = loop.time()
        before, wanted = probing.echoed, probing.echoed + VOLUME
        sending = asyncio.create_task(self._send(probing))
        try:
            stall = begun + STALL
            while not await probing.until(lambda: probing.echoed >= wanted, min(deadline, stall)):
                if probing.over or loop.time() >= deadline:
                    break
                stall = max(begun, probing.heard) + STALL
                if loop.time() >= stall:
                    seen.stalled = True
                    break
        finally:
            await stop(sending)
        seen.echoed = probing.echoed - before
        if seen.echoed >= VOLUME or not (probing.over or seen.stalled):
            seen.echo_time = max(loop.time() - begun, 1e-6)
            seen.unfinished = seen.echoed < VOLUME
        if not probing.over and not seen.stalled:
            self._tell(self._name, "watching")
            with contextlib.suppress(ChannelClosed):
                await probing.live.send("repeats")
            if await probing.until(lambda: probing.text.isdigit(), deadline):
                seen.repeats = int(probing.text)
            await probing.until(lambda: False, min(deadline, probing.opened + WATCH))

    async def _send(self, probing: Probing) -> None:
        """Send, and have no more on its way than came back within a second.

        All at once, four transports would fill the queues of a slow line, and their own echoes
        would come late behind them.
        """
        message = bytes(range(256)) * (MESSAGE // 256)
        echoed, window = probing.echoed, FIRST_WINDOW
        with contextlib.suppress(ChannelClosed):
            while self.evidence.sent < VOLUME:
                begun = self._loop.time()
                for _ in range(min(window, VOLUME - self.evidence.sent) // MESSAGE):
                    await probing.live.send(message)
                    self.evidence.sent += MESSAGE
                wanted = echoed + self.evidence.sent
                await probing.until(lambda: probing.echoed >= wanted, begun + self._timeout)  # noqa: B023
                if self._loop.time() - begun < FAST:
                    window *= 2

    async def _ask_to_end(self, probing: Probing, deadline: float) -> None:
        """Have the server end the response, if it hears that; what was held back comes then."""
        if probing.over or probing.proven is not None:
            return
        with contextlib.suppress(ChannelClosed):
            await probing.live.send("end")
        if await probing.until(lambda: probing.proven is not None, deadline):
            # Where responses pass live but late, the end of this one comes well after.
            soon = self._loop.time() + AT_ONCE
            self.evidence.held = await probing.until(lambda: probing.over, soon)

    def _note(self, probing: Probing, started: float) -> None:
        """Write down how the carriers of a probe came and went."""
        seen = self.evidence

        def since(time: float | None) -> float | None:
            return None if time is None else time - started

        seen.answered = since(probing.answered_at)
        seen.opened = since(probing.opened)
        seen.proven = since(probing.proven)
        if seen.opened is not None and seen.proven is not None:
            # The first may have come while the machine was busy with the others.
            seen.trip = min(seen.proven - seen.opened, seen.trip or float("inf"))
        seen.plain = probing.plain
        seen.status = probing.status
        seen.headers = telling(probing.headers.multi_items())
        seen.mark = probing.headers.get("byway", "")
        if probing.opening is not None:
            seen.offered = probing.opening.transports
            seen.heartbeat = probing.opening.heartbeat
        seen.text_only = probing.text_only
        seen.strangers += _strangers(probing)
        seen.lost_batches = sum(one.gone != ELSEWHERE for one in probing.failed_batches)
        seen.batch_status = next(
            (
                one.answered
                for one in probing.failed_batches
                if one.answered is not None and one.gone != ELSEWHERE
            ),
            None,
        )
        last = probing.losses[-1] if probing.losses else None
        ended = last is not None and (probing.over or probing.opened is None)
        again = sum(_came_twice(one) for one in probing.losses)
        seen.repeats += again
        seen.away = sum(is_away(one.error) for one in probing.losses)
        seen.lost = len(probing.losses) - again - seen.away
        if ended and last is not None and not _came_twice(last) and not is_away(last.error):
            seen.lost -= 1  # that one was not followed by another
        waits = seen.opened is None and seen.answered is None and not ended
        if waits and probing.stage.trouble != "timeout":
            # It is still on its way to a connection: nobody has swallowed anything.
            seen.trouble = probing.stage.trouble
        if last is not None and ended and probing.closed is None:
            self._note_end(seen, last, started, probing)

    def _note_end(self, seen: Evidence, last: Loss, started: float, probing: Probing) -> None:
        error = last.error
        seen.ended = last.at - started
        seen.error = str(error)
        if isinstance(error, Refused):
            seen.status, seen.mark = error.status, "refused"
            seen.headers = telling(error.headers)
            return
        seen.trouble = error.trouble
        if error.answered is not None:
            seen.status, seen.mark, seen.headers = error.answered, error.mark, error.headers
        if not last.opened or probing.opened is None:
            return
        late = probing.opened - started >= HELD
        if seen.proven is None and late and last.at - probing.opened < AT_ONCE:
            seen.held = True
        elif seen.proven is None and last.at - probing.opened >= HELD:
            seen.error = ""  # the server gave up, as it heard nothing
        elif REGISTRY[self._name].ordered:
            seen.cut = last.at - probing.opened

    async def _cut_again(self, seen: Evidence) -> None:
        """Open it once more and send little, to see whether it was the amount that was cut."""
        assert seen.cut is not None
        self._tell(self._name, "watching another")
        time = self._loop.time()
        wait = max(2 * seen.cut, 1.0)
        async with Probing(self._name, self._way, timeout=self._timeout) as probing:
            if not await probing.prove(time + self._timeout):
                return
            with contextlib.suppress(ChannelClosed):
                await probing.live.send("hello")
            await probing.until(lambda: False, self._loop.time() + min(wait, self._timeout))
            seen.cut_by_amount = not probing.over


def _strangers(probing: Probing) -> int:
    """Count the requests of a probe that another process answered."""
    errors = [*probing.failed_batches, *(one.error for one in probing.losses)]
    return sum(isinstance(one, CarrierLost) and one.gone == ELSEWHERE for one in errors)


def _refuses_pages(seen: Evidence) -> bool:
    """Say whether byway itself answered as it answers foreign pages, among others."""
    return seen.opened is None and seen.status == 403 and seen.mark == "error"


def _came_twice(loss: Loss) -> bool:
    """Say whether the server had the same request before."""
    return isinstance(loss.error, CarrierLost) and loss.error.answered == 409
