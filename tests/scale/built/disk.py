"""The folder of a machine on which the product's own files stand, and who cleans up there.

Knows: how a backplane of workers is made; the clock that it reads beside its loop's.
Must not know: what the files say.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from byway.backplane import owners, workers
from byway.backplane.workers import WorkersBackplane
from byway.limits import ServerLimits
from tests.scale.folder import Folder
from tests.scale.world import World


class DiskFolder(Folder):
    """A real folder, in the place of the model's."""

    def __init__(self, world: World) -> None:
        """Make one."""
        super().__init__(world)
        self._base = Path(tempfile.mkdtemp(prefix="scale-"))
        self._made: dict[str, WorkersBackplane] = {}

    def bind(self, name: str, limits: ServerLimits) -> WorkersBackplane:
        """Make the backplane of a process."""
        made = self._made[name] = WorkersBackplane(
            name, directory=self._base / "meeting", limits=limits
        )
        return made

    def killed(self, name: str) -> None:
        """Do what the kernel does: whatever the process had open is closed."""
        lock = self._made[name]._lock
        if lock is not None:
            lock.let_go()

    def clean(self) -> None:
        """Lose all files: a session manager, or somebody who tidies up."""
        shutil.rmtree(self._base / "meeting", ignore_errors=True)
        self.world.lost_at = self.world.now

    @contextmanager
    def clock(self) -> Iterator[None]:
        """Let the product read the time of the world, and remove all files at the end."""
        clock = SimpleNamespace(monotonic=lambda: self.world.now)
        try:
            with (
                mock.patch.object(workers, "time", clock),
                mock.patch.object(owners, "time", clock),
            ):
                yield
        finally:
            for name in self._made:
                self.killed(name)
            shutil.rmtree(self._base, ignore_errors=True)
