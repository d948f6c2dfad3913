"""Servers that the doctor is sent to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.servers import Server, uvicorn

APPLICATION = "tests.apps.doctor_app"


@pytest.fixture(scope="session")
def doctor_server() -> Iterator[Server]:
    """Serve a handler that must not run, to as many probes as a test wants."""
    with uvicorn(f"{APPLICATION}:app") as server:
        yield server
    server.assert_quiet()
    assert not [line for line in server.log.lines if "the handler runs" in line]


@pytest.fixture(scope="session")
def quick_server() -> Iterator[Server]:
    """Serve the same with a heartbeat of a second."""
    with uvicorn(f"{APPLICATION}:quick") as server:
        yield server
    server.assert_quiet()
    assert not [line for line in server.log.lines if "the handler runs" in line]
