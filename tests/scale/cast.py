"""Who takes part in a run, and how a process joins.

Knows: processes, and the places where they can meet.
Must not know: faults, promises.
"""

from __future__ import annotations

from functools import partial

from tests.scale.client import Client
from tests.scale.flaws import Flaw
from tests.scale.folder import Folder, Sibling
from tests.scale.life import Living
from tests.scale.member import Member
from tests.scale.process import Process
from tests.scale.redis import Redis
from tests.scale.request import Request, Stray
from tests.scale.wire import Hello, Kind
from tests.scale.world import World

KINDS: tuple[Kind, ...] = ("stream", "poll")


class Cast:
    """The processes, their meeting place, and those who talk to them."""

    def __init__(self, world: World) -> None:
        """Start two to four processes."""
        self.world = world
        world.request = Request
        self.redis: Redis | None = None
        self.folder: Folder | None = None
        self.meet()
        for _ in range(world.rng.randint(2, 4)):
            self.start()

    def meet(self) -> None:
        """Make the place where processes meet."""
        if self.world.setting.meeting == "redis":
            self.redis = Redis(self.world)
        else:
            self.folder = Folder(self.world)

    def start(self, name: str | None = None) -> None:
        """Start a process."""
        number = len(self.world.processes) + 1
        if self.world.without(Flaw.SAME_NAME):
            name = "same"
        process = Process(self.world, number, name or f"p{number}")
        self.world.processes[f"p{number}"] = process
        if self.redis is not None:
            process.start(Member(process, self.redis))
        elif self.folder is not None:
            process.start(Sibling(process, self.folder))

    def some(self) -> list[Living]:
        """Return the processes that live, also the paused ones."""
        return [one for one in self.world.processes.values() if one.alive and not one.frozen]

    def opening(self, *, abandons: bool = False) -> None:
        """Let a client open now; some of them are refused."""
        world = self.world
        refused = "r" if world.rng.random() < 0.3 and not abandons else ""
        key, kind = f"k{len(world.clients)}{refused}", world.rng.choice(KINDS)
        world.clients.append(Client(world, key, kind, abandons=abandons))

    def crowd(self, until: float) -> None:
        """Open many sessions that nobody carries, and repeat their openings until then."""
        rng = self.world.rng
        for i in range(rng.randint(4, 12)):
            hello = Hello(f"b{i}", None, 1, "stream", 0, 4096, 0)
            self.world.at(rng.random() * 2, partial(Stray, self.world, hello))
            for _ in range(12):
                self.world.at(3.0 + rng.random() * until, partial(Stray, self.world, hello))

    def talk(self) -> None:
        """Let everybody say something now and then, until it is quiet."""
        rng = self.world.rng
        for client in self.world.clients:
            if rng.random() < 0.5:
                client.say()
        for process in self.some():
            if not process.paused:
                for session in list(process.runs.values()):
                    if session.carried and rng.random() < 0.5:
                        session.say()
        if not self.world.quiet:
            self.world.at(0.3, self.talk)
