"""Whatever is sent to an entrance, it is answered as documented, and nothing grows.

After each example, that is several calls that overlap, the bounds are compared; when all clients
have left and the time has passed, nothing may be left. See docs/explanation/security.md for how
long this was run.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from byway.keys import plainly_not_random
from byway.transports.base import Event, Scope
from tests.fuzz.inputs import Action, posts, preflights, reads, sockets
from tests.fuzz.world import KEYS, World, in_a_world


def run(actions: list[Action]) -> None:
    """Make these calls, each while the ones before go on."""

    async def act(world: World) -> None:
        for action in actions:
            world.call(*action(world))
            await world.settle()

    in_a_world(act)


@given(st.lists(posts(), min_size=1, max_size=6))
def test_posts(actions: list[Action]) -> None:
    run(actions)


@given(st.lists(sockets(), min_size=1, max_size=4))
def test_websockets(actions: list[Action]) -> None:
    run(actions)


@given(st.lists(reads(), min_size=1, max_size=5))
def test_readers(actions: list[Action]) -> None:
    run(actions)


@given(st.lists(preflights(), min_size=1, max_size=3))
def test_preflights(actions: list[Action]) -> None:
    run(actions)


@given(st.lists(posts() | sockets() | reads() | preflights(), min_size=2, max_size=10))
def test_all_entrances_together(actions: list[Action]) -> None:
    run(actions)


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_noise_in_every_header(name: bytes, value: bytes) -> None:
    """Servers let through what is no line break, in places where nobody expects it."""

    def request(world: World) -> tuple[Scope, list[Event]]:
        value_without_breaks = value.translate(None, b"\r\n\0")
        headers = [
            (one, value_without_breaks)
            for one in (
                b"byway",
                b"content-type",
                b"content-length",
                b"host",
                b"origin",
                b"sec-fetch-site",
                b"x-forwarded-host",
                b"sec-websocket-key",
                b"sec-websocket-protocol",
                b"access-control-request-headers",
                b"last-event-id",
                b"accept",
                name,
            )
        ]
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/",
            "headers": headers,
            "scheme": "http",
        }
        return scope, [{"type": "http.request", "body": b"", "more_body": False}]

    run([request])


def test_the_worlds_keys_are_ones_that_a_client_could_have_made() -> None:
    """Else every request above would be refused for its key."""
    assert not any(plainly_not_random(key) for key in KEYS)
