"""Requests that go in one frame, over a real pair of sockets, and through a door."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from byway import ServerLimits, UsageError
from byway.backplane import Link, LinkLost, Unreachable
from byway.backplane.kinds import LEAVE, REFUSAL, REPLY, REQUEST, TAKEN
from byway.backplane.wire import PIECE
from tests.unit.backplane.loops.test_door import OWNER, calling, one_call, opened
from tests.unit.backplane.pair import End, joined


async def turns() -> None:
    """Let the loop do what it has to, which is little and does not wait for anything."""
    for _ in range(20):
        await asyncio.sleep(0)


async def asked(owner: End) -> tuple[Link, bytes]:
    """Return the next request that came."""
    link, kind, payload = await owner.calls.get()
    assert kind == REQUEST
    return link, payload


async def test_requests_go_over_one_link_one_after_another() -> None:
    async with joined() as (relay, owner):
        for kind, said in ((REPLY, b""), (REFUSAL, b"{}"), (REPLY, b"x" * 3 * PIECE)):
            link = relay.connection.carry()
            asking = asyncio.create_task(link.request(b"what"))
            served, payload = await asked(owner)
            assert payload == b"what"
            served.reply(kind, said)
            with pytest.raises(LinkLost):
                served.reply(kind, said)  # it is answered once
            assert await asking == (kind, said)
            link.cut()  # which carries nothing any more, so that this reaches nobody
            served.cut()
        assert (relay.frees, owner.frees) == (3, 3)
        assert relay.error is owner.error is None


async def test_a_call_may_follow_a_request() -> None:
    async with joined() as (relay, owner):
        asking = asyncio.create_task(relay.connection.carry().request(b""))
        (await asked(owner))[0].reply(REPLY, b"")
        await asking
        await relay.connection.carry().call(b"call")
        assert (await owner.served())[1] == b"call"


async def test_a_request_that_is_not_taken_is_given_up() -> None:
    async with joined(ServerLimits(link_time=0.05)) as (relay, owner):
        owner.connection.pause()
        with pytest.raises(Unreachable, match=r"did not take a call in 0\.05 s"):
            await relay.connection.carry().request(b"")
        assert isinstance(relay.error, LinkLost)


async def test_a_request_that_waits_is_taken_meanwhile() -> None:
    """As a poll that is held: it waits for longer than an owner may take to take it."""
    async with joined(ServerLimits(link_time=0.2)) as (relay, owner):
        asking = asyncio.create_task(relay.connection.carry().request(b""))
        served, _ = await asked(owner)
        await asyncio.sleep(0.3)
        assert not asking.done()
        served.reply(REPLY, b"at last")
        assert await asking == (REPLY, b"at last")


async def test_a_request_that_is_answered_at_once_is_not_said_to_be_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with joined(ServerLimits(link_time=0.2)) as (relay, owner):
        kinds: list[int] = []
        write = owner.connection.write

        def noting(kind: int, payload: bytes = b"") -> None:
            kinds.append(kind)
            write(kind, payload)

        monkeypatch.setattr(owner.connection, "write", noting)
        asking = asyncio.create_task(relay.connection.carry().request(b""))
        (await asked(owner))[0].reply(REPLY, b"")
        await asking
        await asyncio.sleep(0.05)  # TAKEN would have been said after 0.02 s
        assert kinds == [REPLY]
        assert TAKEN not in kinds


@pytest.mark.parametrize("how", ["cancelled", "cut"])
async def test_a_request_that_is_given_up_cuts_the_link(how: str) -> None:
    async with joined() as (relay, owner):
        asking = asyncio.create_task(relay.connection.carry().request(b""))
        served, _ = await asked(owner)
        if how == "cancelled":
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
        else:
            owner.connection.end(LinkLost("for the test"))
            with pytest.raises(LinkLost):
                await asking
        assert isinstance(relay.error, LinkLost)
        await owner.has_ended.wait()
        with pytest.raises(LinkLost):
            served.reply(REPLY, b"")


async def test_leave_is_heard_during_a_request_and_harms_nothing_behind_it() -> None:
    async with joined() as (relay, owner):
        heard: list[bool] = []
        link = relay.connection.carry()
        asking = asyncio.create_task(link.request(b""))
        served, _ = await asked(owner)
        served.on_leave = lambda: heard.append(True)
        link.write(LEAVE)
        await turns()
        assert heard == [True]
        served.reply(REPLY, b"")
        link.write(LEAVE)  # crosses the response
        await asking
        asking = asyncio.create_task(relay.connection.carry().request(b"next"))
        served, _ = await asked(owner)
        served.reply(REPLY, b"next")
        assert await asking == (REPLY, b"next")
        assert heard == [True]
        assert relay.error is owner.error is None


async def test_a_request_has_a_bound() -> None:
    async with joined() as (relay, owner):
        with pytest.raises(UsageError, match="65536 bytes"):
            await relay.connection.carry().request(bytes(PIECE + 1))
        relay.connection.write(REQUEST, bytes(PIECE + 1))
        await owner.has_ended.wait()
        assert owner.calls.empty()


async def test_a_link_of_the_first_version_takes_no_request() -> None:
    async with joined(versions=(1,)) as (relay, owner):
        assert (relay.connection.version, owner.connection.version) == (1, 1)
        with pytest.raises(LinkLost):
            await relay.connection.carry().request(b"")
        assert owner.calls.empty()


@pytest.mark.parametrize("kind", [REPLY, REFUSAL])
async def test_a_response_that_nobody_waits_for_cuts_the_link(kind: int) -> None:
    async with joined() as (relay, owner):
        owner.connection.write(kind)
        await relay.has_ended.wait()


# Through a door.


async def test_a_link_is_kept_for_requests(tmp_path: Path) -> None:
    def respond(link: Link, payload: bytes) -> Coroutine[Any, Any, None] | None:
        if payload == b"now":
            link.reply(REPLY, payload)
            return None

        async def later() -> None:
            await turns()
            link.reply(REPLY, payload)

        return later()

    async with opened(tmp_path, serve_request=respond), calling() as callers:
        assert callers.kept(OWNER) is None
        await one_call(callers, str(tmp_path / "door"))
        for said in (b"now", b"later", b"now"):
            link = callers.kept(OWNER)
            assert link is not None
            assert callers.kept(OWNER) is None  # it is in use
            assert await link.request(said) == (REPLY, said)
        await one_call(callers, str(tmp_path / "door"))


@pytest.mark.parametrize("how", ["nobody", "fails", "fails later", "says nothing"])
async def test_a_request_without_a_response_cuts_the_link(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    async def nothing() -> None:
        if how == "fails later":
            raise RuntimeError("for the test")

    def respond(link: Link, payload: bytes) -> Coroutine[Any, Any, None] | None:
        if how == "fails":
            raise RuntimeError("for the test")
        return nothing()

    serve = None if how == "nobody" else respond
    async with opened(tmp_path, serve_request=serve), calling() as callers:
        await one_call(callers, str(tmp_path / "door"))
        link = callers.kept(OWNER)
        assert link is not None
        with pytest.raises(LinkLost):
            await link.request(b"")
    assert ("relay-01 failed" in caplog.text) is how.startswith("fails")


async def test_a_link_of_the_first_version_is_kept_for_calls_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from byway.backplane import callers as module
    from byway.backplane.proof import Proof

    def old(*arguments: Any, **named: Any) -> Proof:
        return Proof(*arguments, versions=(1,), **named)

    monkeypatch.setattr(module, "Proof", old)
    async with opened(tmp_path), calling() as callers:
        address = os.fspath(tmp_path / "door")
        await one_call(callers, address)
        assert callers.kept(OWNER) is None
        link = await callers.link(OWNER, address)
        assert callers._counts.links == 1  # it is the one that was kept
        link.cut()
