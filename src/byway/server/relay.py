"""The relay: the calls of one endpoint that other processes serve for this one.

Knows: which calls there are now, and what a client is told where an owner cannot be reached.
Must not know: what goes over a link, sessions, transports.
"""

from __future__ import annotations

import asyncio
from random import uniform
from typing import Protocol

from byway.backplane import Backplane, Gone, Link, LinkLost, Unavailable, Unreachable, kinds
from byway.errors import ENDED, PeerError
from byway.server.call import Call
from byway.server.claims import undecided
from byway.server.relay_call import RelayedCall
from byway.server.relay_request import RelayedRequest, refusal


class Handed(Protocol):
    """Something that was handed over."""

    def leave(self) -> None:
        """Ask the owner to move the carrier, as this process goes away."""

    def cut(self) -> None:
        """End it at once."""


class Relay:
    """The calls of one endpoint that other processes serve for this one."""

    def __init__(self, drain_spread: float) -> None:
        """Have none.

        Args:
            drain_spread: seconds over which the clients of a process that is gone come back.
        """
        self._spread = drain_spread
        self._calls: set[Handed] = set()
        self._none = asyncio.Event()
        self._leaving = False

    def __len__(self) -> int:
        """Count the calls of this moment."""
        return len(self._calls)

    def begin(self) -> None:
        """Hand calls over, from now on."""
        self._none = asyncio.Event()
        self._leaving = False

    def send_away(self, *, last: bool = False) -> None:
        """Have the carriers that came over this process moved, as it goes away.

        Args:
            last: so too those that come over it from now on. The process takes no connection any
                more; before, a client that is sent away could come here again and again.
        """
        self._leaving = self._leaving or last
        for one in list(self._calls):
            one.leave()

    async def until_none(self, timeout: float) -> None:
        """Wait until no call is left, or for so many seconds."""
        if self._calls:
            self._none.clear()
            try:
                async with asyncio.timeout(timeout):
                    await self._none.wait()
            except TimeoutError:
                pass

    def cut(self) -> None:
        """End all of them at once."""
        for one in list(self._calls):
            one.cut()

    def kept(self, backplane: Backplane, owner: str) -> Link | None:
        """Return a link by which requests may be sent to a process; None for the longer way."""
        return None if self._leaving else backplane.kept(owner)

    async def request(self, link: Link, payload: bytes) -> bytes | None:
        """Have another process answer a request, and return the frames of its response.

        Args:
            link: what `kept` has returned.
            payload: what REQUEST says.

        Returns:
            None where the link was cut: one that was kept may have been while it carried nothing,
            and what is asked twice is answered as the first time.

        Raises:
            PeerError: the owner refuses it; 503, if it does not take it in time.
        """
        one = RelayedRequest(link)
        self._calls.add(one)
        try:
            kind, said = await link.request(payload)
            if kind == kinds.REPLY:
                return said
            raise refusal(said)
        except LinkLost:
            return None
        except Unreachable as error:
            raise undecided(str(error)) from None
        finally:
            self._drop(one)

    def _drop(self, one: Handed) -> None:
        self._calls.discard(one)
        if not self._calls:
            self._none.set()

    async def hand_over(
        self,
        backplane: Backplane,
        call: Call,
        owner: str,
        payload: bytes,
        *,
        body: bytes = b"",
        more: bool = False,
        lasting: bool = False,
        brief: bool = False,
    ) -> None:
        """Have another process serve a call, and return when it has ended.

        Args:
            backplane: knows the process.
            call: the call.
            owner: name of the process.
            payload: what CALL says.
            body: what has been read of the call's body.
            more: there is more of it to come.
            lasting: the response has no end, so it is watched whether the client leaves.
            brief: the response comes at once.

        Raises:
            PeerError: before the client got anything: 410, if the owner is gone; 503, if it cannot
                be reached now.
            NotHere: a reader asks for what is not there any more.
        """
        for last in (False, True):
            try:
                link = await backplane.link(owner)
                one = RelayedCall(call, link)
                self._calls.add(one)
                try:
                    await one.run(
                        payload,
                        body,
                        more=more,
                        lasting=lasting,
                        brief=brief,
                        leaving=self._leaving,
                    )
                finally:
                    self._drop(one)
            except Gone:
                raise PeerError(
                    "this session ended when its process ended",
                    status=410,
                    gone=ENDED,
                    retry_after=uniform(0, self._spread),
                ) from None
            except (Unreachable, Unavailable) as error:
                raise undecided(str(error)) from None
            except LinkLost as error:
                # One that was kept may have been cut while it carried nothing.
                if last:
                    raise undecided(str(error)) from None
            else:
                return
