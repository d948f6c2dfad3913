"""The warning before there are too many open files."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from byway.backplane import open_files
from byway.backplane.open_files import SHARE, OpenFiles
from tests.unit.backplane.loops.test_door import calling, one_call, opened


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]


def test_it_is_said_once_and_in_time(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(open_files, "limit", lambda: 1024)
    files = OpenFiles()
    files.see(1024 // SHARE - 1)
    assert not warnings(caplog)
    for links in (1024 // SHARE, 1024 // SHARE + 1):
        files.see(links)
    (said,) = warnings(caplog)
    assert "256 links" in said
    assert "may open 1024 files" in said
    assert "LimitNOFILE" in said


def test_without_a_limit_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(open_files, "limit", lambda: None)
    OpenFiles().see(1_000_000)
    assert not warnings(caplog)


def test_the_limit_is_that_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource", reason="there is no such limit here")
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert open_files.limit() == (None if soft == resource.RLIM_INFINITY else soft)
    monkeypatch.setattr(resource, "getrlimit", lambda which: (resource.RLIM_INFINITY, 0))
    assert open_files.limit() is None


async def test_both_ends_of_links_are_watched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(open_files, "limit", lambda: SHARE)
    async with opened(tmp_path), calling() as callers:
        await one_call(callers, str(tmp_path / "door"))
    assert len(warnings(caplog)) == 2  # each end counts its own here
