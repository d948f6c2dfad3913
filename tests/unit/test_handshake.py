"""The handshake: HELLO, its token, and OPEN."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byway.errors import FrameError
from byway.frames import HEADER, HELLO, MAX_ROOM, OPEN, decode_all
from byway.handshake import SUBPROTOCOL, Hello, Open, valid_subprotocol
from byway.keys import (
    MAX_KEY,
    MIN_KEY,
    new_instance,
    new_key,
    new_process_name,
    plainly_not_random,
)
from byway.limits import MIN_PART, MIN_SECONDS

KEY = "Kx3vT8qLw2ZrN5yBhE7uJd"
MAX_SIZE = 64 * 1024
BASE64URL = "ABCXYZabcxyz0189_-"
KEYS = st.text(BASE64URL, min_size=MIN_KEY, max_size=MAX_KEY).filter(
    lambda key: not plainly_not_random(key)
)
INSTANCES = st.text(BASE64URL, min_size=1, max_size=64)
TOKENS = st.text("abcXYZ019!#$%&'*+-.^_`|~", min_size=1, max_size=20)
NUMBERS = st.integers(0, 2**63)
ROOMS = st.integers(0, MAX_ROOM)
CARRIERS = st.integers(1, 2**32 - 1)
HELLOS = st.builds(
    Hello,
    key=KEYS,
    carrier=CARRIERS,
    received=NUMBERS,
    room=ROOMS,
    instance=st.none() | INSTANCES,
    answer=TOKENS,
    poll=NUMBERS,
    subprotocols=st.lists(TOKENS, max_size=4).map(tuple),
)
SECONDS = st.floats(MIN_SECONDS, 1e5)
OPENS = st.builds(
    Open,
    instance=INSTANCES,
    transport=TOKENS,
    received=NUMBERS,
    room=ROOMS,
    heartbeat=SECONDS,
    window=SECONDS,
    silence=SECONDS,
    part=st.integers(MIN_PART, MAX_ROOM),
    batch=st.integers(1, MAX_ROOM),
    transports=st.lists(TOKENS, max_size=4).map(tuple),
    subprotocol=st.none() | TOKENS,
    promote=st.booleans(),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


def fields_of(frame: bytes) -> dict[str, Any]:
    """Return the JSON of an encoded frame."""
    fields: dict[str, Any] = json.loads(frame[HEADER.size :])
    return fields


def hello(**changed: object) -> bytes:
    """Return the payload of a HELLO with some fields changed, or left out where None."""
    fields = fields_of(Hello(key=KEY, carrier=1, received=0, room=0).frame()) | changed
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


def opening(**changed: object) -> bytes:
    """Return the payload of an OPEN with some fields changed."""
    frame = Open(
        instance="i",
        transport="poll",
        received=0,
        room=0,
        heartbeat=10,
        window=30,
        silence=25,
        part=512,
        batch=1024,
    ).frame()
    return json.dumps(fields_of(frame) | changed).encode()


@given(HELLOS)
def test_hello_survives_the_wire(one: Hello) -> None:
    ((kind, payload),) = decode_all(one.frame(), max_frame=MAX_SIZE)
    assert kind == HELLO
    assert Hello.parse(payload, max_size=MAX_SIZE) == one


@given(OPENS)
def test_open_survives_the_wire(one: Open) -> None:
    ((kind, payload),) = decode_all(one.frame(), max_frame=MAX_SIZE)
    assert kind == OPEN
    assert Open.parse(payload) == one


@given(
    KEYS,
    CARRIERS,
    NUMBERS,
    ROOMS,
    st.none() | INSTANCES,
    st.lists(TOKENS.filter(lambda one: not one.startswith(SUBPROTOCOL)), max_size=4),
)
def test_the_token_survives_a_websocket_handshake(
    key: str,
    carrier: int,
    received: int,
    room: int,
    instance: str | None,
    subprotocols: list[str],
) -> None:
    one = Hello(
        key=key,
        carrier=carrier,
        received=received,
        room=room,
        instance=instance,
        answer="websocket",
        subprotocols=tuple(subprotocols),
    )
    assert valid_subprotocol(one.token())
    assert Hello.from_offers([SUBPROTOCOL, one.token(), *subprotocols]) == one


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_payload_is_a_hello_or_a_documented_error(payload: bytes) -> None:
    with pytest.raises(FrameError) as caught:
        Hello.parse(payload, max_size=MAX_SIZE)
    str(caught.value).encode()  # it is answered, so it must not hold half a character


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_payload_is_an_open_or_a_documented_error(payload: bytes) -> None:
    with pytest.raises(FrameError):
        Open.parse(payload)


@given(
    st.sampled_from(
        [
            "v",
            "session",
            "carrier",
            "received",
            "room",
            "instance",
            "answer",
            "poll",
            "subprotocols",
        ]
    ),
    JSON,
)
def test_any_field_is_taken_or_a_documented_error(name: str, value: object) -> None:
    said = ""
    try:
        taken = Hello.parse(hello(**{name: value}), max_size=MAX_SIZE)
    except FrameError as error:
        said = str(error)
    else:
        assert Hello.parse(taken.frame()[HEADER.size :], max_size=MAX_SIZE) == taken
    assert KEY not in said
    said.encode()  # it is answered, so it must not hold half a character


@given(st.text("byway.1K-_0239xé", max_size=60))
def test_any_token_is_a_hello_or_a_documented_error(rest: str) -> None:
    for token in (rest, f"{SUBPROTOCOL}.{rest}", f"{SUBPROTOCOL}.{KEY}.{rest}"):
        try:
            one = Hello.from_offers([SUBPROTOCOL, token])
        except FrameError:
            continue
        assert one is not None
        assert one.key in token


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("session", "K" * (MIN_KEY - 1)),
        ("session", "K" * (MAX_KEY + 1)),
        ("session", KEY + "\n"),
        ("session", None),
        ("carrier", 0),
        ("carrier", 2**32),
        ("carrier", True),
        ("received", -1),
        ("received", 1.0),
        ("received", 2**63 + 1),
        ("room", MAX_ROOM + 1),
        ("instance", "a b"),
        ("instance", "a" * 65),
        ("answer", ""),
        ("poll", -1),
        ("subprotocols", ["a b"]),
        ("subprotocols", "abc"),
        ("subprotocols", ["a"] * 33),
    ],
)
def test_a_wrong_field_of_hello_is_named(field: str, value: object) -> None:
    with pytest.raises(FrameError, match=field) as caught:
        Hello.parse(hello(**{field: value}), max_size=MAX_SIZE)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("heartbeat", 0),
        ("heartbeat", 0.001),
        ("heartbeat", True),
        ("heartbeat", float("nan")),
        ("window", 1e7),
        ("window", 1e-9),
        ("silence", "1"),
        ("silence", 0.09),
        ("part", 0),
        ("part", 63),
        ("batch", 0),
        ("transport", ""),
        ("subprotocol", "a b"),
        ("received", -1),
    ],
)
def test_a_wrong_field_of_open_is_named(field: str, value: object) -> None:
    with pytest.raises(FrameError, match=field):
        Open.parse(opening(**{field: value}))


def test_a_hello_over_the_bound_is_not_even_read() -> None:
    with pytest.raises(FrameError, match="bound of 50 bytes"):
        Hello.parse(hello(), max_size=50)


def test_fields_of_later_versions_are_passed_over() -> None:
    taken = Hello.parse(hello(novelty={"a": 1}), max_size=MAX_SIZE)
    assert taken == Hello(key=KEY, carrier=1, received=0, room=0)


@pytest.mark.parametrize("version", [2, "1", None, "\ud800"])
def test_another_version_is_named_in_words_that_can_be_answered(version: object) -> None:
    with pytest.raises(FrameError, match="version") as caught:
        Hello.parse(hello(v=version), max_size=MAX_SIZE)
    str(caught.value).encode()


def test_deep_nesting_is_an_error_and_no_crash() -> None:
    for payload in (b"[" * 60_000, b'{"v":' + b"[" * 500 + b"]" * 500 + b"}"):
        with pytest.raises(FrameError):
            Hello.parse(payload, max_size=MAX_SIZE)


@pytest.mark.parametrize(
    "offers",
    [
        [SUBPROTOCOL],
        [SUBPROTOCOL, f"{SUBPROTOCOL}.{KEY}.0.0.1", f"{SUBPROTOCOL}.{KEY}.0.0.2"],
        [SUBPROTOCOL, f"{SUBPROTOCOL}.{KEY}.0.0"],
        [SUBPROTOCOL, f"{SUBPROTOCOL}.{KEY}.0.0.1.i.i"],
        [SUBPROTOCOL, f"{SUBPROTOCOL}.{KEY}.0.0.0"],
        [SUBPROTOCOL, f"{SUBPROTOCOL}.{KEY}.0.-1.1"],
        [SUBPROTOCOL, f"{SUBPROTOCOL}.{KEY}.0.²3.1"],
        [SUBPROTOCOL, f"{SUBPROTOCOL}.{KEY}.0.{MAX_ROOM + 1}.1"],
        [SUBPROTOCOL, f"{SUBPROTOCOL}.{KEY}.0.0.1."],
        [SUBPROTOCOL, f"{SUBPROTOCOL}.{KEY[1:]}.0.0.1"],
    ],
)
def test_an_offer_of_byway_needs_its_one_whole_token(offers: list[str]) -> None:
    with pytest.raises(FrameError) as caught:
        Hello.from_offers(offers)
    assert KEY not in str(caught.value)


def test_a_handshake_without_byway_is_none_of_ours() -> None:
    assert Hello.from_offers(["chat", f"{SUBPROTOCOL}.{KEY}.0.0.1"]) is None


def test_the_token_names_received_before_room_and_carrier() -> None:
    one = Hello(key=KEY, carrier=3, received=1, room=2, instance="i")
    assert one.token() == f"byway.1.{KEY}.1.2.3.i"


def test_keys_and_instances_are_fresh_and_valid() -> None:
    keys = {new_key() for _ in range(50)}
    assert len(keys) == 50
    for key in keys:
        assert (
            Hello.parse(
                hello(session=key, instance=new_instance(new_process_name())), max_size=MAX_SIZE
            ).key
            == key
        )


@pytest.mark.parametrize(
    "key",
    [
        "A" * 22,
        "0" * 86,
        "abababababababababababab",
        "test-key-test-key-test-key-",
        "sessionkeysessionkey01sessionkeysessionkey01",
        "abcdefghijklmnopqrstuvwxyz",
        "zyxwvutsrqponmlkjihgfedcba",
        "0123456012345601234560",
        "00000000000000000000000001",
    ],
)
def test_a_key_that_no_generator_makes_is_refused(key: str) -> None:
    """Over HTTP and in a WebSocket's token; the answer says why, and does not hold the key."""
    with pytest.raises(FrameError, match="the session key is not random") as caught:
        Hello.parse(hello(session=key), max_size=MAX_SIZE)
    assert key not in str(caught.value)
    with pytest.raises(FrameError, match="the session key is not random") as caught:
        Hello.from_offers([SUBPROTOCOL, f"{SUBPROTOCOL}.{key}.0.0.1"])
    assert key not in str(caught.value)


def test_a_hello_that_is_logged_does_not_show_its_key() -> None:
    assert KEY not in repr(Hello(key=KEY, carrier=1, received=0, room=0))


@pytest.mark.parametrize("others", [["a"] * 33, ["a b"], ["x" * 257], ["\xe9"]])
def test_subprotocols_of_a_websocket_have_the_bounds_of_hello(others: list[str]) -> None:
    token = Hello(key=KEY, carrier=1, received=0, room=0).token()
    assert Hello.from_offers([SUBPROTOCOL, token, "a", "b"]) is not None
    with pytest.raises(FrameError, match="at most 32 tokens"):
        Hello.from_offers([SUBPROTOCOL, token, *others])
