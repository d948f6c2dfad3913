"""Transports: the ways to carry frames, each in a file of its own with both its halves.

Knows: which transports there are.
Must not know: how one is chosen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from byway.lazy import lazy
from byway.transports.base import Exchange, Transport
from byway.transports.poll import Poll
from byway.transports.sse import ServerSentEvents
from byway.transports.stream import Stream
from byway.transports.websocket import WebSocket

if TYPE_CHECKING:
    from byway.transports.dial import Dial
else:
    __getattr__, __dir__ = lazy(__name__, {"Dial": "byway.transports.dial"})  # the client's

REGISTRY: Final[dict[str, Transport]] = {
    transport.name: transport for transport in (WebSocket(), Stream(), ServerSentEvents(), Poll())
}
"""Every transport by its name, the most capable first."""

__all__ = ["REGISTRY", "Dial", "Exchange", "Transport"]
