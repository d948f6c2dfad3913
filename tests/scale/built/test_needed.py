"""What drives the built classes notices where one of their rules is taken away."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from typing import Any
from unittest import mock

import pytest

from byway.backplane import directory
from byway.backplane.base import Gone
from byway.backplane.directory import Directory
from byway.backplane.life import Life, look
from byway.backplane.owners import Owners
from byway.backplane.scripts import Script
from byway.backplane.whereabouts import Whereabouts
from tests.scale.built.simulate import simulate
from tests.scale.flaws import Setting
from tests.scale.simulate import search

Patch = AbstractContextManager[Any]

MORE = 30
"""Runs that are tried where the kept seed finds nothing."""


def scripts_without(text: str, instead: str, *names: str) -> Patch:
    """Change scripts, of these names or all of them."""
    stack = ExitStack()
    for name in names or ("CLAIM", "RELEASE", "ENDED", "RENEW", "LOOK"):
        script: Script = getattr(directory, name)
        assert text in script.text
        changed = Script(script.name, script.text.replace(text, instead))
        stack.enter_context(mock.patch.object(directory, name, changed))
    return stack


def no_run_id() -> Patch:
    """A restart from a snapshot keeps the epoch."""
    return scripts_without("or epoch[2] ~= run ", "")


def no_settling() -> Patch:
    """Claims are given at once after the directory lost its data."""
    stack = ExitStack()
    stack.enter_context(
        scripts_without("if age < 4000 then return", "if false then return", "CLAIM")
    )
    there = property(lambda self: not self.away)
    stack.enter_context(mock.patch.object(Directory, "settled", there))
    return stack


def no_ends() -> Patch:
    """The end of a session is not told."""
    return mock.patch.object(
        Directory, "ended", lambda self, digest, now, refused=False: self._take_off(digest)
    )


def no_assertion() -> Patch:
    """Claims are not asserted again."""
    return mock.patch.object(Directory, "_is_due", return_value=False)


def refused_is_gone() -> Patch:
    """One refused connection means that the owner is gone."""
    judge = Whereabouts.judge

    def hasty(self: Whereabouts, owner: str, seen: Any, now: float, *, refused: bool) -> bool:
        return judge(self, owner, seen, now, refused=refused) or refused

    return mock.patch.object(Whereabouts, "judge", hasty)


def missing_is_gone() -> Patch:
    """A lock that is missing means that the owner is gone."""
    check = Owners.check

    def hasty(self: Owners, owner: str) -> None:
        if look(self._meeting.lock(owner)) is Life.MISSING:
            raise Gone(owner)
        check(self, owner)

    return mock.patch.object(Owners, "check", hasty)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("taken_away", "kept"),
    [
        (no_run_id, Setting(6, faults=("snapshot",))),
        (no_settling, Setting(3, faults=("flush",))),
        (no_ends, Setting(2, faults=("flush",))),
        (no_assertion, Setting(4, faults=("flush",))),
        (refused_is_gone, Setting(1, faults=("refuse",))),
        (missing_is_gone, Setting(1, "workers", faults=("clean",))),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_it_fails_without(taken_away: Callable[[], Patch], kept: Setting) -> None:
    """A promise is broken."""
    with ThreadPoolExecutor(1) as pool, taken_away():
        assert pool.submit(search, kept, MORE, simulate).result(), taken_away.__doc__
