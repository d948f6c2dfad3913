"""The bounds of the servers under test."""

from byway import ServerLimits

IMPATIENT = ServerLimits(heartbeat=0.5, window=1.0, silence=0.5, drain_timeout=2.0)
"""For tests in which somebody vanishes: what takes half a minute takes a second here."""

QUICK = ServerLimits(heartbeat=1.0)
"""For tests in which a carrier goes silent."""

KIB = 1024

SMALL = ServerLimits(
    max_message=32 * KIB,
    part=4 * KIB,
    max_frame=8 * KIB,
    outbox=64 * KIB,
    inbox=16 * KIB,
    batch=16 * KIB,
    body=64 * KIB,
    hello=1 * KIB,
    carriers=3,
    heartbeat=1.0,
    window=2.0,
    handshake_timeout=1.0,
    body_timeout=0.5,
)
"""For tests in which a bound is exceeded."""
