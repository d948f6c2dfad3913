"""`byway proxy`: a network to try a browser against, run by hand.

Knows: what is said to whom runs it.
Must not know: arguments, the terminal.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from byway.errors import UsageError
from byway.testing.network import Network
from byway.testing.plan import Rule
from byway.testing.profiles import PROFILES, Profile, profile, seeded

Say = Callable[[str], None]
"""Takes a line of text."""


def listing() -> list[str]:
    """Return a line for each profile."""
    width = max(map(len, PROFILES))
    return [f"{one.name:<{width}}  {one.about}" for one in PROFILES.values()]


def parse_listen(text: str) -> tuple[str, int]:
    """Read ``HOST:PORT``, ``:PORT``, ``PORT`` or ``[ADDRESS]:PORT``.

    Raises:
        UsageError: it is none of these.
    """
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or int(port) > 65535 or (":" in host and not host.startswith("[")):
        raise UsageError(f"{text!r} is not an address to listen on: write HOST:PORT")
    return host.strip("[]") or "127.0.0.1", int(port)


async def serve(
    name: str, origin: str, listen: str, *, seed: int | None, verbose: bool, say: Say
) -> None:
    """Run a network until it is cancelled, and say what it does.

    Args:
        name: of the profile.
        origin: URL of the server behind it.
        listen: ``HOST:PORT``.
        seed: for rules that draw; None for their own.
        verbose: say what becomes of each request.
        say: called with each line.

    Raises:
        UsageError: an argument is wrong, or the address cannot be listened on.
    """
    found = profile(name)
    host, port = parse_listen(listen)
    rules = found.rules if seed is None else seeded(found.rules, seed)
    network = Network(origin, *rules, host=host, port=port)
    try:
        await network.__aenter__()
    except OSError as error:
        raise UsageError(f"cannot listen on {listen}: {error.strerror or error}") from None
    try:
        for line in _greeting(network, origin, found, rules):
            say(line)
        with _spoken(say, verbose):
            await asyncio.Event().wait()
    finally:
        await network.__aexit__(None, None, None)
        counters = network.counters
        say(
            f"{counters.accepted} connections, {counters.requests} requests: {counters.passed} "
            f"passed, {counters.answered} refused here, {counters.swallowed} dropped, "
            f"{counters.cut} cut"
        )


def _greeting(
    network: Network, origin: str, found: Profile, rules: tuple[Rule, ...]
) -> Iterator[str]:
    yield f"{network.url} stands for {origin}, behind the network {found.name!r}: {found.about}."
    for rule in rules:
        yield f"  {rule}"
    yield "Ctrl-C ends it."


@contextmanager
def _spoken(say: Say, verbose: bool) -> Iterator[None]:
    """Say what is logged, while the block runs."""

    class Speaker(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            say(record.getMessage())

    logger = logging.getLogger("byway.testing")
    handler = Speaker()
    before = logger.level
    if verbose:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
