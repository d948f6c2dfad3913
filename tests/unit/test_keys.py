"""Keys and names: made at random, told apart by their lengths."""

from __future__ import annotations

import base64
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from byway.keys import (
    PROCESS_NAME,
    RUN_NAME,
    key_hash,
    new_instance,
    new_process_name,
    owner_of,
    plainly_not_random,
)

KEY = "Kx3vT8qLw2ZrN5yBhE7uJd"


def test_an_instance_begins_with_the_name_of_its_owner() -> None:
    names = {new_process_name() for _ in range(50)}
    assert len(names) == 50
    for name in names:
        assert len(name) == PROCESS_NAME
        instances = {new_instance(name) for _ in range(2)}
        assert {owner_of(one) for one in instances} == {name}
        assert {len(one) for one in instances} == {PROCESS_NAME + RUN_NAME}
    assert owner_of("x" * (PROCESS_NAME + RUN_NAME - 1)) is None  # as older servers made them


def test_a_key_is_known_by_its_hash_alone() -> None:
    assert key_hash(KEY) == key_hash("".join(KEY))
    assert key_hash(KEY) != key_hash(KEY + "K")
    assert KEY.encode() not in key_hash(KEY)


@given(st.binary(min_size=16, max_size=48), st.randoms(use_true_random=True))
def test_a_random_key_is_never_refused(length: bytes, random: Random) -> None:
    data = random.randbytes(len(length))
    assert not plainly_not_random(base64.urlsafe_b64encode(data).decode().rstrip("="))
    assert not plainly_not_random(random.randbytes(24).hex()), "128 bits and more in hexadecimal"
