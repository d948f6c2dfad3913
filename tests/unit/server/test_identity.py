"""Who asks: sessions that are tied to a user."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable

import pytest

from byway.errors import PeerError
from byway.handshake import Hello
from byway.limits import ServerLimits
from byway.server.admission import Admission
from byway.server.application import Denied
from byway.server.identity import Identity, ask_bind
from byway.transports.base import Receive, Scope, Send
from tests.support.calls import call_of
from tests.unit.clock import timed

HELLO = Hello(key="Kx3vT8qLw2ZrN5yBhE7uJd", carrier=1, received=0, room=1_000)


def scope(user: Hashable = None) -> Scope:
    """Return the scope of a user's request."""
    return {"type": "http", "scheme": "http", "path": "/", "headers": [], "user": user}


async def accepting(scope: Scope, receive: Receive, send: Send) -> None:
    """Accept, and wait."""
    await send({"type": "websocket.accept"})
    await asyncio.Event().wait()


async def refusing(scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse."""
    await send({"type": "websocket.close"})


@pytest.mark.parametrize(
    ("opened_by", "user", "owns"),
    [
        ("alice", "alice", True),
        ("alice", "mallory", False),
        ("alice", "", False),
        ("alice", None, False),
        (None, "alice", False),
        (None, None, True),
        ("ünïcode", "ünïcode", True),
        (7, 7, True),
        (7, "7", False),
        (1, True, False),
        (("a", 1), ("a", 1), True),
        (b"a", b"b", False),
    ],
)
def test_only_the_opener_owns_a_session(opened_by: Hashable, user: Hashable, owns: bool) -> None:
    assert Identity("192.0.2.1", user).owns(Identity("192.0.2.2", opened_by)) is owns


@timed
async def test_somebody_else_gets_403_whatever_is_asked_of_the_session() -> None:
    admission = Admission(accepting, ServerLimits(), bind=lambda scope: scope["user"])
    outcome = await admission.admit(call_of(scope("alice")), HELLO)
    assert not isinstance(outcome, Denied)
    instances = (None, outcome[0].instance, "another")
    for user in ("mallory", None):
        for instance in instances:
            one = Hello(key=HELLO.key, carrier=2, received=0, room=0, instance=instance)
            with pytest.raises(PeerError) as caught:
                await admission.admit(call_of(scope(user)), one)
            assert caught.value.status == 403
            assert str(caught.value) == "this request may not use this session"
    one = Hello(key=HELLO.key, carrier=2, received=0, room=0, instance=outcome[0].instance)
    assert await admission.find(call_of(scope("alice")), one) is outcome[0]
    with pytest.raises(PeerError) as caught:
        await admission.find(call_of(scope("mallory")), one)
    assert caught.value.status == 403


@timed
async def test_what_the_application_answered_to_one_user_is_not_told_another() -> None:
    admission = Admission(refusing, ServerLimits(), bind=lambda scope: scope["user"])
    assert isinstance(await admission.admit(call_of(scope("alice")), HELLO), Denied)
    assert isinstance(await admission.admit(call_of(scope("alice")), HELLO), Denied)
    with pytest.raises(PeerError) as caught:
        await admission.admit(call_of(scope("mallory")), HELLO)
    assert caught.value.status == 403


@timed
async def test_bind_may_be_async_and_two_attempts_still_open_one_session() -> None:
    runs = 0

    async def bind(scope: Scope) -> Hashable:
        await asyncio.sleep(0.1)
        user: Hashable = scope["user"]
        return user

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal runs
        runs += 1
        await accepting(scope, receive, send)

    admission = Admission(app, ServerLimits(), bind)
    first, second = await asyncio.gather(
        admission.admit(call_of(scope("alice")), HELLO),
        admission.admit(call_of(scope("alice")), HELLO),
    )
    assert not isinstance(first, Denied)
    assert not isinstance(second, Denied)
    assert first[0] is second[0]
    assert runs == 1


async def test_permission_denied_is_answered_and_all_else_is_the_applications_fault() -> None:
    def refuse(scope: Scope) -> Hashable:
        raise PermissionError("the token of alice is over: secret")

    with pytest.raises(PeerError) as caught:
        await ask_bind(refuse, scope())
    assert caught.value.status == 403
    assert "secret" not in str(caught.value)

    def fail(scope: Scope) -> Hashable:
        raise LookupError("no table")

    with pytest.raises(LookupError):
        await ask_bind(fail, scope())
