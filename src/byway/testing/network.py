"""The network: a proxy on the loopback that stands in the way as its rules say.

Knows: where it listens, which connections are open, how they all are ended.
Must not know: HTTP, how any rule works.
"""

from __future__ import annotations

import asyncio
import logging
import ssl as ssl_module
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType

from byway.errors import UsageError
from byway.testing.accepting import accept_no_more
from byway.testing.connection import Connection
from byway.testing.counters import Counters
from byway.testing.heads import Request
from byway.testing.limits import NetworkLimits
from byway.testing.plan import Rule
from byway.testing.profiles import expand
from byway.testing.rulebook import RuleBook
from byway.testing.sides import Address, is_loopback
from byway.testing.wire import reset

logger: logging.Logger = logging.getLogger("byway.testing")


class Network(AbstractAsyncContextManager["Network"]):
    """A restrictive network before a server, and a forward proxy.

    ::

        async with Network(8000, "refuse-403", Latency(ms=50)) as network:
            async with byway.connect(network.url + "/chat") as channel:
                ...

    `url` stands for the origin; it also is the URL of a forward proxy, which takes absolute
    targets and CONNECT to any port of the loopback, and nothing else. Everything listens on a port
    of the loopback that the system chose, and nothing is left when the block ends.

    Its methods belong to the event loop that it was entered in; `NetworkThread` has them for
    everybody else.
    """

    def __init__(
        self,
        origin: str | int | None = None,
        *rules: Rule | str,
        host: str = "127.0.0.1",
        port: int = 0,
        forward: bool | None = None,
        ssl: ssl_module.SSLContext | None = None,
        origin_ssl: ssl_module.SSLContext | None = None,
        limits: NetworkLimits | None = None,
    ) -> None:
        """Prepare; the block begins to listen.

        Args:
            origin: the server behind it: a port of 127.0.0.1, or a URL without a path; None for a
                forward proxy only.
            rules: rules, and names of profiles, in order.
            host: where to listen.
            port: where to listen; 0 for one that the system chooses.
            forward: whether it is a forward proxy too. By default it is one where it listens on
                the loopback; elsewhere it must not be, as it would open this machine's loopback.
            ssl: serve TLS with this certificate.
            origin_ssl: TLS settings for an ``https`` origin; the system's by default.
            limits: bounds.

        Raises:
            UsageError: an argument is wrong.
        """
        if forward is None:
            forward = is_loopback(host)
        elif forward and not is_loopback(host):
            raise UsageError("a forward proxy to the loopback may listen on the loopback only")
        self._origin = None if origin is None else Address.of(origin)
        self._book = RuleBook(
            self._origin,
            forward=forward,
            origin_ssl=origin_ssl,
            limits=limits or NetworkLimits(),
        )
        self._book.use(expand(rules))
        self._host = host
        self._port = port
        self._ssl = ssl
        self._server: asyncio.Server | None = None
        self._connections: dict[Connection, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Network:
        """Begin to listen.

        Raises:
            OSError: the address is taken.
        """
        if self._server is not None:
            raise UsageError("this network was entered already; make a new one")
        self._server = await asyncio.start_server(
            self._accept,
            self._host,
            self._port,
            ssl=self._ssl,
            limit=self._book.limits.piece,
        )
        self._port = self._server.sockets[0].getsockname()[1]
        logger.debug("listening on %s, origin %s", self.url, self._origin)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Reset all connections, and wait until their sockets are closed."""
        assert self._server is not None
        try:
            await accept_no_more(self._server)
        finally:
            self._server.close()
            tasks = self._reset_all()
            if tasks:
                # Not gather: cancelling this must not cancel them again, while they tidy up.
                await asyncio.wait(tasks)
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._port

    @property
    def url(self) -> str:
        """Its URL, without a path: in place of the origin's, and as that of a forward proxy."""
        return str(Address(self._host, self._port, self._ssl is not None))

    @property
    def ws_url(self) -> str:
        """The same with ``ws`` or ``wss``."""
        return "ws" + self.url.removeprefix("http")

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules in force."""
        return self._book.rules

    @property
    def counters(self) -> Counters:
        """What has happened so far."""
        return self._book.counters

    @property
    def connections(self) -> int:
        """How many clients' connections are open now."""
        return len(self._connections)

    @property
    def requests(self) -> tuple[Request, ...]:
        """The last requests, the newest last; see `NetworkLimits.remembered`."""
        return tuple(self._book.requests)

    def use(self, *rules: Rule | str) -> None:
        """Put rules in place of the ones before; none for an open network.

        What concerns the line (latency, bandwidth, silence) changes at once; for the rest, a
        request keeps the rules that it began with. `kill_connections` ends those.

        Args:
            rules: rules, and names of profiles, in order.

        Raises:
            UsageError: a name is unknown. The rules stay as they were.
        """
        self._book.use(expand(rules))
        for connection in self._connections:
            connection.touch()
        logger.debug("rules: %s", ", ".join(map(str, self.rules)) or "none")

    def profile(self, name: str) -> None:
        """Put the rules of a profile in place; as `use(name)`."""
        self.use(name)

    def redirect(self, origin: str | int) -> None:
        """Put another server in the place of the origin, for requests that begin from now on.

        Args:
            origin: a port of 127.0.0.1, or a URL without a path.

        Raises:
            UsageError: it is neither.
        """
        self._origin = Address.of(origin)
        self._book.redirect(self._origin)

    def kill_connections(self) -> int:
        """Reset every TCP connection of a client, at once; return how many there were."""
        tasks = self._reset_all()
        self.counters.killed += len(tasks)
        logger.info("%d connections killed", len(tasks))
        return len(tasks)

    def block(self) -> None:
        """Let nothing pass from now on, as when a cable is pulled: connections stay, and wait."""
        self._book.gate.clear()

    def heal(self) -> None:
        """Let pass what waits, and what comes."""
        self._book.gate.set()

    async def until(self, true: Callable[[], bool], timeout: float = 10.0) -> None:
        """Wait until something about this network is true: ``lambda: network.counters.cut == 1``.

        Args:
            true: looked at now, and after each change.
            timeout: seconds to wait at most.

        Raises:
            TimeoutError: it did not come true; with the counters.
        """
        try:
            async with asyncio.timeout(timeout):
                await self._book.changes.until(true)
        except TimeoutError:
            raise TimeoutError(f"not within {timeout:g} s: {self.counters}") from None

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.counters.accepted += 1
        if len(self._connections) >= self._book.limits.connections:
            logger.warning("more than %d connections: reset", len(self._connections))
            reset(writer)
            return
        connection = Connection(self._book, reader, writer, self.counters.accepted)
        task = asyncio.create_task(connection.run(), name=f"byway network {self._port}")
        self._connections[connection] = task
        task.add_done_callback(lambda done: self._ended(connection, done))
        self._book.changes.tell()

    def _ended(self, connection: Connection, task: asyncio.Task[None]) -> None:
        del self._connections[connection]
        self._book.changes.tell()
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a connection failed", exc_info=error)

    def _reset_all(self) -> list[asyncio.Task[None]]:
        tasks = list(self._connections.values())
        for connection in self._connections:
            connection.kill()
        return tasks
