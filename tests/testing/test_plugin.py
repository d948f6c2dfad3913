"""The fixture: in plain tests and coroutines, without pytest-asyncio, at no cost at start-up."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx

from pytest_byway import NetworkFactory
from tests.testing.origin import Origin

PLAIN = """
import httpx
import pytest

@pytest.fixture
def gone():
    networks = []
    yield networks
    for network in networks:
        with pytest.raises(httpx.ConnectError):
            httpx.get(network.url, trust_env=False)

def test_two_networks(gone, byway_network):
    far = byway_network(None, "refuse-403")
    near = byway_network(far.url)
    gone += [far, near]
    headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
    assert httpx.get(near.url, headers=headers, trust_env=False).status_code in (400, 403)
    assert near.counters.requests == 1
"""


def test_it_is_there_for_plain_tests_without_other_plugins(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(PLAIN)
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "-p", "no:asyncio", "-p", "no:timeout", "-p", "no:anyio", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_it_imports_nothing_before_it_is_used() -> None:
    code = (
        "import sys, pytest, pytest_byway\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('byway', 'h11', 'httpx')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.strip() == "[]"


async def test_it_works_in_a_coroutine(byway_network: NetworkFactory, origin: Origin) -> None:
    network = byway_network(origin.port, "refuse-403", forward=False)
    async with httpx.AsyncClient(trust_env=False) as client:
        headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
        assert (await client.get(network.url, headers=headers)).status_code == 403
        network.use()
        assert (await client.get(network.url)).text == "hello"
