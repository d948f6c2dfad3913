"""A client's end of one request, and requests that a network repeats.

Knows: which process a connection happens to lead to.
Must not know: sessions; what the client does with a response.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tests.scale.life import Living
from tests.scale.pipes import Pipe
from tests.scale.process import Process, ServerEnd
from tests.scale.wire import Asked, Hello, Opened, Said, Whole
from tests.scale.world import World

if TYPE_CHECKING:
    from byway.session import Carrier


class Asker(Protocol):
    """Who made a request."""

    def answered(self, request: Request, said: Said) -> None: ...

    def lost(self, request: Request) -> None: ...


class Request:
    """One request, to whichever process.

    Attributes:
        over: nothing more comes.
        heard: when something was heard of it last.
        to: the process that got it; None where there was none.
    """

    process: Process | None = None

    def __init__(
        self,
        world: World,
        asker: Asker,
        hello: Hello,
        body: bytes = b"",
        carrier: Carrier | None = None,
        kept: Living | None = None,
    ) -> None:
        """Send it: over a connection that was kept, if there is one, else anywhere."""
        self.world = world
        self.asker = asker
        self.hello = hello
        self.carrier = carrier
        self.over: bool = False
        self.began: float = world.now
        self.heard: float = world.now
        self.to: Living | None = None
        self._pipe: Pipe | None = None
        alive = [one for one in world.processes.values() if one.alive and not one.frozen]
        if not alive:
            world.at(0.2, self.cut)
            return
        self.to = kept if kept in alive else world.rng.choice(alive)
        self.send(self.to, body)
        if world.chance(0.03):
            world.at(world.rng.random() * 8, self.tear)

    def send(self, to: Living, body: bytes) -> None:
        """Send it to a process."""
        assert isinstance(to, Process)
        server = ServerEnd(to)
        self._pipe = server.pipe = Pipe(self.world, self, server)
        to.pipes.append(self._pipe)
        self._pipe.send(self, Asked(self.hello, body))

    def frame(self, said: Said) -> None:
        """Hear something."""
        if not self.over:
            self.heard = self.world.now
            self.asker.answered(self, said)

    def cut(self) -> None:
        """Hear that it was cut."""
        if not self.over:
            self.over = True
            self.asker.lost(self)

    def tear(self) -> None:
        """Cut the connection: both ends hear of it."""
        if self._pipe is not None:
            self._pipe.cut()

    def drop(self) -> None:
        """Want no more of it."""
        self.over = True
        self.tear()


class Stray:
    """An opening whose response nobody reads: a proxy has repeated it, or its client is gone."""

    def __init__(self, world: World, hello: Hello) -> None:
        """Send it."""
        self._world = world
        world.request(world, self, hello)

    def answered(self, request: Request, said: Said) -> None:
        """Go away soon."""
        if isinstance(said, (Opened, Whole)):
            self._world.at(0.5, request.drop)

    def lost(self, request: Request) -> None:
        """Do nothing."""
