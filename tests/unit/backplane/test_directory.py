"""What a process holds in the directory: the very scripts, and everything that may go wrong."""

from __future__ import annotations

from typing import Final

import pytest

from byway.backplane import directory as module
from byway.backplane.base import Claim
from byway.backplane.directory import CHUNK, REFRESH, Directory
from byway.backplane.scripts import CLAIM, RELEASE, RENEW, Script
from byway.limits import ServerLimits
from tests.support.lua import LuaServer
from tests.unit.backplane.sharing import LIMITS, NAMES, Sharing, Wrong


def renew(server: LuaServer, directory: Directory, now: float = 0.0) -> None:
    """Renew once."""
    renewal = directory.renewal(now, "{}")
    directory.renewed(renewal, server.ask(renewal.ask), now)


def settled(server: LuaServer, directory: Directory) -> Directory:
    """Renew until claims are given."""
    while not directory.settled:
        server.now += 1
        renew(server, directory)
    return directory


def claim(server: LuaServer, directory: Directory, digest: bytes, now: float = 0.0) -> Claim | None:
    """Claim a key."""
    count = directory.begin()
    response = server.ask(directory.ask_claim(digest, count))
    return directory.claimed(digest, count, response, now)


def test_claims_and_ends_are_bounded() -> None:
    """Twice the sessions may be claimed; of ends the oldest go, those told first."""
    server, directory = LuaServer(), Directory(NAMES[0], "x", LIMITS, "1")
    settled(server, directory)
    for i in range(8):
        assert not directory.full
        if i < 6:
            claim(server, directory, b"%d" % i)
        else:
            directory.unanswered(b"%d" % i, directory.begin())
    assert directory.full
    directory.ended(b"0", 0.0)
    renew(server, directory)
    for i in range(1, 6):
        directory.ended(b"%d" % i, 0.0)
    assert directory.untold == [b"3", b"4", b"5"]
    assert directory.holding == 0


def test_a_claim_is_asserted_again_before_its_life_ends() -> None:
    """Each 200 s, however many others there are."""
    server, directory = LuaServer(), Directory(NAMES[0], "x", ServerLimits(), "1")
    settled(server, directory)
    many = [b"%d" % i for i in range(CHUNK + 1)]
    for digest in many:
        claim(server, directory, digest)
    assert not directory.due(REFRESH - 1)
    assert directory.due(REFRESH)
    renew(server, directory, REFRESH)
    assert directory.due(REFRESH)
    renew(server, directory, REFRESH)
    assert not directory.due(REFRESH)
    assert directory.due(2 * REFRESH)


def test_an_end_is_told_until_it_is_heard_and_not_longer_than_it_stands() -> None:
    """It goes with the renewals; after that time nobody has to know."""
    server, directory = LuaServer(), Directory(NAMES[0], "x", ServerLimits(tombstone_age=600), "1")
    settled(server, directory)
    directory.ended(b"k", 0.0)
    for _ in range(2):
        assert directory.renewal(599.0, "{}").ends
        directory.lost()
    assert not directory.renewal(600.0, "{}").ends
    directory.ended(b"l", 600.0)
    renew(server, directory, 601.0)
    assert directory.asserting == 0
    server.empty()
    renew(server, directory, 602.0)
    assert directory.asserting == 1
    assert not directory.renewal(1200.0, "{}").ends


def test_what_was_claimed_in_an_older_epoch_is_asked_again() -> None:
    """Its data were lost while the response was on its way, so others may have claimed it since."""
    server, directory = LuaServer(), Directory(NAMES[0], "x", ServerLimits(), "1")
    settled(server, directory)
    count = directory.begin()
    response = server.ask(directory.ask_claim(b"k", count))
    server.empty()
    renew(server, directory)
    assert directory.claimed(b"k", count, response, 0.0) is None
    assert not directory.holds(b"k")
    assert directory.next_releases() == [(b"k", count)]


