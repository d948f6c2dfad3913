"""The scripts of the directory: in Redis, Valkey, the oldest Redis, and as the model runs them.

Each does the same in all of them, so what the model shows of the one is true of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest
import redis

from byway.backplane.asks import Ask
from byway.backplane.base import Claim
from byway.backplane.directory import CHUNK, Directory
from byway.limits import ServerLimits
from tests.support.lua import LuaServer
from tests.support.redis import KINDS, redis_server

A, B = "aaaaaaaa", "b-_bbbbb"
LIMITS = ServerLimits()


class Place(Protocol):
    """Where scripts run."""

    def ask(self, ask: Ask) -> list[Any]:
        """Run one."""
        ...

    def get(self, key: str) -> bytes | None:
        """Return what stands at a key."""

    def age(self, key: str, field: str, value: str) -> None:
        """Write a field of a hash."""

    def empty(self) -> None:
        """Lose everything."""

    def ttl(self, key: str) -> float:
        """Return the seconds that a key lives yet."""
        ...


class Real:
    """A server."""

    def __init__(self, port: int) -> None:
        """Connect."""
        self.client = redis.Redis(port=port, socket_timeout=10)

    def ask(self, ask: Ask) -> list[Any]:
        """Run a script."""
        found: Any = self.client.eval(ask.script.text, len(ask.keys), *ask.keys, *ask.args)
        return list(found)

    def get(self, key: str) -> bytes | None:
        """Return what stands at a key."""
        found: Any = self.client.get(key)
        return found if found is None else bytes(found)

    def age(self, key: str, field: str, value: str) -> None:
        """Write a field of a hash."""
        self.client.hset(key, field, value)

    def empty(self) -> None:
        """Lose everything."""
        self.client.flushall()

    def ttl(self, key: str) -> float:
        """Return the seconds that a key lives yet."""
        found: Any = self.client.pttl(key)
        return float(found) / 1000


class Twin(LuaServer):
    """The same Lua, here."""

    def get(self, key: str) -> bytes | None:
        """Return what stands at a key."""
        found: bytes | None = self._get(key.encode())
        return found

    def age(self, key: str, field: str, value: str) -> None:
        """Write a field of a hash."""
        self._get(key.encode())[field.encode()] = value.encode()

    def ttl(self, key: str) -> float:
        """Return the seconds that a key lives yet."""
        return self._ends[key.encode()] - self.now


@pytest.fixture(scope="module")
def ports() -> Iterator[Callable[[str], int]]:
    """Start each server once, when it is wanted."""
    open_: dict[str, tuple[Any, int]] = {}

    def port(kind: str) -> int:
        if kind not in open_:
            context = redis_server(kind)
            open_[kind] = context, context.__enter__().port
        return open_[kind][1]

    yield port
    for context, _ in open_.values():
        context.__exit__(None, None, None)


@pytest.fixture(params=[*KINDS, "model"])
def place(request: pytest.FixtureRequest, ports: Callable[[str], int]) -> Iterator[Place]:
    """Give each place in turn, empty."""
    if request.param == "model":
        yield Twin()
        return
    real = Real(ports(request.param))
    real.empty()
    yield real
    real.client.close()


def process(name: str, limits: ServerLimits = LIMITS) -> Directory:
    """Make a process."""
    return Directory(name, "test", limits, "started-" + name)


def renew(place: Place, directory: Directory, now: float = 0.0) -> Any:
    """Let a process renew, and take the response."""
    renewal = directory.renewal(now, '{"host": "127.0.0.1"}')
    return directory.renewed(renewal, place.ask(renewal.ask), now)


def settle(place: Place, *directories: Directory) -> None:
    """Let the directory be there for long, and the processes know it."""
    for one in directories:
        renew(place, one)
    place.age("byway:{test}:epoch", "age", "60000")
    for one in directories:
        renew(place, one)
        assert one.settled


def claim(place: Place, directory: Directory, digest: bytes, now: float = 0.0) -> Claim | None:
    """Let a process claim."""
    count = directory.begin()
    return directory.claimed(digest, count, place.ask(directory.ask_claim(digest, count)), now)


def key(directory: Directory, digest: bytes) -> str:
    """Return where a claim stands."""
    return directory.ask_release(digest, 0).keys[2]


def test_the_first_claim_wins_and_stands(place: Place) -> None:
    """It names its owner to all who ask after it; the owner hears that it is its own."""
    a, b = process(A), process(B)
    settle(place, a, b)
    assert claim(place, a, b"k") == Claim(A)
    assert claim(place, b, b"k") == Claim(A)
    assert claim(place, a, b"k") == Claim(A)
    assert place.get(key(a, b"k")) == f"o{A}2".encode()
    assert 790 < place.ttl(key(a, b"k")) <= 800
    assert a.holds(b"k")
    assert not b.holds(b"k")


def test_no_key_of_a_session_stands_in_it(place: Place) -> None:
    """Neither its hash: that is hashed again, and cut."""
    a = process(A)
    settle(place, a)
    digest = bytes(range(32))
    claim(place, a, digest)
    assert digest.hex() not in key(a, digest)
    assert len(key(a, digest).rpartition(":")[2]) == 32


def test_nothing_is_claimed_before_it_is_settled(place: Place) -> None:
    """A new epoch has nothing of what others hold."""
    a = process(A)
    renew(place, a)
    assert not a.settled
    assert claim(place, a, b"k") is None
    assert place.get(key(a, b"k")) is None


def test_nothing_is_claimed_without_a_record(place: Place) -> None:
    """A process whose lease ran out renews first."""
    a, b = process(A), process(B)
    settle(place, a)
    b.epoch = a.epoch
    assert claim(place, b, b"k") is None
    assert place.get(key(a, b"k")) is None


def test_a_late_claim_of_a_lost_connection_is_void(place: Place) -> None:
    """It was given back before it came: nobody would ever give it back again."""
    a = process(A)
    settle(place, a)
    count = a.begin()
    late = a.ask_claim(b"k", count)
    a.lost()
    a.unanswered(b"k", count)
    renew(place, a)
    [(digest, given)] = a.next_releases()
    a.released(digest, given, place.ask(a.ask_release(digest, given)))
    assert not a.next_releases()
    assert place.ask(late)[2] == b"v"
    assert place.get(key(a, b"k")) is None
    assert claim(place, a, b"k") == Claim(A)


def test_a_release_takes_back_only_its_own_count(place: Place) -> None:
    """The process has claimed the key again since, and runs it."""
    a = process(A)
    settle(place, a)
    assert claim(place, a, b"k") == Claim(A)
    late = a.ask_release(b"k", 1)
    assert claim(place, a, b"k") == Claim(A)
    assert place.ask(late)[2] == 0
    assert place.get(key(a, b"k")) == f"o{A}2".encode()
    assert place.ask(a.ask_release(b"k", 2))[2] == 1
    assert place.get(key(a, b"k")) is None


def test_an_end_stands_and_names_who_knows_the_refusal(place: Place) -> None:
    """For as long as it is known; after that nobody has to be asked."""
    a, b = process(A), process(B)
    settle(place, a, b)
    claim(place, a, b"k")
    claim(place, a, b"r")
    a.ended(b"k", 0.0)
    a.ended(b"r", 0.0, refused=True)
    for digest in (b"k", b"r"):
        ends = a.ask_ends([digest], 0.0)
        assert ends is not None
        a.ends_told(ends, place.ask(ends.ask))
    assert a.asserting == 0
    assert claim(place, b, b"k") == Claim("", ended=True)
    assert claim(place, b, b"r") == Claim(A, ended=True)
    assert claim(place, a, b"r") == Claim(A, ended=True)
    assert 590 < place.ttl(key(a, b"k")) <= 600
    old = a.ask_ends([b"x"], 0.0)
    assert old is None
    a.ended(b"s", 0.0, refused=True)
    soon = a.ask_ends([b"x", b"s"], 9.999)
    assert soon is not None
    place.ask(soon.ask)
    if isinstance(place, Twin):
        place.now += 0.1
    else:
        while (found := claim(place, b, b"s")) == Claim(A, ended=True):
            pass  # for the millisecond that is left
        assert found == Claim("", ended=True)


def test_an_end_does_not_overwrite_what_is_anothers(place: Place) -> None:
    """Both have run it, and each says so; it stays with who claimed it."""
    a, b = process(A), process(B)
    settle(place, a, b)
    assert claim(place, b, b"k") == Claim(B)
    a.ended(b"k", 0.0)
    assert claim(place, a, b"mine") == Claim(A)
    a.ended(b"mine", 0.0)
    ends = a.ask_ends([b"k", b"mine"], 0.0)
    assert ends is not None
    a.ends_told(ends, place.ask(ends.ask))
    assert a.conflicts == 1
    assert claim(place, b, b"mine") == Claim("", ended=True)
    assert a.asserting == 0
    assert claim(place, a, b"k") == Claim(B)


def test_a_lost_directory_gets_all_claims_and_ends_again(place: Place) -> None:
    """In chunks, and each chunk once; nothing is claimed until then, by anybody."""
    a, b = process(A), process(B)
    settle(place, a, b)
    many = [b"%d" % i for i in range(CHUNK + 10)]
    for digest in many:
        assert claim(place, a, digest) == Claim(A)
    a.ended(many[0], 0.0)
    renew(place, a)
    assert a.asserting == 0
    place.empty()
    renew(place, a)  # it is heard that there is a new epoch
    assert a.asserting == len(many)
    place.age("byway:{test}:epoch", "age", "60000")
    renew(place, a)
    assert a.asserting == len(many) - CHUNK
    renew(place, a)
    assert a.asserting == 0
    assert not a.due(0.0)
    renew(place, b)
    for digest in many[1:]:
        assert claim(place, b, digest) == Claim(A)
    assert claim(place, b, many[0]) == Claim("", ended=True)
    assert a.epochs == 1


def test_the_age_does_not_count_while_a_process_asserts(place: Place) -> None:
    """However long that takes it, if it is heard; from its first word in the new epoch on."""
    a, b = process(A), process(B)
    settle(place, a, b)
    for i in range(CHUNK + 10):
        claim(place, a, b"%d" % i)
    place.empty()
    renew(place, b)
    late = a.renewal(0.0, "{}")
    response = place.ask(late.ask)  # which is lost
    assert response[1] < 4000

    def counted_of_a_second() -> int:
        before = int(_field(place, "age"))
        place.age("byway:{test}:epoch", "seen", str(int(_field(place, "seen")) - 900))
        renew(place, b)
        return int(_field(place, "age")) - before

    assert counted_of_a_second() == 0
    a.lost()
    while a.away or a.asserting:
        renew(place, a)
    assert counted_of_a_second() >= 900


def test_a_gap_makes_it_unsettled(place: Place) -> None:
    """Leases have run out unseen; the claims are there."""
    a = process(A)
    settle(place, a)
    claim(place, a, b"k")
    epoch = a.epoch
    place.age("byway:{test}:epoch", "seen", str(int(_field(place, "seen")) - 4500))
    assert claim(place, a, b"l") is None
    assert not a.settled
    assert a.epoch == epoch


def test_another_server_with_the_same_data_is_a_new_epoch(place: Place) -> None:
    """A restart from a snapshot, or a replica that was promoted: claims were lost unseen."""
    a = process(A)
    settle(place, a)
    epoch = a.epoch
    claim(place, a, b"k")
    place.age("byway:{test}:epoch", "run", "somebody else")
    assert claim(place, a, b"l") is None
    assert a.epoch > epoch
    assert a.asserting == 1


def test_an_epoch_is_greater_than_any_that_is_known(place: Place) -> None:
    """The clock of another server may be behind."""
    a = process(A)
    settle(place, a)
    a.epoch += 10**15
    known = a.epoch
    renew(place, a)
    assert a.epoch == known + 1
    assert not a.settled


def test_a_renewal_that_comes_late_says_nothing(place: Place) -> None:
    """It would claim again what was given back since, and shorten the fence."""
    a = process(A)
    settle(place, a)
    claim(place, a, b"k")
    late = a.renewal(1000.0, "{}")
    assert late.claims
    a.lost()
    renew(place, a, 1000.0)
    a.release(b"k")
    [(digest, count)] = a.next_releases()
    a.released(digest, count, place.ask(a.ask_release(digest, count)))
    place.ask(late.ask)
    assert place.get(key(a, b"k")) is None


def test_a_copied_process_is_found(place: Place) -> None:
    """By another start under the same name, or by a renewal that it has not made."""
    a, other, copy = process(A), Directory(A, "test", LIMITS, "else"), process(A)
    settle(place, a)
    assert renew(place, other).twin
    assert renew(place, copy).twin
    assert not renew(place, a).twin


def test_who_leaves_in_order_has_no_record(place: Place) -> None:
    """The others see at once that it is gone."""
    a, b = process(A), process(B)
    settle(place, a, b)
    assert b.looked(place.ask(b.ask_look(A))).beat == a.beat
    assert renew(place, b).names == {A, B}
    place.ask(a.ask_leave())
    seen = b.looked(place.ask(b.ask_look(A)))
    assert (seen.beat, seen.record, seen.mine) == (0, b"", b.beat)
    assert seen.age >= 30_000
    assert renew(place, b).names == {B}


def test_the_secret_of_the_first_stands(place: Place) -> None:
    """All hear it; one that was given is not written."""
    a, b, c = process(A), process(B), process("cccccccc")
    for directory, secret, heard in ((c, b"", b""), (a, b"\0a" * 16, b"\0a" * 16)):
        renewal = directory.renewal(0.0, "{}", secret)
        assert directory.renewed(renewal, place.ask(renewal.ask), 0.0).secret == heard
    renewal = b.renewal(0.0, "{}", b"b" * 32)
    assert b.renewed(renewal, place.ask(renewal.ask), 0.0).secret == b"\0a" * 16


def test_an_assertion_of_what_is_anothers_is_said_and_given_up(place: Place) -> None:
    """It is said once; the other's claim stands."""
    a, b = process(A), process(B)
    settle(place, a, b)
    claim(place, b, b"k")
    a.take_unasked(b"k")
    a.take_unasked(b"mine")
    renewed = renew(place, a)
    assert renewed.conflicts == (b"k",)
    assert place.get(key(a, b"mine")) is not None
    assert not renew(place, a).conflicts
    assert claim(place, a, b"k") == Claim(B)


def test_two_namespaces_do_not_meet(place: Place) -> None:
    """On one Redis."""
    a, b = process(A), Directory(B, "other", LIMITS, "b")
    settle(place, a)
    renew(place, b)
    place.age("byway:{other}:epoch", "age", "60000")
    renew(place, b)
    assert claim(place, a, b"k") == Claim(A)
    assert claim(place, b, b"k") == Claim(B)


def _field(place: Place, field: str) -> str:
    if isinstance(place, Real):
        found: Any = place.client.hget("byway:{test}:epoch", field)
    else:
        assert isinstance(place, Twin)
        found = place.data[b"byway:{test}:epoch"][field.encode()]
    return str(found.decode())
