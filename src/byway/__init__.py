"""byway carries a WebSocket application through networks that will not carry WebSockets.

On the server, wrap an ASGI application in `FallbackMiddleware`, or serve a handler with
`Endpoint`. On the client, `connect` gives back a `Channel`.

Each name is imported from its module when it is first asked for, so that a server does not load the
client, nor a client the server.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from byway.channel import Channel
    from byway.client import connect
    from byway.doctor import diagnose
    from byway.errors import (
        Attempt,
        BywayError,
        CarrierLost,
        ChannelClosed,
        ConnectError,
        FrameError,
        NoTransport,
        PeerError,
        Refused,
        UsageError,
    )
    from byway.limits import Limits
    from byway.negotiation import Memory, Preference
    from byway.negotiation.evidence import Evidence
    from byway.negotiation.report import Finding, Report, Verdict
    from byway.server import Endpoint, FallbackMiddleware

__all__ = [
    "Attempt",
    "BywayError",
    "CarrierLost",
    "Channel",
    "ChannelClosed",
    "ConnectError",
    "Endpoint",
    "Evidence",
    "FallbackMiddleware",
    "Finding",
    "FrameError",
    "Limits",
    "Memory",
    "NoTransport",
    "PeerError",
    "Preference",
    "Refused",
    "Report",
    "UsageError",
    "Verdict",
    "connect",
    "diagnose",
]

_HOMES: Final = {
    "Attempt": "byway.errors",
    "BywayError": "byway.errors",
    "CarrierLost": "byway.errors",
    "Channel": "byway.channel",
    "ChannelClosed": "byway.errors",
    "ConnectError": "byway.errors",
    "Endpoint": "byway.server",
    "Evidence": "byway.negotiation.evidence",
    "FallbackMiddleware": "byway.server",
    "Finding": "byway.negotiation.report",
    "FrameError": "byway.errors",
    "Limits": "byway.limits",
    "Memory": "byway.negotiation",
    "NoTransport": "byway.errors",
    "PeerError": "byway.errors",
    "Preference": "byway.negotiation",
    "Refused": "byway.errors",
    "Report": "byway.negotiation.report",
    "UsageError": "byway.errors",
    "Verdict": "byway.negotiation.report",
    "connect": "byway.client",
    "diagnose": "byway.doctor",
}
"""The module of each public name."""

_MODULES: Final = frozenset(
    {
        "backplane",
        "browser",
        "channel",
        "client",
        "doctor",
        "errors",
        "frames",
        "handshake",
        "limits",
        "negotiation",
        "runtime",
        "server",
        "session",
        "testing",
        "transports",
    }
)
"""What `import byway` alone gives as attributes, too."""


if not TYPE_CHECKING:  # else every name would be there for type checkers

    def __getattr__(name: str) -> Any:
        """Import a public name, or a module of byway, when it is first asked for (PEP 562)."""
        if name in _HOMES:
            value = getattr(import_module(_HOMES[name]), name)
        elif name in _MODULES:
            value = import_module(f"{__name__}.{name}")
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """Name what there is, imported or not."""
    return sorted({*globals(), *__all__, *_MODULES})