def test_an_opening_without_the_directory_is_claimed_when_it_is_back() -> None:
    """Once, under a count of its own, by which it can be given back."""
    server, directory = LuaServer(), Directory(NAMES[0], "x", ServerLimits(), "1")
    settled(server, directory)
    directory.lost()
    assert directory.take_unasked(b"k") == directory.take_unasked(b"k") == Claim(NAMES[0])
    assert directory.due(0.0)
    renew(server, directory)
    other = settled(server, Directory(NAMES[1], "x", ServerLimits(), "2"))
    assert claim(server, other, b"k") == Claim(NAMES[0])
    directory.release(b"k")
    [(digest, count)] = directory.next_releases()
    directory.released(digest, count, server.ask(directory.ask_release(digest, count)))
    assert claim(server, other, b"k") == Claim(NAMES[1])


SEEDS: Final = 300
"""Runs of each test."""

STEPS: Final = 80

RULES: Final = {
    "fence": (CLAIM, "if not fence or tonumber(ARGV[3]) < fence", "if false"),
    "count": (
        RELEASE,
        "if redis.call('GET', KEYS[3]) ~= 'o' .. ARGV[2] .. ARGV[3]",
        "if string.sub(redis.call('GET', KEYS[3]) or '', 1, 9) ~= 'o' .. ARGV[2]",
    ),
    "run": (CLAIM, "or epoch[2] ~= run", ""),
    "settling": (CLAIM, "if age < 4000 then return", "if false then return"),
    "gap": (CLAIM, "if gap > 4000 then", "if false then"),
    "late renewals": (RENEW, "tonumber(found[1]) >= beat", "false"),
    "the own name": (
        CLAIM,
        "if found and string.sub(found, 1, 9) ~= 'o' .. ARGV[2] then",
        "if found then",
    ),
    "take-over": (
        CLAIM,
        "local found = redis.call('GET', KEYS[4])",
        "local found = redis.call('GET', KEYS[4]) found = found and string.sub(found, 1, 1) == 'e'",
    ),
}
"""Rules of the scripts, each with what stands there without it."""


FOUND: Final = {
    "fence": 10,
    "count": 383,
    "run": 16,
    "settling": 245,
    "gap": 245,
    "late renewals": 642,
    "the own name": 383,
    "take-over": 4,
}
"""Of each rule the seed of a world that goes wrong without it. After a change all are tried."""


def run(*seeds: int) -> None:
    """Run these worlds."""
    for seed in seeds:
        Sharing(seed).run(STEPS)


def test_whatever_is_lost_and_late_a_key_is_run_once() -> None:
    """And what stands in the end is what is so."""
    run(*range(SEEDS))


@pytest.mark.parametrize("name", RULES)
def test_without_a_rule_it_fails(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each cures something that happens."""
    script, there, instead = RULES[name]
    assert there in script.text
    for one in ("CLAIM", "RELEASE", "ENDED", "RENEW", "LOOK"):
        old = getattr(module, one)
        changed = Script(old.name, old.text.replace(there, instead))
        monkeypatch.setattr(module, one, changed)
    with pytest.raises(Wrong):
        run(FOUND[name], *range(10 * SEEDS))


def test_a_count_is_never_given_twice() -> None:
    """Whatever was lost."""
    directory = Directory(NAMES[0], "x", LIMITS, "1")
    counts = []
    for _ in range(3):
        counts.append(directory.begin())
        directory.lost()
    assert counts == [1, 2, 3]


@pytest.mark.parametrize("answered", [True, False])
def test_a_process_that_has_nothing_asserts_nothing(answered: bool) -> None:
    """So a new one does not hold up the others."""
    server, directory = LuaServer(), Directory(NAMES[0], "x", LIMITS, "1")
    renewal = directory.renewal(0.0, "{}")
    response = server.ask(renewal.ask)
    if answered:
        directory.renewed(renewal, response, 0.0)
    assert not server.data.get(b"byway:{x}:asserting")
