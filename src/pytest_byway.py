"""The pytest plugin: a restrictive network as the fixture `byway_network`.

Knows: pytest, and that `byway.testing` exists.
Must not know: anything that takes time to import: pytest loads this module in every run of every
project that has byway installed. So it stands outside of the package `byway`, whose import brings
HTTP clients along, and imports `byway.testing` when the fixture is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from byway.testing import NetworkThread, Rule


class NetworkFactory(Protocol):
    """What the fixture `byway_network` is: call it for a network that runs until the test ends."""

    def __call__(
        self, origin: str | int | None = None, *rules: Rule | str, **options: Any
    ) -> NetworkThread:
        """Start a network; the arguments are those of `byway.testing.Network`.

        Args:
            origin: the server behind it: a port of 127.0.0.1, or a URL without a path.
            rules: rules, and names of profiles, in order.
            options: more arguments of `Network`.
        """
        ...


@pytest.fixture
def byway_network() -> Iterator[NetworkFactory]:
    """Restrictive networks, each on a port of the loopback, that end with the test.

    ``network = byway_network(8000, "refuse-403")`` puts one before the server on port 8000; use
    `network.url` in place of the server's. It runs in a thread of its own, so the test may be
    a plain function or a coroutine of any plugin. See byway's `docs/how-to/test-behind-a-proxy.md`.
    """
    from byway.testing import NetworkThread

    with ExitStack() as stack:

        def start(
            origin: str | int | None = None, *rules: Rule | str, **options: Any
        ) -> NetworkThread:
            return stack.enter_context(NetworkThread(origin, *rules, **options))

        yield start
