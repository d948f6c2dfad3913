"""The deadlines of a session: when it ends because nothing happens.

Knows: how long it waits for a carrier, for a word of the peer, for the end of a close.
Must not know: what happens in between.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from byway.runtime.session import LiveSession


class Deadlines:
    """Ends a session, by `LiveSession.abort`, once one of its waits has been too long."""

    def __init__(self, live: LiveSession) -> None:
        """Wait for nothing yet."""
        self._live = live
        self._loop = asyncio.get_running_loop()
        self._window: asyncio.TimerHandle | None = None
        self._linger: asyncio.TimerHandle | None = None
        self._silence: asyncio.TimerHandle | None = None

    def start_window(self) -> None:
        """Start counting how long the session is without a carrier."""
        live = self._live
        if self._window is None and not live.core.finished:
            reason = f"no carrier for {live.window:g} s"
            self._window = self._loop.call_later(live.window, live.abort, 1006, reason)

    def stop_window(self) -> None:
        """Stop counting: a carrier is there."""
        if self._window is not None:
            self._window.cancel()
            self._window = None

    def start_linger(self) -> None:
        """Start counting how long a close is not acknowledged."""
        live = self._live
        if self._linger is None and not live.core.finished:
            self._linger = self._loop.call_later(
                live.window, live.abort, 1006, "the close was not acknowledged in time"
            )

    def expect_words(self) -> None:
        """End the session when the peer has said nothing for `limits.silence` and the window.

        A carrier that is attached proves nothing about the peer: many proxies keep the
        connection to the server open when the client has left.
        """
        live = self._live
        longest = live.limits.silence + live.window
        unheard = self._loop.time() - live.heard_at
        if unheard >= longest:
            live.abort(1006, f"the peer has said nothing for {longest:g} s")
        elif not live.core.finished:
            self._silence = self._loop.call_later(longest - unheard, self.expect_words)

    def stop(self) -> None:
        """Wait for nothing any more."""
        for timer in (self._window, self._linger, self._silence):
            if timer is not None:
                timer.cancel()
