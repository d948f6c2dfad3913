"""Beside: whether batches wait for the end of the response that is open beside them.

Knows: which response is open, timers for the batches that are on their way.
Must not know: what is in a batch or a response; how long is too long (`http/turns.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from byway.transports.http.turns import SHOWN, Beside

if TYPE_CHECKING:
    from byway.transports.dial import Dial


@dataclass(slots=True, eq=False)
class Waiting:
    """A batch on its way.

    Attributes:
        held: number of the response that was open when it left; None for none.
        started: when it left.
        timer: ends its patience beside that response.
    """

    held: int | None
    started: float
    timer: asyncio.TimerHandle | None = None


class OpenResponse:
    """The response that is open beside the batches of one carrier."""

    def __init__(self, dial: Dial, on_wait: Callable[[], None] | None, *, endless: bool) -> None:
        """Begin with none.

        Args:
            dial: has the session's turns.
            on_wait: called when a batch has waited for too long beside one response, which
                therefore may be what it waits for.
            endless: whether the response has no end.
        """
        self._dial = dial
        self._on_wait = on_wait
        self._is_endless = endless
        self._loop = asyncio.get_running_loop()
        self._beside = Beside(0.0 if endless else SHOWN)

    def opened(self) -> None:
        """Say that a response is open from now on."""
        self._beside.opened(self._loop.time())

    def closed(self) -> None:
        """Say that none is open any more."""
        self._beside.closed()

    def left(self, started: float, round_trip: float, size: int) -> Waiting:
        """Say that a batch has left: when, and of how many bytes."""
        held = self._beside.held
        one = Waiting(held, started)
        if held is not None and self._on_wait is not None:
            wait = self._dial.turns.wait(round_trip, size)
            one.timer = self._loop.call_later(wait, self._waited, held)
        return one

    def back(self, one: Waiting, *, answered: bool) -> None:
        """Say that a batch is back."""
        if one.timer is not None:
            one.timer.cancel()
        if not answered or not self._beside.passed(one.held, one.started):
            return
        if self._is_endless:
            self._on_wait = None  # it has shown that requests pass beside it
        else:
            self._dial.turns.passed()

    def _waited(self, held: int) -> None:
        if self._on_wait is not None and self._beside.waited(held):
            self._on_wait()
