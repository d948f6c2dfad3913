"""A server in miniature, whose event loop handles SIGTERM, and a watch before it: what comes when.

`python -m tests.apps.signalled asyncio|uvloop WHAT`
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable

from byway.server.signals import SignalWatch


def say(*words: object) -> None:
    """Print a line at once."""
    sys.stdout.write(" ".join(str(one) for one in words) + "\n")
    sys.stdout.flush()


async def turns(count: int = 20) -> None:
    """Let the loop turn, so that it sees what has come."""
    for _ in range(count):
        await asyncio.sleep(0.001)


class Server:
    """What a server and an endpoint do, as far as signals go."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have the loop handle signals."""
        self.stopped = asyncio.Event()
        self.lets: list[Callable[[], None]] = []
        loop.add_signal_handler(signal.SIGTERM, self.stop)
        loop.add_signal_handler(signal.SIGUSR1, say, "user signal")

    def stop(self) -> None:
        """Hear the signal, as a server does."""
        say("server stops")
        self.stopped.set()

    def heard(self, let: Callable[[], None]) -> None:
        """Hear it first, as an endpoint does."""
        say("endpoint hears")
        self.lets.append(let)


async def first(server: Server) -> None:
    """The endpoint hears first, and the server when it is let; other signals do not wait."""
    watch = SignalWatch(asyncio.get_running_loop(), server.heard)
    watch.install()
    os.kill(os.getpid(), signal.SIGTERM)
    await turns()
    os.kill(os.getpid(), signal.SIGUSR1)
    await turns()
    say("clients know")
    server.lets.pop()()
    await server.stopped.wait()


async def impatient(server: Server) -> None:
    """A second signal lets the server stop at once."""
    SignalWatch(asyncio.get_running_loop(), server.heard).install()
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGTERM)
        await turns()
    await server.stopped.wait()


async def two(server: Server) -> None:
    """Of two endpoints the last one that is done lets the server stop."""
    loop = asyncio.get_running_loop()
    watches = [SignalWatch(loop, server.heard) for _ in range(2)]
    for watch in (*watches, *watches):  # again, as with the first request
        watch.install()
    os.kill(os.getpid(), signal.SIGTERM)
    await turns()
    for let in server.lets:
        say("clients know")
        let()
        await turns()
    await server.stopped.wait()


async def late(server: Server) -> None:
    """The server installs its handler after the endpoint, as anycorn does."""
    loop = asyncio.get_running_loop()
    loop.remove_signal_handler(signal.SIGTERM)
    watch = SignalWatch(loop, server.heard)
    watch.install()
    loop.add_signal_handler(signal.SIGTERM, server.stop)
    watch.install()
    os.kill(os.getpid(), signal.SIGTERM)
    await turns()
    say("clients know")
    server.lets.pop()()
    await server.stopped.wait()


async def removed(server: Server) -> None:
    """Once the endpoint has left, the server hears by itself."""
    watch = SignalWatch(asyncio.get_running_loop(), server.heard)
    watch.install()
    watch.remove()
    os.kill(os.getpid(), signal.SIGTERM)
    await server.stopped.wait()


async def nested(server: Server) -> None:
    """The outer of two endpoints leaves first, and what was before them is there again."""
    loop = asyncio.get_running_loop()
    handlers = [signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)]
    watches = [SignalWatch(loop, server.heard) for _ in range(2)]
    for watch in watches:
        watch.install()
    watches[0].remove()
    os.kill(os.getpid(), signal.SIGTERM)
    await turns()
    say("clients know")
    server.lets.pop()()
    await server.stopped.wait()
    watches[1].remove()
    assert handlers == [signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)]


async def forked(server: Server) -> None:
    """A child that the application forked does not have the clients told."""
    watch = SignalWatch(asyncio.get_running_loop(), server.heard)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
    watch.install()
    ready, done = os.pipe()
    child = os.fork()
    if not child:
        os.write(done, b".")
        while True:
            signal.pause()
    await asyncio.to_thread(os.read, ready, 1)
    os.kill(child, signal.SIGTERM)
    _, status = await asyncio.to_thread(os.waitpid, child, 0)
    say("child ended with", os.waitstatus_to_exitcode(status))
    await turns()


async def main(what: str) -> None:
    """Run one of these."""
    everything = {
        one.__name__: one for one in (first, impatient, two, late, removed, nested, forked)
    }
    await everything[what](Server(asyncio.get_running_loop()))


if __name__ == "__main__":
    loop_name, what = sys.argv[1:]
    if loop_name == "uvloop":
        import uvloop

        uvloop.run(main(what))
    else:
        asyncio.run(main(what))
