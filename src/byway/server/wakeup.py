"""Wakeup: holding back the signals to stop from an event loop that was asked to handle them itself.

Knows: `signal.set_wakeup_fd`, by which the kernel's signals reach an event loop.
Must not know: who holds them back, or why; what a server does with them.

Granian, Hypercorn and anycorn hear of SIGTERM by `loop.add_signal_handler`. Whatever handler
Python has for the signal, its number is also written to the descriptor that the loop reads, and the
loop calls the server's at once. So a pipe of ours is put before that descriptor: what is not a
signal to stop goes on at once, and these when nobody holds them back any more.
"""

from __future__ import annotations

import asyncio
import os
import signal
import weakref
from contextlib import suppress
from typing import Final

STOPS: Final = (signal.SIGINT, signal.SIGTERM)
"""The signals by which a server is told to stop."""

_NOBODY: Final = -1


class Wakeup:
    """The pipe before what one event loop reads. It is used in the main thread only."""

    def __init__(self) -> None:
        """Make it; nothing reads it, and nothing is written to it."""
        self._reads, self._writes = os.pipe()
        os.set_blocking(self._reads, False)
        os.set_blocking(self._writes, False)
        self._next = _NOBODY
        self._held = bytearray()
        self._holders: weakref.WeakSet[object] = weakref.WeakSet()
        weakref.finalize(self, _close, self._reads, self._writes)

    def hold(self, holder: object) -> None:
        """Hold the signals to stop back from the loop that runs now, where it handles any itself.

        It may be called again: a loop that was stopped and goes on has another descriptor.
        """
        before = _put(self._writes)
        if before == _NOBODY:
            _put(_NOBODY)
            return
        if before != self._writes:
            self._next = before
            asyncio.get_running_loop().add_reader(self._reads, self._read)
        self._holders.add(holder)

    def release(self, holder: object) -> None:
        """Let the loop have what was held back, unless somebody else still holds it."""
        self._holders.discard(holder)
        if self._holders:
            return
        self._read()
        held, self._held = bytes(self._held), bytearray()
        if _put(following := self._following()) != _NOBODY:
            _write(following, held)

    def _read(self) -> None:
        came = b""
        with suppress(BlockingIOError):
            came = os.read(self._reads, 4096)
        self._held += bytes(one for one in came if one in STOPS)
        others = bytes(one for one in came if one not in STOPS)
        if others:
            _write(self._following(), others)

    def _following(self) -> int:
        """Return the descriptor that the loop reads: a loop that goes on may have another one."""
        now = _put(self._writes)
        if now == self._writes:
            return self._next
        _put(now)
        return now


def wakeup() -> Wakeup | None:
    """Return the pipe of the event loop that runs now; None on Windows."""
    if os.name == "nt":
        return None  # whose loops have no `add_signal_handler`
    loop = asyncio.get_running_loop()
    if (one := _wakeups.get(loop)) is None:
        one = _wakeups[loop] = Wakeup()
    return one


_wakeups: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Wakeup] = weakref.WeakKeyDictionary()


def _put(descriptor: int) -> int:
    """Have signals written to a descriptor, and return the one before."""
    return signal.set_wakeup_fd(descriptor, warn_on_full_buffer=False)


def _write(descriptor: int, signals: bytes) -> None:
    if signals and descriptor != _NOBODY:
        with suppress(OSError):  # it has been closed, or is full
            os.write(descriptor, signals)


def _close(reads: int, writes: int) -> None:
    with suppress(ValueError):  # outside of the main thread
        if (now := _put(_NOBODY)) != writes:
            _put(now)
    os.close(reads)
    os.close(writes)
