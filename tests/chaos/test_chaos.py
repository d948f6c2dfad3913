"""All connections are cut at random, and other transports pass each time: nothing is lost.

Each decision follows from a seed, printed where one fails. Moments do not: a replay cuts after the
same times, and where the bytes are by then is the machine's affair.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator

import pytest

from byway.testing import Network
from tests.chaos.seeds import groups, long_run, replay, seeds
from tests.chaos.storm import NETWORKS, Storm
from tests.support.numbered_client import NumberedSession
from tests.support.peers import TRANSPORTS
from tests.support.servers import Server, uvicorn
from tests.support.several import PLACES, serving

COUNT = 2000
"""Messages each way."""

SECONDS = 6.0
"""Seconds over which they are spread: some four cuts."""

TIMEOUT = 50.0
"""Seconds after which a session that has not received everything has stalled."""


@pytest.fixture(scope="module", params=["one", *PLACES])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Serve the messages by one process, or by several."""
    app = "tests.apps.numbered_app:app"
    with uvicorn(app) if request.param == "one" else serving(request.param, app) as one:
        yield one
    one.assert_quiet()


async def in_storm(server: Server, kind: str, seed: int) -> tuple[Storm, NumberedSession]:
    """Run one session to its end in a storm of its own.

    Raises:
        AssertionError: with what was done to it and the command that does it again.
    """
    session = NumberedSession(f"{kind}-{seed}", COUNT, SECONDS)
    async with Network(server.port) as network:
        storm = Storm(network, kind, str(seed))
        blowing = asyncio.create_task(storm.blow())
        try:
            await session.run(network.url, timeout=TIMEOUT)
        except (Exception, asyncio.CancelledError) as error:
            done = "\n  ".join(storm.told)
            text = f"seed {seed}, network {kind!r}: {error!r}\n  {session}\n  {done}\n"
            raise AssertionError(f"{text}again: {replay(kind, seed)}") from error
        finally:
            blowing.cancel()
            await asyncio.gather(blowing, return_exceptions=True)
    return storm, session


@pytest.mark.timeout(90)
@pytest.mark.parametrize("group", groups(), ids=lambda group: "seeds-" + "-".join(map(str, group)))
@pytest.mark.parametrize("kind", NETWORKS)
async def test_nothing_is_lost_doubled_or_reordered(
    server: Server, kind: str, group: tuple[int, ...]
) -> None:
    """2,000 messages each way, of 0 to 300 KB, text and binary; the close comes last."""
    ended = await asyncio.gather(
        *(in_storm(server, kind, seed) for seed in group), return_exceptions=True
    )
    failures = [one for one in ended if isinstance(one, BaseException)]
    assert not failures, "\n".join(map(str, failures))
    runs = [one for one in ended if not isinstance(one, BaseException)]
    assert sum(len(storm.told) - 1 for storm, _ in runs) >= len(group), "else nothing was tested"
    if len(group) > 1:
        used = {name for _, session in runs for name in session.transports}
        assert len(used) > 1, "else no session has moved"
    for storm, session in runs:
        sys.stdout.write(f"{session}; {len(storm.told) - 1} cuts\n")


@pytest.mark.timeout(120)
async def test_a_hundred_sessions_at_once(server: Server) -> None:
    """In one storm, all cut at the same moments; fewer messages each outside of `make chaos`."""
    count, many = (COUNT if long_run() else 100), 100
    seed = seeds()[0]
    draws = [
        NumberedSession(f"{seed}-{number}", count, SECONDS if not long_run() else 30, longest=8192)
        for number in range(many)
    ]
    async with Network(server.port) as network:
        storm = Storm(network, "cuts", str(seed))
        blowing = asyncio.create_task(storm.blow())
        try:
            ended = await asyncio.gather(
                *(one.run(network.url, timeout=110) for one in draws), return_exceptions=True
            )
        finally:
            blowing.cancel()
            await asyncio.gather(blowing, return_exceptions=True)
    failures = [f"{one.seed}: {error!r}" for one, error in zip(draws, ended, strict=True) if error]
    assert not failures, "\n".join([*failures, f"again: {replay('hundred', seed)}"])
    used = {name for one in draws for name in one.transports}
    assert len(storm.told) > 2
    assert used <= set(TRANSPORTS)
    assert len(used) > 1, "else no session has moved"
