"""What goes wrong, and when: each run draws which faults it has.

Knows: everything that can be ill-treated.
Must not know: what is promised.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tests.scale.cast import Cast
from tests.scale.flaws import Flaw
from tests.scale.life import Living
from tests.scale.redis import Redis


class Faults:
    """The ill will of one run.

    Attributes:
        deaths: a process has died, so a session may end without ever having been opened.
    """

    def __init__(self, cast: Cast) -> None:
        """Draw which faults there are: with few of them, each has its moment more often."""
        self.cast = cast
        self.world = world = cast.world
        redis, folder = cast.redis, cast.folder
        self.deaths: bool = False
        faults: dict[str, Callable[[], object]] = {
            "kill": self._kill,
            "freeze": self._freeze,
            "pause": self._pause,
            "cut": self._cut,
            "full": self._full,
            "refuse": self._refuse,
            "nothing": lambda: None,
        }
        if redis is not None:
            faults |= {
                "vanish": partial(self._kill, vanished=True),
                "restart": partial(self._away, redis, partial(redis.restart, snapshot=False)),
                "snapshot": partial(self._away, redis, partial(redis.restart, snapshot=True)),
                "empty": partial(self._away, redis, redis.empty),
                "flush": partial(self._lose, redis.empty),
                "unreachable": partial(self._away, redis, lambda: None),
                "stop": partial(self._stop, redis),
                "abandon": partial(self._stop, redis, abandons=True),
                "slow": partial(self._slow, redis),
                "fail over": partial(self._lose, redis.fail_over),
            }
        if folder is not None:
            faults["clean"] = partial(self._lose, folder.clean)
        names = list(world.setting.faults) or list(faults)
        if not world.setting.faults and world.rng.random() < 0.8:
            names = world.rng.sample(names, world.rng.randint(1, 4))
        self._faults = {name: faults[name] for name in names}
        often = (1.5, 8.0, 60.0) if world.setting.faults else (3.0, 8.0, 14.0)
        self._often = world.rng.choice(often)
        world.at(world.rng.random() * 8, self._next)
        if redis is not None:
            world.at(world.rng.random() * 10, self._save)
            if world.without(Flaw.EVICTION):
                world.at(10.0, redis.evict)

    def _next(self) -> None:
        world = self.world
        if world.quiet:
            return
        name = world.rng.choice(list(self._faults))
        world.log("fault:", name)
        world.statistics[f"fault: {name}"] += 1
        self._faults[name]()
        world.at(1.0 + world.rng.random() * self._often, self._next)

    def _opening(self) -> None:
        """Let somebody open just now."""
        if self.world.rng.random() < 0.6:
            self.cast.opening()

    def _note(self, kind: str, seconds: float = 0.0) -> None:
        now = self.world.now
        self.world.accidents.append((now, now + seconds, kind))

    # Processes

    def _anyone(self) -> Living | None:
        some = self.cast.some()
        return self.world.rng.choice(some) if some else None

    def _kill(self, *, vanished: bool = False) -> None:
        if alive := self.cast.some():
            process = self.world.rng.choice(alive)
            self.deaths = True
            self._note("kill")
            process.kill(vanished=vanished)
            again = process.name if self.world.without(Flaw.KEPT_NAME) else None
            self.world.at(self.world.rng.random() * 3, partial(self.cast.start, again))

    def _freeze(self) -> None:
        """Pause a process for good; its server starts another."""
        alive = self.cast.some()
        if len(alive) > 1 and not any(one.frozen for one in self.world.processes.values()):
            self.deaths = True
            self._note("freeze")
            self.world.rng.choice(alive).freeze()
            self.cast.start()

    def _pause(self) -> None:
        process = self._anyone()
        if process is not None and not process.paused:
            self._note("pause", 8.0)
            process.paused = True
            self._opening()

            def resume() -> None:
                if not process.frozen:
                    process.resume()

            self.world.at(self.world.rng.choice((0.5, 3.0, 8.0)), resume)

    def _full(self) -> None:
        """Let a process take no more sessions for a while."""
        process = self._anyone()
        if process is not None:
            self._note("full", 2.0)
            process.full = True
            self._opening()
            self.world.at(2.0, partial(setattr, process, "full", False))

    def _refuse(self) -> None:
        """Let a process refuse links for a while, which is not so long that sessions end."""
        process = self._anyone()
        if process is not None:
            self._note("refuse", 14.0)
            process.refuses = True
            self.world.at(14.0, partial(setattr, process, "refuses", False))

    def _cut(self) -> None:
        self._note("cut")
        for process in self.cast.some():
            for pipe in process.pipes:
                if not pipe.dead and self.world.rng.random() < 0.3:
                    pipe.cut()

    # Where they meet

    def _trouble(self, seconds: float) -> None:
        self._note("directory", seconds)
        now = self.world.now
        self.world.troubles.append((now, now + seconds))

    def _away(self, redis: Redis, happens: Callable[[], object]) -> None:
        """Let Redis be away for a while, and something happen to it meanwhile."""
        world = self.world
        if not redis.up or redis.stopped:
            return
        seconds = world.rng.choice((0.05, 0.1, 1.0, 8.0, 12.0))

        def back() -> None:
            redis.up = True
            if world.chance(0.3):
                self._slow(redis)  # everybody comes at once

        def down() -> None:
            self._trouble(seconds)
            redis.up = False
            happens()
            world.at(seconds, back)

        self._opening()
        self._beside()
        world.at(world.rng.random() * 0.6, down)

    def _beside(self) -> None:
        """Let something else go wrong at the same moment."""
        for happens in (self._pause, self._refuse, self._cut):
            if self.world.rng.random() < 0.2:
                happens()

    def _stop(self, redis: Redis, *, abandons: bool = False) -> None:
        """Pause Redis: what is sent to it waits, and runs later, in whatever order."""
        if redis.up and not redis.stopped:
            seconds = self.world.rng.choice((0.5, 3.0, 6.0))
            self._trouble(seconds)
            if abandons:
                self.cast.opening(abandons=True)
            else:
                self._opening()

            def stop() -> None:
                redis.stopped = True

            self.world.at(self.world.rng.choice((0.0, 0.3)), stop)
            self.world.at(seconds + 0.3, redis.go_on)

    def _slow(self, redis: Redis) -> None:
        self._trouble(5.0)
        redis.slow = True
        self._opening()
        self.world.at(5.0, partial(setattr, redis, "slow", False))

    def _lose(self, happens: Callable[[], object]) -> None:
        self._opening()
        self._beside()
        delay = self.world.rng.random() * 0.6

        def lose() -> None:
            self._trouble(0.0)
            happens()

        self.world.at(delay, lose)

    def _save(self) -> None:
        if self.cast.redis is not None:
            self.cast.redis.save()
            self.world.at(2.0 + self.world.rng.random() * 20, self._save)

    def end(self) -> None:
        """End all of it: whatever can go on has to."""
        self.world.quiet = True
        self.world.quiet_since = self.world.now
        for process in self.world.processes.values():
            process.full = process.refuses = False
            if process.paused and not process.frozen:
                process.resume()
        if self.cast.redis is not None:
            self.cast.redis.up, self.cast.redis.slow = True, False
            self.cast.redis.go_on()
