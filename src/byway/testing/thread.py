"""A network in a thread of its own, for tests and programs without an event loop.

Knows: a thread, an event loop in it.
Must not know: what a network does.
"""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, TypeVar

from byway.errors import UsageError
from byway.testing.counters import Counters
from byway.testing.heads import Request
from byway.testing.network import Network
from byway.testing.plan import Rule

Value = TypeVar("Value")


class NetworkThread(AbstractContextManager["NetworkThread"]):
    """A `Network` with the same arguments, methods and properties, to be used from any thread.

    ::

        with NetworkThread(8000, "refuse-403") as network:
            requests.get(network.url)
    """

    def __init__(self, origin: str | int | None = None, *rules: Rule | str, **options: Any) -> None:
        """Prepare; the arguments are those of `Network`."""
        self._network = Network(origin, *rules, **options)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="byway network", daemon=True)

    def __enter__(self) -> NetworkThread:
        """Begin to listen.

        Raises:
            OSError: the address is taken.
        """
        self._thread.start()
        self._ready.wait()
        if self._error is not None:
            self._thread.join()
            raise self._error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Reset all connections, and wait until the thread has ended."""
        assert self._loop is not None
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._network.port

    @property
    def url(self) -> str:
        """Its URL, without a path; see `Network.url`."""
        return self._network.url

    @property
    def ws_url(self) -> str:
        """The same with ``ws`` or ``wss``."""
        return self._network.ws_url

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules in force."""
        return self._network.rules

    @property
    def counters(self) -> Counters:
        """What has happened so far, as a copy."""
        return self._call(lambda: dataclasses.replace(self._network.counters))

    @property
    def connections(self) -> int:
        """How many clients' connections are open now."""
        return self._call(lambda: self._network.connections)

    @property
    def requests(self) -> tuple[Request, ...]:
        """The last requests, the newest last."""
        return self._call(lambda: self._network.requests)

    def use(self, *rules: Rule | str) -> None:
        """Put rules in place of the ones before; see `Network.use`."""
        self._call(lambda: self._network.use(*rules))

    def profile(self, name: str) -> None:
        """Put the rules of a profile in place."""
        self.use(name)

    def redirect(self, origin: str | int) -> None:
        """Put another server in the place of the origin; see `Network.redirect`."""
        self._call(lambda: self._network.redirect(origin))

    def kill_connections(self) -> int:
        """Reset every TCP connection of a client, at once; return how many there were."""
        return self._call(self._network.kill_connections)

    def block(self) -> None:
        """Let nothing pass from now on; see `Network.block`."""
        self._call(self._network.block)

    def heal(self) -> None:
        """Let pass what waits, and what comes."""
        self._call(self._network.heal)

    def until(self, true: Callable[[Network], bool], timeout: float = 10.0) -> None:
        """Wait until something is true: ``network.until(lambda one: one.counters.cut == 1)``.

        Args:
            true: called in the network's thread, with the network, now and after each change.
            timeout: seconds to wait at most.

        Raises:
            TimeoutError: it did not come true.
        """
        network, loop = self._network, self._running()
        waiting = network.until(lambda: true(network), timeout)
        asyncio.run_coroutine_threadsafe(waiting, loop).result()

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None or not self._thread.is_alive():
            raise UsageError("this network does not run: use it inside its `with` block")
        return self._loop

    def _call(self, function: Callable[[], Value]) -> Value:
        loop = self._running()

        async def call() -> Value:
            return function()

        return asyncio.run_coroutine_threadsafe(call(), loop).result()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._error = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        async with self._network:
            self._loop = asyncio.get_running_loop()
            self._ready.set()
            await self._stop.wait()
