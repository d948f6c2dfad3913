"""What a server says of a session that it does not have: elsewhere, ended or unknown."""

from __future__ import annotations

import asyncio

import pytest

from byway.errors import PeerError
from byway.keys import new_instance, new_process_name, owner_of
from byway.limits import ServerLimits
from byway.server.admission import Admission
from byway.server.identity import Identity
from byway.server.process import process_name
from byway.session import BYWAY, READER, Peer
from tests.support.calls import call_of
from tests.unit.clock import settle, timed
from tests.unit.server.test_admission import Application, admitted, hello, refused_with, scope

OTHER = new_instance(new_process_name())
"""A run of a handler in another process."""


async def gone(admission: Admission, name: str, instance: str | None, *, peer: Peer = BYWAY) -> str:
    """Return what a client is told that asks for a session which is not here."""
    with pytest.raises(PeerError) as caught:
        await admission.admit(call_of(scope()), hello(name, instance=instance), peer=peer)
    assert caught.value.status == 410
    return caught.value.gone


@timed
async def test_a_session_that_was_never_here() -> None:
    admission = Admission(Application(), ServerLimits())
    assert await gone(admission, "a", OTHER) == "elsewhere"
    assert await gone(admission, "a", new_instance(process_name())) == "unknown"
    for older in ("x", "nosuchinstance", "1234567890123456"):  # 16 characters, without a name
        assert await gone(admission, "a", older) == "unknown"


@timed
async def test_a_session_that_is_here_and_runs_elsewhere_too() -> None:
    app = Application()
    admission = Admission(app, ServerLimits())
    hosted = await admitted(admission, app, hello())
    assert owner_of(hosted.instance) == process_name()
    assert await gone(admission, "a", OTHER) == "elsewhere"
    assert await gone(admission, "a", new_instance(process_name())) == "unknown"
    assert await gone(admission, "a", hosted.instance, peer=READER) == "unknown"


@timed
async def test_a_session_that_has_ended_here() -> None:
    app = Application()
    admission = Admission(app, ServerLimits())
    hosted = await admitted(admission, app, hello())
    hosted.live.abort(1006, "over")
    await settle()
    assert await gone(admission, "a", hosted.instance) == "ended"
    assert await gone(admission, "a", None) == "ended"
    # It ended here without having been used, and lives where the client went on with it.
    assert await gone(admission, "a", OTHER) == "elsewhere"


@timed
async def test_a_refusal_here_does_not_end_a_session_elsewhere() -> None:
    app = Application()
    admission = Admission(app, ServerLimits())
    app.decisions.put_nowait({"type": "websocket.close"})
    await admission.admit(call_of(scope()), hello())
    assert await gone(admission, "a", OTHER) == "elsewhere"


@timed
async def test_whose_session_it_is_comes_before_where_it_is() -> None:
    app = Application()
    admission = Admission(app, ServerLimits())
    app.decisions.put_nowait({"type": "websocket.accept"})
    await admission.admit(call_of(scope()), hello())
    with pytest.raises(PeerError) as caught:
        admission.registry.find(hello(instance=OTHER), Identity(user="somebody else"))
    assert (caught.value.status, caught.value.gone) == (403, "")


@timed
async def test_no_other_refusal_says_that_a_session_is_gone() -> None:
    app = Application()
    admission = Admission(app, ServerLimits(sessions=1))
    await admitted(admission, app, hello("a"))
    assert await refused_with(admission, hello("b")) == 503
    with pytest.raises(PeerError) as caught:
        await admission.admit(call_of(scope()), hello("b"))
    assert caught.value.gone == ""


def test_each_event_loop_is_a_process_of_its_own() -> None:
    async def names() -> set[str]:
        return {process_name(), process_name()}

    first, second = asyncio.run(names()), asyncio.run(names())
    assert len(first) == len(second) == 1
    assert first.isdisjoint(second)
