"""The pytest plugin: `byway_transports` serves an application, `byway_network` is a network.

Knows: pytest, and that `byway.testing` exists.
Must not know: anything that takes time to import: pytest loads this module in every run of every
project that has byway installed. So it stands outside of the package `byway`, whose import brings
HTTP clients along, and imports `byway.testing` when the fixture is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import pytest

if TYPE_CHECKING:
    from byway.testing import InProcessServer, NetworkThread, Rule

TRANSPORTS: Final = ("websocket", "stream", "sse", "poll")
"""Over which a test runs that asks for `byway_transports`. Named here, since byway is not imported
before it is used."""

_ALL: Final = "all"


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


@dataclass(frozen=True, slots=True)
class TransportsFixture:
    """What the fixture `byway_transports` is: call it for a server that runs in the test.

    Attributes:
        transport: the transport of this run of the test; None where a network was named.
        network: the network of this run, a profile of `byway.testing`; None for none.
    """

    transport: str | None = None
    network: str | None = None

    def __call__(self, app: Any, **options: Any) -> InProcessServer:
        """Serve an application: ``async with byway_transports(app) as server``.

        Args:
            app: an ASGI application that byway is in.
            options: more arguments of `byway.testing.InProcessServer`.
        """
        from byway.testing import InProcessServer

        return InProcessServer(
            app, **{"transport": self.transport, "network": self.network, **options}
        )


@pytest.fixture
def byway_transports(request: pytest.FixtureRequest) -> TransportsFixture:
    """An application served in the test, without a port: the test runs once over each transport.

    ``async with byway_transports(app) as server`` and ``server.connect("/path")``. With
    ``--byway-network=PROFILE`` it runs once in each network instead, over what gets through. See
    byway's `docs/how-to/test-your-application.md`.
    """
    param: object = request.param
    if isinstance(param, str):  # of a test's own parametrize
        return TransportsFixture(transport=param)
    assert isinstance(param, TransportsFixture)
    return param


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.getgroup("byway").addoption(
        "--byway-network",
        action="append",
        default=[],
        metavar="PROFILE",
        help="run the tests of byway_transports in this network, or in several: a name that "
        "`byway proxy --list` has, names with commas between, or all",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what asks for `byway_transports` over each transport, or in each network named."""
    if "byway_transports" not in metafunc.fixturenames:
        return
    for mark in metafunc.definition.iter_markers("parametrize"):
        names = mark.kwargs.get("argnames", mark.args[0] if mark.args else ())
        if isinstance(names, str):
            names = [name.strip() for name in names.split(",")]
        if "byway_transports" in names:
            return  # the test says itself over which it runs
    if networks := _networks(metafunc.config):
        runs = {name: TransportsFixture(network=name) for name in networks}
    else:
        runs = {name: TransportsFixture(transport=name) for name in TRANSPORTS}
    metafunc.parametrize("byway_transports", list(runs.values()), ids=list(runs), indirect=True)


def _networks(config: pytest.Config) -> list[str]:
    """Return the networks that were named, each once.

    Raises:
        pytest.UsageError: one is not known.
    """
    given: list[str] = config.getoption("byway_network", []) or []
    names = [name.strip() for one in given for name in one.split(",")]
    if not names:
        return []
    from byway.testing import PROFILES

    if unknown := [name for name in names if name != _ALL and name not in PROFILES]:
        raise pytest.UsageError(
            f"--byway-network={unknown[0]}: no such profile; there are: all, {', '.join(PROFILES)}"
        )
    return list(PROFILES) if _ALL in names else list(dict.fromkeys(names))
