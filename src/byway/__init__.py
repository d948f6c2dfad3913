"""byway carries a WebSocket application through networks that will not carry WebSockets.

On the server, wrap an ASGI application in `FallbackMiddleware`, or serve a handler with
`Endpoint`. On the client, `connect` gives back a `Channel`.

A name is imported when it is first used: a server loads nothing of the client, and a client nothing
of the server.
"""

from typing import TYPE_CHECKING

from byway.lazy import lazy

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
        WrongKind,
    )
    from byway.headers import Headers
    from byway.limits import ClientLimits, Limits, ServerLimits
    from byway.negotiation import Memory, Preference
    from byway.negotiation.evidence import Evidence
    from byway.negotiation.report import Finding, Report, Verdict
    from byway.server import Endpoint, FallbackMiddleware
else:
    __getattr__, __dir__ = lazy(
        __name__,
        {
            "Attempt": "byway.errors",
            "BywayError": "byway.errors",
            "CarrierLost": "byway.errors",
            "Channel": "byway.channel",
            "ChannelClosed": "byway.errors",
            "ClientLimits": "byway.limits",
            "ConnectError": "byway.errors",
            "Endpoint": "byway.server.endpoint",
            "Evidence": "byway.negotiation.evidence",
            "FallbackMiddleware": "byway.server.middleware",
            "Finding": "byway.negotiation.report",
            "FrameError": "byway.errors",
            "Headers": "byway.headers",
            "Limits": "byway.limits",
            "Memory": "byway.negotiation.memory",
            "NoTransport": "byway.errors",
            "PeerError": "byway.errors",
            "Preference": "byway.negotiation.preference",
            "Refused": "byway.errors",
            "Report": "byway.negotiation.report",
            "ServerLimits": "byway.limits",
            "UsageError": "byway.errors",
            "Verdict": "byway.negotiation.report",
            "WrongKind": "byway.errors",
            "connect": "byway.client.connect",
            "diagnose": "byway.doctor.doctor",
        },
        # What `import byway` alone gives as attributes, too: `byway.errors` needs no import.
        (
            *("backplane", "browser", "channel", "client", "doctor", "errors", "frames"),
            *("handshake", "limits", "negotiation", "runtime", "server", "session", "testing"),
            "transports",
        ),
    )

__all__ = [
    "Attempt",
    "BywayError",
    "CarrierLost",
    "Channel",
    "ChannelClosed",
    "ClientLimits",
    "ConnectError",
    "Endpoint",
    "Evidence",
    "FallbackMiddleware",
    "Finding",
    "FrameError",
    "Headers",
    "Limits",
    "Memory",
    "NoTransport",
    "PeerError",
    "Preference",
    "Refused",
    "Report",
    "ServerLimits",
    "UsageError",
    "Verdict",
    "WrongKind",
    "connect",
    "diagnose",
]
