"""The profiles: byway gets through each, over the transports that should work and by default."""

from __future__ import annotations

import asyncio
import re

import pytest

import byway
from byway import UsageError
from byway.testing import PROFILES, Latency, Network, SwallowUpgrade
from byway.testing import rules as rules_package
from byway.testing.profiles import expand, profile, seeded
from byway.testing.rules import ALL_RULES
from tests.support.peers import TRANSPORTS, connect
from tests.support.process import ROOT
from tests.support.servers import Server

HTTP = ("stream", "sse", "poll")

WORKING: dict[str, tuple[str, ...]] = {
    "open": TRANSPORTS,
    "refuse-403": HTTP,
    "refuse-400": HTTP,
    "refuse-426": HTTP,
    "strip-upgrade": HTTP,
    "no-subprotocol": HTTP,
    "no-subprotocol-up": HTTP,
    "black-hole": HTTP,
    "mute": HTTP,
    "mute-up": HTTP,
    "mute-down": HTTP,
    "kill-1s": TRANSPORTS,
    "kill-4k": TRANSPORTS,
    "buffer-all": ("websocket", "poll"),
    "buffer-16k": ("websocket", "poll"),
    "refuse-403-buffered": ("poll",),
    "black-hole-buffered": ("poll",),
    "no-chunked": TRANSPORTS,
    "http10": HTTP,
    "silence-15s": TRANSPORTS,
    "cut-15s": TRANSPORTS,
    "cut-64k": TRANSPORTS,
    "nginx-plain": HTTP,
    "envoy-default": HTTP,
    "traefik-buffering": ("websocket", "poll"),
    "squid": HTTP,
    "file-types": ("sse", "poll"),
    "antivirus": ("websocket", "stream", "poll"),
    "one-behind": ("poll",),
    "flush-2s": HTTP,
    "lossy-posts": ("websocket",),
    "repeating-posts": ("websocket",),
    "deploy": TRANSPORTS,
    "one-at-a-time": ("poll",),
    "slow-3g": TRANSPORTS,
    "rtt-100": TRANSPORTS,
}
"""The transports that carry an echo through each, for as long as an echo takes. What loses or
repeats POSTs is expected of WebSockets only: an HTTP transport that is alone has no second try."""


def test_each_profile_is_expected_to_let_something_through() -> None:
    assert WORKING.keys() == PROFILES.keys()


@pytest.mark.parametrize("name", PROFILES)
async def test_what_should_work_works(name: str, endpoint_server: Server) -> None:
    async with Network(endpoint_server.port, name) as network:

        async def echo(transport: str) -> None:
            async with connect(f"{network.url}/echo", transport) as channel:
                await channel.send("hello")
                assert await channel.receive() == "hello", transport
                assert channel.transport == transport

        await asyncio.gather(*map(echo, WORKING[name]))
        assert network.counters.bytes_down > 0


@pytest.mark.parametrize(
    ("name", "transport"),
    [
        (name, transport)
        for name in PROFILES
        if name in ("refuse-403", "strip-upgrade", "black-hole", "mute", "antivirus", "buffer-all")
        for transport in TRANSPORTS
        if transport not in WORKING[name]
    ],
)
async def test_what_should_not_work_does_not(
    name: str, transport: str, endpoint_server: Server
) -> None:
    async with Network(endpoint_server.port, name) as network:
        with pytest.raises(byway.NoTransport):
            async with connect(f"{network.url}/echo", transport, open_timeout=0.5):
                pass


@pytest.mark.parametrize("name", [name for name in PROFILES if name != "mute-up"])
async def test_the_default_reaches_an_echo(name: str, endpoint_server: Server) -> None:
    """Not through `mute-up`, where OPEN comes and nothing follows: open is not up."""
    async with Network(endpoint_server.port, name) as network:
        async with connect(f"{network.url}/echo", open_timeout=8.0) as channel:
            await channel.send("hello")
            assert await channel.receive() == "hello"
            assert channel.transport in WORKING[name]


async def test_a_session_outlives_its_network(endpoint_server: Server) -> None:
    async with Network(endpoint_server.port) as network:
        async with connect(f"{network.url}/echo") as channel:
            await channel.send("first")
            assert await channel.receive() == "first"
            assert channel.transport == "websocket"
            network.use("refuse-403")
            network.kill_connections()
            await channel.send("second")
            assert await channel.receive() == "second"
            assert channel.transport == "stream"
            network.block()
            await channel.send("third")
            network.heal()
            assert await channel.receive() == "third"


def test_profiles_are_found_by_name() -> None:
    assert profile("black-hole").rules == (SwallowUpgrade(),)
    assert expand(["rtt-100", SwallowUpgrade(), "black-hole"]) == (
        Latency(ms=50),
        SwallowUpgrade(),
        SwallowUpgrade(),
    )
    with pytest.raises(UsageError, match="use open, refuse-403"):
        profile("closed")


def test_a_seed_is_for_the_rules_that_draw() -> None:
    lossy = seeded(PROFILES["lossy-posts"].rules, 7)
    assert [getattr(rule, "seed", None) for rule in lossy] == [7, 7]
    assert seeded(PROFILES["buffer-all"].rules, 7) == PROFILES["buffer-all"].rules


def test_every_rule_is_public_and_says_what_it_does() -> None:
    public = {name for name in rules_package.__all__ if name[0].isupper()} - {
        "ALL_RULES",
        "Rule",
        "SomePosts",
    }
    assert {rule.__name__ for rule in ALL_RULES} == public
    for rule in ALL_RULES:
        assert rule.__doc__ is not None
        assert "(" not in rule.__doc__.split("\n")[0], rule  # a sentence, not a signature


PAGE = ROOT / "docs" / "how-to" / "test-behind-a-proxy.md"


def test_the_page_has_the_profiles_of_the_code() -> None:
    text = PAGE.read_text().partition("## Profiles")[2].partition("## Rules")[0]
    rows = re.findall(r"^\| `([\w-]+)` \| (.+?) \| (.+?) \|$", text, re.M)
    wanted = [
        (one.name, one.about, " ".join(f"`{rule}`" for rule in one.rules) or "–")
        for one in PROFILES.values()
    ]
    assert rows == wanted, "\n".join(f"| `{a}` | {b} | {c} |" for a, b, c in wanted)


def test_the_page_names_every_rule() -> None:
    text = PAGE.read_text()
    assert not [rule.__name__ for rule in ALL_RULES if f"`{rule.__name__}" not in text]
