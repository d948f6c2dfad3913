"""A bound that is longer than the server's heartbeat, which therefore has to keep quiet."""

from __future__ import annotations

import asyncio

import pytest

from byway import diagnose
from byway.testing import Network
from tests.doctor.lateness import Lateness, says
from tests.support.servers import Server


@pytest.mark.timeout(120)
async def test_fifteen_seconds_of_silence_are_found(doctor_server: Server) -> None:
    """Beside the other tests: it takes longer than all networks of test_profiles.py together."""
    lateness = Lateness()
    watching = asyncio.create_task(lateness.watch())
    try:
        async with Network(doctor_server.port, "silence-15s") as network:
            report = await diagnose(
                f"{network.url}/chat", proxy=None, idle=17.0, transports="websocket, stream"
            )
    finally:
        watching.cancel()
    for one in report.findings:
        assert says("cut after {15} s of silence", one.outcome, lateness.most), report
        assert "heartbeat of 10 s is shorter" in one.why
    assert report.preference == "websocket, stream"
