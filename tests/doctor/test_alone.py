"""What is measured when nothing else of the doctor's runs."""

from __future__ import annotations

import pytest

from byway import diagnose
from byway.doctor import examination
from byway.doctor.alone import measure
from byway.doctor.probing import Probing
from byway.negotiation.evidence import Evidence
from tests.support.peers import TRANSPORTS
from tests.support.servers import Server


async def test_no_other_probe_is_there_while_speed_is_measured(
    doctor_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However fast the machine is: nothing that the doctor does can make a line look slow."""
    probes: set[Probing] = set()
    measured: list[str] = []
    enter, leave = Probing.__aenter__, Probing.__aexit__

    async def entering(self: Probing) -> Probing:
        probes.add(self)
        return await enter(self)

    async def leaving(self: Probing, *error: object) -> None:
        await leave(self, *error)  # type: ignore[arg-type]
        probes.discard(self)

    async def alone(probing: Probing, seen: Evidence) -> None:
        assert probes == {probing}
        await measure(probing, seen)
        assert probes == {probing}
        measured.append(seen.transport)

    monkeypatch.setattr(Probing, "__aenter__", entering)
    monkeypatch.setattr(Probing, "__aexit__", leaving)
    monkeypatch.setattr(examination, "measure", alone)
    report = await diagnose(doctor_server.url("/chat"), proxy=None)
    assert measured == list(TRANSPORTS)
    assert [one.evidence.trip is not None for one in report.findings] == [True] * 4
