"""Rules about WebSocket handshakes and what follows them.

Knows: what networks do to an `Upgrade`, and to a WebSocket once it is open.
Must not know: sockets, how a plan is carried out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from byway.errors import UsageError
from byway.testing.heads import Request
from byway.testing.plan import Answer, Fate, Plan, Rule, tightest


@dataclass(frozen=True, slots=True)
class RefuseUpgrade(Rule):
    """Answer every upgrade with an error; the origin never sees it.

    Envoy responds with 403 where no upgrade is configured; Squid as an accelerator, and in front of
    intercepted TLS, 426; other filters 400, 404 or 405.

    Attributes:
        status: the status of the response.
    """

    status: int = 403

    def request(self, request: Request, plan: Plan) -> Plan:
        """Answer upgrades."""
        if not request.upgrade:
            return plan
        return plan.decide(Fate.ANSWER, self, Answer(self.status))


@dataclass(frozen=True, slots=True)
class StripUpgrade(Rule):
    """Pass a handshake on as a plain GET, without `Upgrade` and `Connection`.

    nginx with a plain `proxy_pass` and Apache with a plain `ProxyPass` do: the application's own
    426 or 404 comes back.
    """

    def request(self, request: Request, plan: Plan) -> Plan:
        """Strip what is hop-by-hop (RFC 9110, section 7.6.1)."""
        if not request.upgrade:
            return plan
        return replace(plan, strip=plan.strip | {"upgrade", "connection"})


@dataclass(frozen=True, slots=True)
class DropSubprotocol(Rule):
    """Drop `Sec-WebSocket-Protocol` from WebSocket handshakes, or from their responses.

    Proxies that end a WebSocket on each side and open another do, where nobody thought of the
    header: Google's inverting proxy and node-http-mitm-proxy took it from handshakes.

    Attributes:
        direction: where it is dropped: "up" (from the handshake) or "down" (from the 101).
    """

    direction: Literal["up", "down"] = "down"

    def __post_init__(self) -> None:
        """Check the direction."""
        if self.direction not in ("up", "down"):
            raise UsageError(f"direction is 'up' or 'down', not {self.direction!r}")

    def request(self, request: Request, plan: Plan) -> Plan:
        """Drop it."""
        if not request.upgrade:
            return plan
        if self.direction == "up":
            return replace(plan, strip=plan.strip | {"sec-websocket-protocol"})
        return replace(plan, strip_101=plan.strip_101 | {"sec-websocket-protocol"})


@dataclass(frozen=True, slots=True)
class SwallowUpgrade(Rule):
    """Never answer an upgrade, and keep the connection open.

    Firewalls do that drop what they do not know without a word. Only a timer of the client's
    ends it: Chromium's is 240 s.
    """

    def request(self, request: Request, plan: Plan) -> Plan:
        """Swallow upgrades."""
        return plan.decide(Fate.SWALLOW, self) if request.upgrade else plan


@dataclass(frozen=True, slots=True)
class MuteAfterUpgrade(Rule):
    """Let the 101 pass, and nothing after it: the socket is open but dead.

    Filters do that know the handshake and not the frames. One-way it is seen behind proxies that
    pass only the server's frames, or hold the server's first message until the client speaks
    (Apache with `H2WebSockets`).

    Attributes:
        direction: what vanishes: "both", "up" (client to server) or "down" (server to client).
        connect: mute tunnels that CONNECT made, too.
    """

    direction: Literal["both", "up", "down"] = "both"
    connect: bool = False

    def __post_init__(self) -> None:
        """Check the direction."""
        if self.direction not in ("both", "up", "down"):
            raise UsageError(f"direction is 'both', 'up' or 'down', not {self.direction!r}")

    def request(self, request: Request, plan: Plan) -> Plan:
        """Mute the tunnel."""
        if not _tunnels(request, self.connect):
            return plan
        up = plan.tunnel.mute_up or self.direction != "down"
        down = plan.tunnel.mute_down or self.direction != "up"
        return replace(plan, tunnel=replace(plan.tunnel, mute_up=up, mute_down=down))


@dataclass(frozen=True, slots=True)
class KillAfterUpgrade(Rule):
    """Reset a WebSocket a while after its 101, or after so many bytes.

    Intrusion prevention does, once it has looked at the first frames and does not know them.

    Attributes:
        ms: milliseconds from the 101 on.
        bytes: bytes, of both directions together, that pass before; the rest of a write that goes
            over it does not.
        connect: kill tunnels that CONNECT made, too.
    """

    ms: float | None = None
    bytes: int | None = None
    connect: bool = False

    def __post_init__(self) -> None:
        """Check that there is a bound."""
        if self.ms is None and self.bytes is None:
            raise UsageError("KillAfterUpgrade needs ms or bytes")

    def request(self, request: Request, plan: Plan) -> Plan:
        """Bound the tunnel."""
        if not _tunnels(request, self.connect):
            return plan
        after = None if self.ms is None else self.ms / 1000
        sizes = [one for one in (plan.tunnel.kill_bytes, self.bytes) if one is not None]
        tunnel = replace(
            plan.tunnel,
            kill_after=tightest(plan.tunnel.kill_after, after),
            kill_bytes=min(sizes, default=None),
        )
        return replace(plan, tunnel=tunnel)


@dataclass(frozen=True, slots=True)
class RefuseConnect(Rule):
    """As a forward proxy, refuse CONNECT to all but a few ports.

    Squid's default lets CONNECT reach 443 only. Browsers use CONNECT even for `ws://`, so plain
    WebSockets are refused where plain HTTP passes.

    Attributes:
        status: the status of the response.
        ports: the ports that may be reached.
    """

    status: int = 403
    ports: tuple[int, ...] = (443,)

    def request(self, request: Request, plan: Plan) -> Plan:
        """Answer CONNECT to other ports."""
        port = request.target.rpartition(":")[2]
        if request.method != "CONNECT" or port in map(str, self.ports):
            return plan
        return plan.decide(Fate.ANSWER, self, Answer(self.status))


def _tunnels(request: Request, connect: bool) -> bool:
    return request.upgrade or (connect and request.method == "CONNECT")
