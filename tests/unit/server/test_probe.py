"""Probes: how many there may be, of whom, and for how long."""

from __future__ import annotations

import asyncio

import pytest

from byway.errors import PeerError
from byway.handshake import PROBE, Hello
from byway.limits import ServerLimits
from byway.server.admission import Admission
from byway.server.application import Denied
from byway.server.lives import Hosted
from byway.server.probe import Probes
from byway.session import Closed, Intake
from byway.transports.base import Scope
from tests.support.calls import call_of
from tests.unit.clock import now, settle, timed

LIMITS = ServerLimits(sessions=1, probes=3, probes_per_address=2, probe_bytes=1_000, probe_time=50)


async def never(*_: object) -> None:
    """Be an application that must not run."""
    raise AssertionError("the application ran")


def hello(name: str) -> Hello:
    """Return what a doctor of this name says."""
    return Hello(key=name * 22, carrier=1, received=0, room=10_000, subprotocols=(PROBE,))


def scope(address: str | None) -> Scope:
    """Return the scope of a request from an address."""
    client = None if address is None else (address, 1)
    return {"type": "http", "method": "POST", "path": "/", "headers": [], "client": client}


async def admitted(admission: Admission, name: str, address: str | None = "a") -> Hosted:
    """Let a probe in, and give it a carrier."""
    outcome = await admission.admit(call_of(scope(address)), hello(name))
    assert not isinstance(outcome, Denied)
    hosted, accepted = outcome
    assert accepted.subprotocol == PROBE
    hosted.live.attach(1, "stream", ordered=True).establish()
    hosted.live.acknowledge(0, 10_000)
    return hosted


async def refused(admission: Admission, name: str, address: str | None) -> str:
    """Return with which words a probe is turned away."""
    with pytest.raises(PeerError) as caught:
        await admission.admit(call_of(scope(address)), hello(name))
    assert caught.value.status == 429
    return str(caught.value)


@timed
async def test_probes_are_bounded_by_address_and_in_all() -> None:
    admission = Admission(never, LIMITS)
    first = await admitted(admission, "a", "one")
    await admitted(admission, "b", "one")
    assert "this address already has 2" in await refused(admission, "c", "one")
    await admitted(admission, "d", "two")
    assert "the server already has 3" in await refused(admission, "e", "three")
    first.live.abort(1006, "over")
    await settle()
    await admitted(admission, "e", "three")


@timed
async def test_who_has_no_address_shares_one() -> None:
    admission = Admission(never, LIMITS)
    await admitted(admission, "a", None)
    await admitted(admission, "b", None)
    assert "this address" in await refused(admission, "c", None)


@timed
async def test_probes_take_no_session_s_place_and_are_not_counted() -> None:
    admission = Admission(never, LIMITS)
    await admitted(admission, "a")
    await admitted(admission, "b")
    assert len(admission.registry) == 0
    assert len(admission.registry.sessions) == 2  # a drain closes them all the same
    for one in admission.registry.sessions:
        one.live.abort(1006, "over")
    assert len(admission.registry) == 0
    assert admission.registry.sessions == []


@timed
async def test_a_probe_that_hears_nothing_is_over_after_a_short_wait() -> None:
    admission = Admission(never, LIMITS)
    hosted = await admitted(admission, "a")
    await hosted.live.finished.wait()
    assert now() == 1_000 + LIMITS.probe_wait
    assert hosted.live.carriers == {}


@timed
async def test_a_probe_lasts_no_longer_than_its_time() -> None:
    admission = Admission(never, LIMITS)
    hosted = await admitted(admission, "a")
    hosted.live.feed(Intake(ordered=True, expected=1), [(1, b"hello")])
    await hosted.live.finished.wait()
    assert LIMITS.probe_time <= now() - 1_000 <= LIMITS.probe_time + 2
    assert hosted.live.core.end == Closed(1006, "the close of a probe was not acknowledged")


@timed
async def test_a_probe_echoes_no_more_than_its_bytes() -> None:
    admission = Admission(never, LIMITS)
    hosted = await admitted(admission, "a")
    hosted.live.feed(Intake(ordered=True, expected=1), [(2, b"x" * 600)] * 2)
    await asyncio.sleep(0.5)
    assert hosted.live.core.end == Closed(1009, "a probe echoes 1000 bytes at most")


@timed
async def test_a_doctor_may_ask_a_probe_for_long_silence_and_nobody_else_a_session() -> None:
    admission = Admission(never, LIMITS)
    hosted = await admitted(admission, "a")
    hosted.live.core.beat = 40.0
    assert hosted.live.heartbeat == 40.0
    hosted.live.core.beat = 400.0
    assert hosted.live.heartbeat == LIMITS.probe_time


def test_a_probe_is_given_little() -> None:
    limits = Probes(ServerLimits()).limits
    assert (limits.inbox, limits.outbox, limits.max_message) == (32_768, 32_768, 32_768)
    assert limits.window == ServerLimits().probe_wait
    small = ServerLimits(inbox=1_000, outbox=2_000, max_message=3_000, window=1.0)
    limits = Probes(small).limits
    assert (limits.inbox, limits.outbox, limits.max_message) == (1_000, 2_000, 3_000)
    assert limits.window == 1.0
