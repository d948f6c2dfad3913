"""The place of a session: where it goes, by which way, and what is known of that.

Knows: the memory, the route, the silence that the path allows.
Must not know: carriers, the race, how anything is tried.
"""

from __future__ import annotations

import httpx

from byway.client.route import route
from byway.negotiation import Memory, Silence
from byway.negotiation.memory import Remembered, place_of


class Place:
    """What one session knows of its way to the server, and adds to the memory.

    Attributes:
        remembered: what worked the last time, if that is known.
        retry: whether what is better than that is due to be tried at once.
        silence: the silence that the path allows.
    """

    def __init__(self, url: httpx.URL, proxy: str | None, memory: Memory | None) -> None:
        """Recall what is known.

        Args:
            url: the endpoint.
            proxy: URL of the proxy, None for none.
            memory: where to look, None for nowhere.
        """
        self._memory = memory
        self._origin = _without_user(url)
        self._proxy = None if proxy is None else _without_user(httpx.URL(proxy))
        self._network = route()
        self._kept: tuple[str, bool, float | None] | None = None
        self.remembered: Remembered | None = None
        self.retry: bool = False
        self.silence: Silence = Silence()
        if memory is not None and (known := memory.recall(self._name)) is not None:
            self.remembered = known
            self.retry = memory.due(known)
            self.silence = Silence(known.heartbeat)

    @property
    def _name(self) -> str:
        return place_of(self._origin, self._proxy, self._network)

    def moved(self) -> bool:
        """Look whether the machine is in another network than at the last look.

        Being in none is no other network: what was there may come back.
        """
        network = route()
        if not network or network == self._network:
            return False
        self._network = network
        self._kept = None
        return True

    def keep(self, transport: str, seconds: float, *, settled: bool, age: float) -> None:
        """Remember what works, where that is news.

        Args:
            transport: the transport in use, which is proven.
            seconds: how long it took to open.
            settled: everything better was tried in vain.
            age: seconds that its carrier has lasted.
        """
        heartbeat = self.silence.heartbeat if self.silence.confirmed(age) else None
        news = (transport, settled, heartbeat)
        if self._memory is not None and news != self._kept:
            self._kept = news
            self._memory.keep(self._name, transport, seconds, settled=settled, heartbeat=heartbeat)

    def forget(self) -> None:
        """Forget what worked here, since nothing does now."""
        if self._memory is not None:
            self._memory.forget(self._name)


def _without_user(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode()}"
