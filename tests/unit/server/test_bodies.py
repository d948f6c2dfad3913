"""Bodies: each within its bounds, and all of them within one."""

from __future__ import annotations

import asyncio

import pytest

from byway.errors import PeerError
from byway.limits import ServerLimits
from byway.server.bodies import Bodies, ClientLeft
from byway.transports.base import Event
from tests.unit.clock import now, settle, timed

LIMITS = ServerLimits(max_frame=100, part=100, batch=100, body=200, bodies=300, body_timeout=20)


class Client:
    """Sends a body, piece by piece."""

    def __init__(self, *pieces: bytes, ends: bool = True) -> None:
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        for number, piece in enumerate(pieces, start=1):
            self.send(piece, more=not ends or number < len(pieces))

    def send(self, piece: bytes, *, more: bool) -> None:
        """Send a piece."""
        self.events.put_nowait({"type": "http.request", "body": piece, "more_body": more})

    def leave(self) -> None:
        """Close the connection."""
        self.events.put_nowait({"type": "http.disconnect"})


async def refused(reading: asyncio.Task[bytes]) -> PeerError:
    """Return the error with which a body is given up."""
    with pytest.raises(PeerError) as caught:
        await reading
    return caught.value


def begin(bodies: Bodies, client: Client) -> asyncio.Task[bytes]:
    """Read a body in a task."""
    return asyncio.create_task(bodies.read(client.events.get))


@pytest.mark.parametrize("pieces", [(b"whole",), (b"who", b"le"), (b"", b"whole"), (b"whole", b"")])
@timed
async def test_a_body_is_read_to_its_end(pieces: tuple[bytes, ...]) -> None:
    bodies = Bodies(LIMITS)
    assert await bodies.read(Client(*pieces).events.get) == b"whole"
    assert (bodies.size, len(bodies._unfinished)) == (0, 0)


@pytest.mark.parametrize("pieces", [(b"x" * 201,), (b"x" * 200, b"x"), (b"", b"x" * 201)])
@timed
async def test_a_body_that_is_too_long_is_refused(pieces: tuple[bytes, ...]) -> None:
    bodies = Bodies(LIMITS)
    error = await refused(begin(bodies, Client(*pieces)))
    assert error.status == 413
    assert str(error) == "the request body is longer than 200 bytes"
    assert bodies.size == 0


@timed
async def test_a_body_as_long_as_the_bound_is_taken() -> None:
    assert len(await Bodies(LIMITS).read(Client(b"x" * 100, b"x" * 100).events.get)) == 200


@pytest.mark.parametrize("pieces", [(), (b"a beginning",)])
@timed
async def test_a_body_that_does_not_end_is_refused_after_a_while(pieces: tuple[bytes, ...]) -> None:
    bodies, began = Bodies(LIMITS), now()
    error = await refused(begin(bodies, Client(*pieces, ends=False)))
    assert (error.status, now() - began) == (408, 20)
    assert str(error) == "the request body did not arrive within 20 s"
    assert bodies.size == 0


@timed
async def test_a_client_that_leaves_is_told_nothing() -> None:
    bodies = Bodies(LIMITS)
    for pieces in ((), (b"a beginning",)):
        client = Client(*pieces, ends=False)
        client.leave()
        with pytest.raises(ClientLeft):
            await bodies.read(client.events.get)
    assert bodies.size == 0


@timed
async def test_beyond_the_bound_of_all_the_oldest_is_given_up() -> None:
    bodies = Bodies(LIMITS)
    clients = [Client(b"x" * 120, ends=False) for _ in range(2)]
    oldest, younger = [begin(bodies, one) for one in clients]
    await settle()
    assert bodies.size == 240
    newest = Client(b"x" * 100, ends=False)
    reading = begin(bodies, newest)
    error = await refused(oldest)
    assert (error.status, str(error)) == (503, "too many uploads in progress")
    assert bodies.size == 220
    clients[1].send(b"", more=False)
    newest.send(b"", more=False)
    assert (len(await younger), len(await reading)) == (120, 100)
    assert bodies.size == 0


@timed
async def test_a_body_that_comes_whole_crowds_nobody_out() -> None:
    bodies = Bodies(LIMITS)
    slow = Client(b"x" * 200, ends=False)
    reading = begin(bodies, slow)
    await settle()
    assert len(await bodies.read(Client(b"x" * 200).events.get)) == 200
    slow.send(b"", more=False)
    assert len(await reading) == 200
