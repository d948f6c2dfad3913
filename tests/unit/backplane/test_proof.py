"""The proof of both ends: who has the secret gets in, and nobody else by whatever he repeats."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byway import UsageError
from byway.backplane import Unreachable
from byway.backplane.kinds import CALL, GREET, PROVE
from byway.backplane.proof import GREETING, NoCommonVersion, NotProven, Proof

FIRST, SECOND, THIRD = b"1" * 16, b"2" * 16, b"3" * 16
RELAY, OWNER = "relay-01", "owner-01"


def dialling(
    *secrets: bytes, name: str = RELAY, expected: str = OWNER, versions: Sequence[int] = (1,)
) -> Proof:
    return Proof(name, lambda: secrets or (FIRST,), expected=expected, versions=versions)


def listening(*secrets: bytes, name: str = OWNER, versions: Sequence[int] = (1,)) -> Proof:
    return Proof(name, lambda: secrets or (FIRST,), versions=versions)


def asked(relay: Proof, owner: Proof) -> bytes:
    """Let both greet, and return what the relay says to prove itself."""
    assert owner.take(GREET, relay.greeting) is None
    proof = relay.take(GREET, owner.greeting)
    assert proof is not None
    return proof


def prove(relay: Proof, owner: Proof) -> None:
    """Let both prove themselves."""
    reply = owner.take(PROVE, asked(relay, owner))
    assert owner.done
    assert not relay.done
    assert reply is not None
    assert relay.take(PROVE, reply) is None
    assert relay.done


def test_both_ends_know_each_other() -> None:
    relay, owner = dialling(), listening()
    prove(relay, owner)
    assert (relay.peer, owner.peer) == (OWNER, RELAY)
    assert relay.version == owner.version == 1


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ([FIRST], [FIRST, SECOND]),
        ([FIRST], [SECOND, FIRST]),
        ([FIRST, SECOND], [SECOND]),
        ([SECOND, FIRST], [SECOND, FIRST]),
        ([FIRST, SECOND], [SECOND, FIRST]),
        ([FIRST, SECOND], [THIRD, SECOND]),
    ],
)
def test_one_secret_in_common_is_enough(here: list[bytes], there: list[bytes]) -> None:
    """So a secret may be replaced while the one before is still valid somewhere."""
    prove(dialling(*here), listening(*there))


def test_without_the_secret_nobody_gets_in_or_gets_a_proof() -> None:
    relay, owner = dialling(SECOND), listening(FIRST)
    with pytest.raises(NotProven, match="has not the same secret"):
        owner.take(PROVE, asked(relay, owner))
    assert not owner.done


def test_an_owner_without_the_secret_is_not_believed() -> None:
    relay, owner, thief = dialling(), listening(), listening(SECOND)
    # It shows what it has: its own digest, another's, what it was told itself.
    proof = asked(relay, thief)
    other = owner.take(PROVE, asked(dialling(), owner))
    for said in (proof, other or b"", b"", bytes(32), bytes(64)):
        with pytest.raises(NotProven):
            relay.take(PROVE, said)
    assert not relay.done


def test_a_proof_cannot_be_replayed() -> None:
    relay, owner = dialling(), listening()
    proof = asked(relay, owner)
    assert owner.take(PROVE, proof)
    again = listening()
    assert again.take(GREET, relay.greeting) is None
    with pytest.raises(NotProven):
        again.take(PROVE, proof)


def test_a_proof_cannot_be_reflected() -> None:
    """A process that dials a thief proves itself; that opens no door, not its own either."""
    victim, thief = dialling(), listening(SECOND)
    proof = asked(victim, thief)
    door = listening(name=OWNER)
    door.take(GREET, victim.greeting)
    with pytest.raises(NotProven):
        door.take(PROVE, proof)
    # Both GREETs being the thief's to choose, only the direction is left to tell them apart.
    mirror = dialling(name=OWNER, expected=RELAY)
    mirror.greeting = victim.greeting.replace(RELAY.encode(), OWNER.encode())
    mirror.take(GREET, thief.greeting.replace(OWNER.encode(), RELAY.encode()))
    with pytest.raises(NotProven):
        mirror.take(PROVE, mirror._digest(FIRST, b"D"))
    assert mirror.take(PROVE, mirror._digest(FIRST, b"L")) is None


def test_names_and_versions_are_under_the_proof() -> None:
    for old, new in ((RELAY, "relay-02"), ("[1,2]", "[1]")):
        relay, owner = dialling(versions=(1, 2)), listening(versions=(1, 2))
        changed = relay.greeting.replace(old.encode(), new.encode())
        assert changed != relay.greeting
        owner.take(GREET, changed)
        proof = relay.take(GREET, owner.greeting)
        with pytest.raises(NotProven):
            owner.take(PROVE, proof or b"")


def test_another_process_at_the_address_is_not_the_owner() -> None:
    relay = dialling(expected="another1")
    with pytest.raises(Unreachable, match="process owner-01 is there, where another1 was expected"):
        relay.take(GREET, listening().greeting)


def test_a_process_does_not_link_to_itself() -> None:
    with pytest.raises(NotProven, match="own name"):
        listening().take(GREET, dialling(name=OWNER, expected=RELAY).greeting)


@pytest.mark.parametrize(
    ("here", "there", "chosen"), [((1, 2), (1, 2, 3), 2), ((2,), (2, 1), 2), ((3, 1), (1, 2), 1)]
)
def test_the_greatest_version_in_common_is_taken(
    here: tuple[int, ...], there: tuple[int, ...], chosen: int
) -> None:
    relay, owner = dialling(versions=here), listening(versions=there)
    prove(relay, owner)
    assert relay.version == owner.version == chosen


def test_without_a_version_in_common_there_is_no_link() -> None:
    relay, owner = dialling(versions=(1,)), listening(versions=(2, 3))
    for one, other in ((relay, owner), (owner, relay)):
        with pytest.raises(NoCommonVersion, match="upgrade the older one"):
            one.take(GREET, other.greeting)


GOOD = json.loads(listening().greeting)
WRONG: list[dict[str, Any]] = [
    {"name": "short"},
    {"name": "owner\n01"},
    {"name": ["owner-01"]},
    {"name": None},
    {"random": "00"},
    {"random": "no hex"},
    {"random": 7},
    {"versions": []},
    {"versions": "1"},
    {"versions": {"1": 1}},
    {"versions": [True]},
    {"versions": [1.0]},
    {"versions": list(range(33))},
    {"versions": None},
]


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        b"{}",
        b"[" * 500,
        *(json.dumps(GOOD | changed).encode() for changed in WRONG),
    ],
    ids=count(),  # no random bytes in a test's name: each process of a run names it alike
)
def test_a_wrong_greeting(said: bytes) -> None:
    with pytest.raises(NotProven, match="does not greet as a process of byway does"):
        dialling().take(GREET, said)


@given(
    st.booleans(),
    st.lists(st.tuples(st.sampled_from([GREET, PROVE, CALL]), st.binary(max_size=100)), max_size=5),
)
def test_nothing_that_is_made_up_proves_anything(
    greets: bool, frames: list[tuple[int, bytes]]
) -> None:
    greeting = (GREET, json.dumps(GOOD | {"name": "third-01"}).encode())
    for proof in (dialling(expected="third-01"), listening()):
        try:
            for frame in [greeting] * greets + frames:
                proof.take(*frame)
        except NotProven:
            pass
        assert not proof.done


def test_frames_come_in_their_order() -> None:
    owner = listening()
    with pytest.raises(NotProven, match="no place"):
        owner.take(PROVE, bytes(32))
    owner.take(GREET, dialling().greeting)
    with pytest.raises(NotProven, match="no place"):
        owner.take(GREET, dialling().greeting)


def test_nothing_follows_the_proof() -> None:
    relay, owner = dialling(), listening()
    proof = asked(relay, owner)
    reply = owner.take(PROVE, proof)
    assert relay.take(PROVE, reply or b"") is None
    for one, said in ((owner, proof), (relay, reply or b"")):
        with pytest.raises(NotProven, match="no place"):
            one.take(PROVE, said)


def test_no_more_digests_are_tried_than_secrets_may_be_valid() -> None:
    relay, owner = dialling(), listening()
    proof = asked(relay, owner)
    with pytest.raises(NotProven, match="one digest for each secret"):
        owner.take(PROVE, bytes(64) + proof)


def test_a_greeting_fits_into_what_is_taken_of_strangers() -> None:
    assert len(listening(versions=range(1, 33)).greeting) <= GREETING


@pytest.mark.parametrize("secrets", [[], [b""], [b"x" * 15], [FIRST, b"short"]])
def test_a_secret_that_is_none_is_refused(secrets: list[bytes]) -> None:
    with pytest.raises(UsageError, match="at least 16 bytes"):
        Proof(OWNER, lambda: secrets)


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="8 characters"):
        Proof("my-host", lambda: [FIRST])
