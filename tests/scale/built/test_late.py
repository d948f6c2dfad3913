"""What a process that was stopped hears when it goes on: it may be true no longer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from byway.backplane.asks import Ask, Response
from tests.scale.built.process import BuiltProcess
from tests.scale.built.scripts import ScriptRedis
from tests.scale.built.simulate import BuiltCast
from tests.scale.flaws import Setting
from tests.scale.request import Request
from tests.scale.wire import Failed, Hello, Opened, Said
from tests.scale.world import World

KEY = "k0"


class Asker:
    """Keeps what comes back."""

    def __init__(self, world: World, to: BuiltProcess) -> None:
        """Ask a process to open."""
        self.came: list[Said] = []
        hello = Hello(KEY, None, 1, "stream", 0, 4096, 0)
        world.request(world, self, hello, kept=to)

    def answered(self, request: Request, said: Said) -> None:
        """Keep it."""
        self.came.append(said)

    def lost(self, request: Request) -> None:
        """Do nothing."""


def stopped_while_claims_were_lost() -> tuple[World, list[Said], list[Said]]:
    """Stop a process when its claim was made, and let another one open the same session.

    Returns:
        The world, and what the first and the second client heard.
    """
    world = World(Setting(1))
    world.quiet = True
    cast = BuiltCast(world)
    try:
        redis = cast.redis
        assert isinstance(redis, ScriptRedis)
        first, second = list(world.processes.values())[:2]
        assert isinstance(first, BuiltProcess)
        assert isinstance(second, BuiltProcess)
        world.run(10.0)
        evaluate = redis.evaluate

        def and_stop(asks: list[Ask]) -> list[Response]:
            if any(ask.script.name == "claim" for ask in asks):
                first.paused = True
                redis.evaluate = evaluate  # type: ignore[method-assign]
            return evaluate(asks)

        redis.evaluate = and_stop  # type: ignore[method-assign]
        one = Asker(world, first)
        world.run(11.0)
        assert first.paused
        redis.empty()
        world.run(17.0)
        other = Asker(world, second)
        world.run(18.0)
        first.resume()
        world.run(25.0)
    finally:
        cast.end()
    return world, one.came, other.came


@pytest.mark.timeout(120)
def test_a_claim_that_is_heard_late_runs_no_handler() -> None:
    """The directory lost it meanwhile, and gave it to another: both clients are there."""
    with ThreadPoolExecutor(1) as pool:
        world, one, other = pool.submit(stopped_while_claims_were_lost).result()
    assert len(world.runs[KEY]) == 1
    assert isinstance(other[0], Opened)
    assert not isinstance(one[0], Failed)
    assert isinstance(one[0], Opened)
    assert one[0].instance == other[0].instance
