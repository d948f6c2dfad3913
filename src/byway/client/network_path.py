"""The network path of a session: where it goes, by which route, and what is known of that.

Knows: the memory, the route to the server, the silence that the path allows.
Must not know: carriers, the race, how anything is tried.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Sequence
from typing import Final

from byway.client.route import FAR, network_name, own_addresses
from byway.http_library import httpx
from byway.negotiation import Memory, Silence
from byway.negotiation.choice import EVERYTHING, tells
from byway.negotiation.memory import Remembered, place_of

logger: logging.Logger = logging.getLogger("byway.client")

MAX_KNOWN: Final = 256
"""Servers and proxies whose addresses are known, at most; one more forgets the one that was reached
first."""

_known: dict[str, tuple[str, ...]] = {}
"""At which addresses servers and proxies were reached last, by what the memory calls them."""


class NetworkPath:
    """What one session knows of its network path to the server, and adds to the memory.

    Attributes:
        remembered: what worked the last time, if that is known.
        retry: whether what is better than that is due to be tried at once.
        silence: the silence that the path allows.
        visits: whether the path let one request through at a time, the last time.
    """

    def __init__(
        self,
        url: httpx.URL,
        proxy: str | None,
        memory: Memory | None,
        order: Sequence[str] = EVERYTHING,
    ) -> None:
        """Recall what is known.

        Args:
            url: the endpoint.
            proxy: URL of the proxy, None for none.
            memory: where to look, None for nowhere.
            order: what the session may try, best first.
        """
        self._memory = memory
        self._order = order
        self._origin = _without_user(url)
        self._proxy = None if proxy is None else _without_user(httpx.URL(proxy))
        host = httpx.URL(self._proxy or self._origin).host
        self._who = place_of(self._origin, self._proxy, "")
        self._peers = self._counted((host,) if _is_address(host) else _known.get(self._who, FAR))
        self._near = own_addresses(self._peers)
        self._network = network_name(self._near)
        self._kept: tuple[str, bool, float | None, bool] | None = None
        self.remembered: Remembered | None = None
        self.retry: bool = False
        self.silence: Silence = Silence()
        self.visits: bool = False
        if memory is not None and (known := memory.recall(self._name)) is not None:
            if tells(known.excluded, order):
                self.remembered = known
                self.retry = memory.due(known)
            self.silence = Silence(known.heartbeat)
            self.visits = known.visits

    @property
    def _name(self) -> str:
        return place_of(self._origin, self._proxy, self._network)

    def reached(self, peers: tuple[str, ...]) -> None:
        """Take it that the server, or the proxy before it, was reached at these IP addresses.

        From now on it is the way to these that counts: a tunnel may be one to the server alone.
        """
        peers = self._counted(peers)
        if not peers or peers == self._peers:
            return
        self._peers = peers
        self._near = own_addresses(peers)
        self._network = network_name(self._near)
        _known.pop(self._who, None)
        _known[self._who] = peers
        if len(_known) > MAX_KNOWN:
            del _known[next(iter(_known))]

    def _counted(self, peers: tuple[str, ...]) -> tuple[str, ...]:
        """Return the addresses whose way counts: from a proxy on this machine it goes on."""
        here = self._proxy is not None and all(map(_is_here, peers))
        return FAR if peers and here else peers

    def moved(self) -> bool:
        """Look whether the way to the server begins at another address than at the last look.

        No way is no other network: what was there may come back.
        """
        near = own_addresses(self._peers)
        if not near or near == self._near:
            return False
        self._near = near
        self._network = network_name(near)
        self._kept = None
        return True

    def learn(self, silence: float, heartbeat: float, session: str) -> float | None:
        """Learn of a carrier that has ended, if it ended for want of a word.

        Args:
            silence: seconds for which nothing had gone over it.
            heartbeat: the server's, in seconds.
            session: its name, for the log.

        Returns:
            The heartbeat that this path needs; None where it was something else.
        """
        heartbeat = min(heartbeat, self.silence.heartbeat or heartbeat)
        if not self.silence.cut(silence, heartbeat):
            return None
        logger.info(
            "session %s: the path cuts after %.1f s of silence: asking for a heartbeat of %.1f s",
            session,
            self.silence.limit,
            self.silence.heartbeat,
        )
        return self.silence.heartbeat

    def keep(
        self, transport: str, seconds: float, *, settled: bool, age: float, visits: bool = False
    ) -> None:
        """Remember what works, where that is news.

        Args:
            transport: the transport in use, which is proven.
            seconds: how long it took to open.
            settled: everything better was tried in vain.
            age: seconds that its carrier has lasted.
            visits: the path lets one request through at a time.
        """
        heartbeat = self.silence.heartbeat if self.silence.confirmed(age) else None
        news = (transport, settled, heartbeat, visits)
        if self._memory is not None and news != self._kept:
            self._kept = news
            self._memory.keep(
                self._name,
                transport,
                seconds,
                settled=settled,
                heartbeat=heartbeat,
                order=self._order,
                visits=visits,
            )

    def forget(self) -> None:
        """Forget what worked here, since nothing does now, if it was tried."""
        if self._memory is None:
            return
        known = self._memory.recall(self._name)
        if known is None or known.transport in self._order:
            self._memory.forget(self._name)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_here(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


def _without_user(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode()}"
