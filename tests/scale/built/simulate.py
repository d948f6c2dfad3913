"""A random run of the product's own classes, through the faults of the model.

Knows: what takes the place of what in the model.
Must not know: how anything works. `python -m tests.scale.built.simulate --help` shows a run.
"""

from __future__ import annotations

import random
from collections import Counter
from contextlib import ExitStack

from tests.scale.built.disk import DiskFolder
from tests.scale.built.network import Network
from tests.scale.built.process import BuiltProcess
from tests.scale.built.request import BuiltRequest
from tests.scale.built.scripts import ScriptRedis
from tests.scale.cast import Cast
from tests.scale.flaws import Setting
from tests.scale.simulate import command, play
from tests.scale.world import World


class BuiltCast(Cast):
    """Processes of the product, their Redis, and their clients."""

    def __init__(self, world: World) -> None:
        """Start two to four processes."""
        self._network = Network(world)
        super().__init__(world)
        world.request = BuiltRequest

    def meet(self) -> None:
        """Make the place where processes meet."""
        self.place: ScriptRedis | DiskFolder
        if self.world.setting.meeting == "redis":
            self.place = self.redis = ScriptRedis(self.world)
        else:
            self.place = self.folder = DiskFolder(self.world)

    def start(self, name: str | None = None) -> None:
        """Start a process."""
        number = len(self.world.processes) + 1
        process = BuiltProcess(self.world, number, self.place, self._network)
        self.world.processes[f"p{number}"] = process

    def end(self) -> None:
        """Let nothing run on."""
        for process in self.world.processes.values():
            if isinstance(process, BuiltProcess):
                process.loop.end()
        self.world.broken = None
        self.world.run(self.world.now + 5.0)


def simulate(setting: Setting, *, verbose: bool = False) -> Counter[str]:
    """Run it, and return how often what happened.

    Raises:
        Violation: a promise was broken.
    """
    random.seed(setting.seed)  # for the jitter of the product
    world = World(setting, verbose=verbose)
    with ExitStack() as stack:
        cast = BuiltCast(world)
        if isinstance(cast.place, DiskFolder):
            stack.enter_context(cast.place.clock())
        stack.callback(cast.end)
        return play(world, cast)


if __name__ == "__main__":
    command(simulate)
