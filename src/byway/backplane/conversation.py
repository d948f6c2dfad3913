"""The conversation with Redis: scripts go out in pipelines over one connection, and come back.

Knows: redis-py, a Cluster's MOVED, what Redis says of itself.
Must not know: what the scripts are for, processes, claims.

redis-py repeats commands by itself (ten times by default in 8.1) and has a time-out of five
seconds for everything. Here nothing is repeated: whether a script that got no response may run
again is for those to say who know what it does. Nothing blocks, so a short time-out harms
nothing.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from byway.backplane.asks import Ask, Response
from byway.backplane.redis_url import COMMAND_TIME, check_url, new_pool
from byway.errors import UsageError

try:
    import redis.asyncio as client
    from redis import exceptions as errors
    from redis.asyncio.connection import parse_url
    from redis.asyncio.sentinel import SentinelConnectionPool
except ImportError:
    raise UsageError(
        "a backplane over Redis needs the package redis, from 5 on: pip install 'byway[redis]'"
    ) from None

BATCH: Final = 100
"""Most scripts that go out in one piece."""

NODES: Final = 16
"""Nodes of a Cluster that are remembered, to try when the one in use is gone."""

LEAST_VERSION: Final = (6, 2)
"""The oldest Redis whose scripts may do what these do. Every Valkey is later."""


class NoResponse(Exception):
    """Redis did not respond as it should. The script may have run, or may run yet.

    Attributes:
        unfit: it never will as things are set up.
    """

    def __init__(self, said: str, *, unfit: bool = False) -> None:
        """Keep what was said."""
        super().__init__(said)
        self.unfit = unfit


def _no_response(error: BaseException) -> NoResponse:
    unfit = isinstance(error, (errors.AuthenticationError, errors.NoPermissionError))
    unfit = unfit or str(error).startswith("DB index")
    said = re.sub(r"<redis\..*>", "sentinels", " ".join(str(error).split()))  # with all options
    made = NoResponse(said or type(error).__name__, unfit=unfit)
    made.__cause__ = error
    return made


@dataclass(frozen=True, slots=True)
class Facts:
    """What Redis says of itself.

    Attributes:
        version: of Redis; Valkey says which one it is compatible with.
        policy: `maxmemory-policy`; "" where there is no bound, or it is not shown.
        shown: whether the bound of the memory is shown to us.
        evicted: keys that it has thrown away for want of memory.
    """

    version: tuple[int, ...]
    policy: str
    shown: bool
    evicted: int

    def complaint(self) -> str:
        """Say why it cannot be used, and what to change; "" if it can."""
        if self.version < LEAST_VERSION:
            return (
                f"this Redis is {'.'.join(map(str, self.version))}, and byway needs "
                f"{'.'.join(map(str, LEAST_VERSION))} or later (or Valkey)"
            )
        if self.policy not in ("", "noeviction"):
            return (
                f"this Redis has maxmemory-policy {self.policy}, so it may throw claims away: "
                "set it to noeviction, or give byway a Redis of its own"
            )
        return ""


class Conversation:
    """Asks Redis. It belongs to one event loop; many tasks may ask at once.

    Cancelling `ask` does not take back what was sent.
    """

    def __init__(self, url: str) -> None:
        """Say where Redis is. Nothing is connected yet."""
        check_url(url)
        self._url = url
        self._pool = new_pool(self._url, None)
        self._nodes: deque[tuple[str, int] | None] = deque([None], NODES)  # None: as the URL says
        self._queue: deque[tuple[Ask, asyncio.Future[Response]]] = deque()
        self._sending: asyncio.Task[None] | None = None
        self._closed = False
        self._turn = asyncio.Lock()  # one thing at a time on the one connection

    async def ask(self, ask: Ask) -> Response:
        """Run a script and return its response.

        Raises:
            NoResponse: it did not come, or `aclose` was called.
        """
        if self._closed:
            raise NoResponse("this process leaves")
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._queue.append((ask, future))
        if self._sending is None:
            self._sending = asyncio.get_running_loop().create_task(self._send())
        return await future

    async def facts(self) -> Facts:
        """Return what Redis says of itself.

        Raises:
            NoResponse: it does not.
        """
        found: dict[str, Any] = {}
        async with self._turn:
            try:
                async with asyncio.timeout(3 * COMMAND_TIME):
                    async with client.Redis(connection_pool=self._pool) as redis:
                        for section in ("server", "memory", "stats"):
                            found |= await redis.info(section)
            except (errors.RedisError, OSError, TimeoutError) as error:
                await self._hang_up()
                raise _no_response(error) from error
        version = re.findall(r"\d+", str(found.get("redis_version", "")))
        shown = "maxmemory_policy" in found
        bounded = shown and int(found.get("maxmemory", 0)) > 0
        return Facts(
            tuple(map(int, version[:3])),
            str(found["maxmemory_policy"]) if bounded else "",
            shown,
            int(found.get("evicted_keys", 0)),
        )

    async def read(self, names: str, secret: str) -> tuple[list[str], bytes]:
        """Return the names of the processes, and the secret, from these keys; b"" without one.

        Raises:
            NoResponse: it did not come.
        """
        async with self._turn:
            try:
                async with asyncio.timeout(3 * COMMAND_TIME):
                    async with client.Redis(connection_pool=self._pool) as redis:
                        found: Any = await redis.execute_command("ZRANGE", names, 0, -1)  # type: ignore[no-untyped-call]
                        kept: Any = await redis.execute_command("GET", secret)  # type: ignore[no-untyped-call]
            except (errors.RedisError, OSError, TimeoutError) as error:
                await self._hang_up()
                raise _no_response(error) from error
        return [one.decode("ascii", "replace") for one in found], kept or b""

    async def own_address(self) -> str:
        """Return the address of this machine from which Redis is reached: whoever else reaches
        Redis most likely reaches it, too. Over a Unix socket it is the loopback's.

        Raises:
            NoResponse: nobody can tell.
        """
        if self._url.startswith("unix:"):
            return "127.0.0.1"
        host, port = await self._server()
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        except OSError as error:
            raise NoResponse(f"{host}: {error}") from error
        for family, kind, proto, _, address in found:
            with suppress(OSError), socket.socket(family, kind, proto) as probe:
                probe.connect(address)  # of a datagram socket: it only looks up the route
                return str(probe.getsockname()[0])
        raise NoResponse(f"no route to {host}")

    async def aclose(self) -> None:
        """Hang up. What has no response yet gets none."""
        self._closed = True
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.wait([self._sending])
        self._fail(NoResponse("this process leaves"))
        await self._hang_up()

    # Within

    async def _send(self) -> None:
        """Send what waits, until nothing does."""
        try:
            while self._queue:
                batch: list[tuple[Ask, asyncio.Future[Response]]] = []
                while self._queue and len(batch) < BATCH:
                    ask, future = self._queue.popleft()
                    if not future.done():  # nobody waits for it any more, and it was not sent
                        batch.append((ask, future))
                if batch:
                    await self._send_batch(batch)
        finally:
            self._sending = None

    async def _send_batch(self, batch: Sequence[tuple[Ask, asyncio.Future[Response]]]) -> None:
        try:
            async with self._turn, asyncio.timeout(3 * COMMAND_TIME):
                responses = await self._responses([ask for ask, _ in batch])
        except BaseException as error:
            lost = _no_response(error)
            for _, future in batch:
                if not future.done():
                    future.set_exception(lost)
            self._fail(lost)  # what was not sent would only take as long, and fail
            if not isinstance(error, Exception):
                raise
            await self._hang_up()
            self._next_node()
            return
        stale = False
        for (_, future), response in zip(batch, responses, strict=True):
            if isinstance(response, BaseException):
                stale = True
                if not future.done():
                    future.set_exception(_no_response(response))
            elif not future.done():
                future.set_result(response)
        if stale:  # a replica now, without memory, without permission: look for the master anew
            await self._hang_up()

    async def _responses(self, asks: Sequence[Ask]) -> list[Any]:
        """Run scripts in one pipeline, those that Redis does not know yet in a second one."""
        responses = await self._pipeline(asks, "EVALSHA")
        for error in responses:
            if isinstance(error, errors.MovedError):
                await self._move_to(str(error.host), int(error.port))
                responses = await self._pipeline(asks, "EVALSHA")
                break
        unknown = [i for i, one in enumerate(responses) if isinstance(one, errors.NoScriptError)]
        if unknown:
            again = await self._pipeline([asks[i] for i in unknown], "EVAL")
            for i, response in zip(unknown, again, strict=True):
                responses[i] = response
        return responses

    async def _pipeline(self, asks: Sequence[Ask], command: str) -> list[Any]:
        redis = client.Redis(connection_pool=self._pool)
        pipeline = redis.pipeline(transaction=False)
        for ask in asks:
            script = ask.script.text if command == "EVAL" else ask.script.digest
            pipeline.execute_command(command, script, len(ask.keys), *ask.keys, *ask.args)
        return list(await pipeline.execute(raise_on_error=False))

    def _fail(self, error: NoResponse) -> None:
        while self._queue:
            _, future = self._queue.popleft()
            if not future.done():
                future.set_exception(error)

    async def _hang_up(self) -> None:
        pools: list[Any] = [self._pool]
        if isinstance(self._pool, SentinelConnectionPool):
            pools += [one.connection_pool for one in self._pool.sentinel_manager.sentinels]
        for pool in pools:
            with suppress(errors.RedisError, OSError, TimeoutError):
                await pool.disconnect(inuse_connections=True)

    # Where Redis is

    async def _move_to(self, host: str, port: int) -> None:
        """Go on at the node of a Cluster that has our slot; without a host it is the same one."""
        await self._hang_up()
        host = host or str(dict(parse_url(self._url)).get("host", "localhost"))
        if (host, port) in self._nodes:
            self._nodes.remove((host, port))
        self._nodes.appendleft((host, port))
        self._pool = new_pool(self._url, (host, port))

    def _next_node(self) -> None:
        """Try another node of the Cluster next, if it is one."""
        if len(self._nodes) > 1:
            self._nodes.rotate(-1)
            self._pool = new_pool(self._url, self._nodes[0])

    async def _server(self) -> tuple[str, int]:
        if isinstance(self._pool, SentinelConnectionPool):
            try:
                host, port = await self._pool.get_master_address()  # type: ignore[no-untyped-call]
                return str(host), int(port)
            except (errors.RedisError, OSError) as error:
                raise _no_response(error) from error
        options: dict[str, Any] = dict(parse_url(self._url))
        if self._nodes[0] is not None:
            return self._nodes[0]
        return str(options.get("host", "localhost")), int(options.get("port", 6379))
