"""Reach: connections to a server or a proxy, by whichever of its addresses answers (RFC 8305).

Knows: names and addresses, how several are tried, how far an attempt has come.
Must not know: TLS, HTTP, proxies' protocols, transports.

A name often has an address of IPv6 and one of IPv4, and a network may drop the packets of one
family without a word. A second address is tried beside the first after a quarter of a second.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from aiohappyeyeballs import start_connection

from byway.transports.inside import connection_inside
from byway.transports.lookup import Names

if TYPE_CHECKING:
    from collections.abc import Iterator

DELAY: Final = 0.25
"""Seconds until the next address is tried beside those before (RFC 8305 section 5)."""


class NeverConnected(TimeoutError):
    """No address took the connection in time: nothing is known of who would have answered."""


class NameUnanswered(TimeoutError):
    """The look-up of a name was not answered in time."""


@dataclass(slots=True)
class Stage:
    """How far an attempt has come, for a report of one that is given up.

    Attributes:
        trouble: what it waits for, as a word of `byway.transports.connection_errors`:
            `name-timeout` while a name is looked up, `connect-timeout` while nothing has taken the
            connection, else `timeout`.
    """

    trouble: str = "timeout"

    def explain(self, why: str) -> str:
        """Say why an attempt was given up, with what it had waited for."""
        words = {
            "name-timeout": "the look-up of the name got no response",
            "connect-timeout": "never connected",
        }
        return f"{words[self.trouble]}: {why}" if self.trouble in words else why


_STAGE: ContextVar[Stage | None] = ContextVar("byway_stage", default=None)


def watched(attempt: Coroutine[Any, Any, None]) -> tuple[asyncio.Task[None], Stage]:
    """Start an attempt as a task; return it with its stage, which changes as it goes on."""
    stage = Stage()
    context = copy_context()
    context.run(_STAGE.set, stage)
    return asyncio.get_running_loop().create_task(attempt, context=context), stage


@contextmanager
def _at(trouble: str) -> Iterator[None]:
    """Let the attempt of this task stand at a stage within the block."""
    stage = _STAGE.get()
    if stage is None:
        yield
        return
    stage.trouble = trouble
    try:
        yield
        stage.trouble = "timeout"
    except asyncio.CancelledError:
        raise  # it was given up there
    except BaseException:
        stage.trouble = "timeout"
        raise


async def reach(names: Names, host: str, port: int, *, timeout: float | None) -> socket.socket:
    """Connect to a host; the caller closes the socket.

    Cancelling leaves no socket behind.

    Args:
        names: who knows its addresses.
        host: a name or an address, without brackets.
        port: the port.
        timeout: seconds that this may take; None for no bound.

    Raises:
        NameUnanswered: its look-up took too long.
        NeverConnected: connecting did, at every address.
        OSError: the name is not known, or every address failed.
    """
    if (inside := connection_inside(host, port)) is not None:
        return inside
    kind: type[TimeoutError] = NameUnanswered
    said = f"the look-up of the name got no response within {timeout or 0:g} s"
    try:
        async with asyncio.timeout(timeout):
            with _at("name-timeout"):
                addresses = await names.addresses(host, port)
            kind, said = NeverConnected, f"no connection within {timeout or 0:g} s"
            with _at("connect-timeout"):
                return await _connect(addresses)
    except TimeoutError as error:
        if error.errno is not None:  # the system's own
            said = str(error)
    # Outside of the block: what caused it says less, and `trouble` would find that.
    raise kind(said)


async def _connect(addresses: list[Any]) -> socket.socket:
    noting = _Noting(asyncio.get_running_loop())
    try:
        return await start_connection(
            addresses,
            happy_eyeballs_delay=DELAY,
            interleave=1,
            loop=cast(asyncio.AbstractEventLoop, noting),
        )
    except RuntimeError as error:  # uvloop's
        raise OSError(str(error)) from error
    except OSError as error:
        refused = [one for one in noting.errors if isinstance(one, ConnectionRefusedError)]
        if refused and not isinstance(error, ConnectionRefusedError):
            # Of several reasons this one says most: there is a way, and nobody listens.
            raise error from refused[0]
        raise
    finally:
        noting.errors.clear()


class _Noting:
    """The event loop, as far as connecting needs it; it notes why addresses have failed."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Stand before a loop."""
        self._loop = loop
        self.errors: list[OSError] = []

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        """Connect as the loop does."""
        try:
            await self._loop.sock_connect(sock, address)
        except OSError as error:
            self.errors.append(error)
            raise

    def __getattr__(self, name: str) -> Any:
        """Be the loop in everything else."""
        return getattr(self._loop, name)
