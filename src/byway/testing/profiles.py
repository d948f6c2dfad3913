"""Profiles: rules under a name, for networks that are often met.

Knows: which rules make which network.
Must not know: how a rule works.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from byway.errors import UsageError
from byway.limits import KIB, MIB
from byway.testing.plan import Rule
from byway.testing.rules import (
    Bandwidth,
    BlockTypes,
    BufferRequests,
    BufferResponses,
    CutResponses,
    CutSilence,
    DropPost,
    DropSubprotocol,
    FailWith,
    FlushEvery,
    HoldText,
    Http10,
    KillAfterUpgrade,
    Latency,
    LosePostAnswer,
    MuteAfterUpgrade,
    OneAtATime,
    OneBehind,
    RefuseBodies,
    RefuseChunked,
    RefuseConnect,
    RefuseUpgrade,
    RepeatPost,
    StripUpgrade,
    SwallowUpgrade,
)


@dataclass(frozen=True, slots=True)
class Profile:
    """A network under a name.

    Attributes:
        name: the name.
        about: what it does, in a line.
        rules: the rules that make it.
    """

    name: str
    about: str
    rules: tuple[Rule, ...]


def _profiles(*profiles: Profile) -> dict[str, Profile]:
    return {profile.name: profile for profile in profiles}


PROFILES: Final[dict[str, Profile]] = _profiles(
    Profile("open", "no restriction", ()),
    Profile("refuse-403", "upgrades get a 403, as from Envoy", (RefuseUpgrade(403),)),
    Profile("refuse-400", "upgrades get a 400, as from filters", (RefuseUpgrade(400),)),
    Profile("refuse-426", "upgrades get a 426, as from Squid", (RefuseUpgrade(426),)),
    Profile(
        "strip-upgrade", "handshakes arrive as plain GETs, as behind Apache", (StripUpgrade(),)
    ),
    Profile(
        "no-subprotocol",
        "the 101 comes without Sec-WebSocket-Protocol, as from proxies that end WebSockets",
        (DropSubprotocol(),),
    ),
    Profile(
        "no-subprotocol-up",
        "handshakes arrive without Sec-WebSocket-Protocol, as from node-http-mitm-proxy",
        (DropSubprotocol("up"),),
    ),
    Profile("black-hole", "upgrades never get a response", (SwallowUpgrade(),)),
    Profile("mute", "the 101 passes, then nothing in either direction", (MuteAfterUpgrade(),)),
    Profile("mute-up", "after the 101 only the server's data passes", (MuteAfterUpgrade("up"),)),
    Profile(
        "mute-down", "after the 101 only the client's data passes", (MuteAfterUpgrade("down"),)
    ),
    Profile("kill-1s", "a WebSocket is reset 1 s after its 101", (KillAfterUpgrade(ms=1000),)),
    Profile("kill-4k", "a WebSocket is reset after 4 KiB", (KillAfterUpgrade(bytes=4 * KIB),)),
    Profile("buffer-all", "responses are buffered whole, as by mitmproxy", (BufferResponses(),)),
    Profile(
        "buffer-16k", "responses pass in blocks of 16 KiB", (BufferResponses(until_bytes=16 * KIB),)
    ),
    Profile(
        "refuse-403-buffered",
        "upgrades get a 403, responses are buffered whole",
        (RefuseUpgrade(403), BufferResponses()),
    ),
    Profile(
        "black-hole-buffered",
        "upgrades never get a response, other responses are buffered whole",
        (SwallowUpgrade(), BufferResponses()),
    ),
    Profile("no-chunked", "chunked requests get a 411", (RefuseChunked(),)),
    Profile("http10", "the proxy speaks HTTP/1.0 to the server", (Http10(),)),
    Profile("silence-15s", "a connection that is silent for 15 s is cut", (CutSilence(15),)),
    Profile("cut-15s", "every response is cut after 15 s", (CutResponses(seconds=15),)),
    Profile(
        "cut-64k", "every response is cut after 64 KiB of body", (CutResponses(bytes=64 * KIB),)
    ),
    Profile(
        "nginx-plain",
        "a plain proxy_pass of nginx 1.22: HTTP/1.0, no upgrade, buffers, 60 s, 1 MB",
        (
            StripUpgrade(),
            Http10(),
            BufferRequests(),
            BufferResponses(until_bytes=16 * KIB, unless_accel=True),
            RefuseBodies(over=1 * MIB),
            CutSilence(60),
        ),
    ),
    Profile(
        "envoy-default",
        "Envoy's defaults: upgrades get a 403, every response ends at 15 s",
        (RefuseUpgrade(403), CutResponses(seconds=15)),
    ),
    Profile(
        "traefik-buffering",
        "Traefik's buffering middleware: bodies are buffered whole, both ways",
        (BufferRequests(), BufferResponses()),
    ),
    Profile(
        "squid",
        "Squid's defaults: CONNECT reaches port 443 only, upgrades get a 426",
        (RefuseConnect(403), RefuseUpgrade(426)),
    ),
    Profile(
        "file-types",
        "a gateway's file-type policy: upgrades get a 403, and a 403 replaces responses of type "
        "application/octet-stream",
        (RefuseUpgrade(403), BlockTypes()),
    ),
    Profile("antivirus", "text/* is buffered whole, all else passes live", (HoldText(),)),
    Profile(
        "one-behind",
        "as behind a scanner of HTTPS: no upgrades, each piece passes when the next one comes",
        (RefuseUpgrade(403), OneBehind()),
    ),
    Profile(
        "flush-2s",
        "a gateway without upgrades that forwards responses every 2 s",
        (RefuseUpgrade(403), FlushEvery(2)),
    ),
    Profile(
        "lossy-posts",
        "one of ten POSTs is lost, and the response to another",
        (DropPost(probability=0.1), LosePostAnswer(probability=0.1)),
    ),
    Profile("repeating-posts", "every POST reaches the server twice", (RepeatPost(),)),
    Profile(
        "deploy",
        "the first dozen requests get a 503, as from HAProxy while it has no server",
        (FailWith(503, first=12, retry_after=1),),
    ),
    Profile(
        "one-at-a-time",
        "a client's requests wait for each other, as with PHP's session locks; no upgrade",
        (RefuseUpgrade(403), OneAtATime()),
    ),
    Profile(
        "slow-3g",
        "400 kbit/s and a round trip of 400 ms, with jitter",
        (Latency(ms=200, jitter=20, handshake=True), Bandwidth(50_000)),
    ),
    Profile("rtt-100", "a round trip of 100 ms", (Latency(ms=50),)),
)
"""Every profile by its name."""


def profile(name: str) -> Profile:
    """Return a profile by its name.

    Raises:
        UsageError: there is none of that name.
    """
    try:
        return PROFILES[name]
    except KeyError:
        raise UsageError(f"unknown profile {name!r}: use {', '.join(PROFILES)}") from None


def expand(rules: Iterable[Rule | str]) -> tuple[Rule, ...]:
    """Put the rules of profiles where their names stand.

    Raises:
        UsageError: a name is unknown, or something is no rule.
    """
    found: list[Rule] = []
    for one in rules:
        if isinstance(one, str):
            found += profile(one).rules
        elif isinstance(one, Rule):
            found.append(one)
        else:
            raise UsageError(f"{one!r} is neither a rule nor the name of a profile")
    return tuple(found)


def seeded(rules: Iterable[Rule], seed: int) -> tuple[Rule, ...]:
    """Return the rules with another seed, where they have one."""
    return tuple(
        cast(Rule, replace(cast(Any, rule), seed=seed)) if hasattr(rule, "seed") else rule
        for rule in rules
    )
