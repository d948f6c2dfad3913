"""byway carries a WebSocket application through networks that will not carry WebSockets.

On the server, wrap an ASGI application in `FallbackMiddleware`, or serve a handler with
`Endpoint`. On the client, `connect` gives back a `Channel`.
"""

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
