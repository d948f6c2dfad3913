"""What is sent: from pure noise to requests that are right but for one thing.

Noise alone is refused at the first byte and shows little. So most of what is drawn here is built
from right parts: keys of sessions that are there, frames of the right form, numbers near the right
ones.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from byway.frames import (
    ACK,
    BEAT,
    BINARY,
    CLOSE,
    HELLO,
    LEAVE,
    NEXT,
    OPEN,
    PAD,
    PART,
    PING,
    PONG,
    SELECT,
    TEXT,
    encode,
)
from byway.transports.base import Event, Scope
from tests.fuzz.world import KEYS, World

Action = Callable[[World], tuple[Scope, list[Event]]]
"""Makes a call, in a world whose sessions it may want to meet."""

SMALL = st.integers(0, 4)
NEARLY_NONE = st.sampled_from([0, 0, 0, 0, 0, 1, 2])
NUMBERS = SMALL | st.sampled_from([2**31, 2**32 - 1, 2**63, 2**64 - 1]) | st.integers(0, 2**64 - 1)
U32 = SMALL | st.integers(0, 2**32 - 1)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=5,
)


def _packed(layout: str, *parts: st.SearchStrategy[int]) -> st.SearchStrategy[bytes]:
    return st.tuples(*parts).map(lambda values: struct.pack(layout, *values))


PAYLOADS: dict[int, st.SearchStrategy[bytes]] = {
    TEXT: st.text(max_size=40).map(str.encode) | st.binary(max_size=150),
    BINARY: st.binary(max_size=150),
    PART: st.binary(max_size=150),
    CLOSE: st.tuples(
        st.sampled_from([1000, 1001, 1006, 4000, 0, 65535]), st.binary(max_size=8)
    ).map(lambda one: struct.pack(">H", one[0]) + one[1]),
    NEXT: _packed(">Q", SMALL | st.integers(0, 2**64 - 1)),
    ACK: _packed(">QI", NUMBERS, U32),
    SELECT: _packed(">II", U32, U32),
    PING: _packed(">I", U32) | st.binary(max_size=80),
    PONG: _packed(">I", U32) | st.binary(max_size=80),
    BEAT: _packed(">I", U32),
    LEAVE: st.just(b""),
    PAD: st.binary(max_size=20),
    OPEN: st.binary(max_size=20),
}
RIGHT_FRAMES = st.sampled_from(sorted(PAYLOADS)).flatmap(
    lambda kind: PAYLOADS[kind].map(lambda payload: encode(kind, payload))
)
FRAMES = RIGHT_FRAMES | st.builds(encode, st.integers(0, 255), st.binary(max_size=20))
RUNS = st.builds(
    lambda number, frames: encode(NEXT, struct.pack(">Q", number)) + b"".join(frames),
    st.integers(1, 3),
    st.lists(
        st.sampled_from([TEXT, BINARY, PART, CLOSE]).flatmap(
            lambda kind: PAYLOADS[kind].map(lambda payload: encode(kind, payload))
        ),
        max_size=6,
    ),
)
STREAMS = st.lists(FRAMES | RUNS, max_size=6).map(b"".join)
"""Bytes that are frames, mostly."""

NOISE = st.binary(max_size=300)


@st.composite
def _cut(draw: st.DrawFn) -> bytes:
    stream = draw(STREAMS)
    return stream[: draw(st.integers(0, len(stream)))] + draw(st.binary(max_size=5))


BODIES = STREAMS | _cut() | NOISE

ANSWERS = st.sampled_from(["stream", "sse", "poll", "poll", "ack", "ack", "up", "websocket", "x"])
HERE = object()
"""Stands for the instance of a session that is there when the request is made."""

_HELLO_FIELDS = {
    "v": st.just(1) | JSON,
    "session": st.sampled_from(KEYS) | st.sampled_from(KEYS) | JSON,
    "carrier": st.integers(1, 4) | U32 | JSON,
    "received": SMALL | NUMBERS | JSON,
    "room": U32 | JSON,
    "answer": ANSWERS | JSON,
    "instance": st.sampled_from([None, HERE, HERE]) | JSON,
    "poll": st.integers(0, 3) | NUMBERS | JSON,
    "subprotocols": st.just([]) | st.lists(st.text(max_size=4), max_size=40) | JSON,
}
_RIGHT_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "v": st.just(1),
    "session": st.sampled_from(KEYS),
    "carrier": st.integers(1, 4),
    "received": NEARLY_NONE,
    "room": U32,
    "answer": ANSWERS,
    "instance": st.sampled_from([None, None, HERE]),
    "poll": st.integers(0, 3),
    "subprotocols": st.lists(st.sampled_from(["a", "b"]), max_size=2),
}


@st.composite
def hellos(draw: st.DrawFn) -> Callable[[World], bytes]:
    """Draw a HELLO: right, wrong in a field or two, or noise."""
    fields = {name: draw(values) for name, values in _RIGHT_FIELDS.items()}
    for name in draw(st.lists(st.sampled_from(sorted(fields)), max_size=2)):
        fields[name] = draw(_HELLO_FIELDS[name])
    for name in draw(st.lists(st.sampled_from(sorted(fields)), max_size=1)):
        del fields[name]
    noise = draw(st.none() | st.none() | st.none() | NOISE)
    which = draw(SMALL)

    def make(world: World) -> bytes:
        if noise is not None:
            return encode(HELLO, noise)
        here = {**fields}
        if here.get("instance") is HERE:
            instances = world.instances
            here["instance"] = instances[which % len(instances)] if instances else "gone"
        return encode(HELLO, json.dumps(here).encode())

    return make


HOST = (b"host", b"app.example")
HEADER_SETS: st.SearchStrategy[dict[bytes, bytes]] = st.fixed_dictionaries(
    {},
    optional={
        b"origin": st.sampled_from([b"https://app.example", b"https://evil.example", b"null", b""])
        | st.binary(max_size=20),
        b"sec-fetch-site": st.sampled_from([b"same-origin", b"cross-site", b"none", b"\xff"]),
        b"x-forwarded-host": st.sampled_from([b"evil.example", b"", b","]) | st.binary(max_size=10),
        b"x-user": st.sampled_from([b"alice", b"mallory"]),
        b"cookie": st.binary(max_size=10),
    },
)


@st.composite
def scopes(draw: st.DrawFn, /, **right: bytes) -> Scope:
    """Draw the scope of a request with these headers, more of them, and fewer at times."""
    names = {name.replace("_", "-").encode(): value for name, value in right.items()}
    more = draw(HEADER_SETS) if draw(st.sampled_from([False, False, False, True])) else {}
    headers = {**names, **more}
    for name in draw(st.sampled_from([[]] * 8 + [[name] for name in names])):
        del headers[name]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": draw(st.sampled_from(["/echo", "/echo", "/push", "/refuse", "/never", "/\n\x85"])),
        "raw_path": b"/",
        "root_path": "",
        "query_string": b"",
        "headers": [HOST, *headers.items()],
        "client": draw(st.sampled_from([("192.0.2.1", 1), ("2001:db8::1", 1), None])),
        "server": ("192.0.2.9", 80),
    }


@st.composite
def posts(draw: st.DrawFn) -> Action:
    """Draw a request of the protocol, or nearly."""
    mark = draw(st.sampled_from([b"1", b"1", b"1", b"up", b"", b"2"]))
    scope = draw(scopes(byway=mark, content_type=b"application/byway"))
    scope["method"] = draw(st.sampled_from(["POST"] * 6 + ["GET", "PUT", "OPTIONS"]))
    length = draw(
        st.none() | st.none() | st.sampled_from([b"5", b"99999", b"9" * 5000, b"x", b"-1"])
    )
    if length is not None:
        scope["headers"].append((b"content-length", length))
    hello = draw(st.none() | hellos() | hellos() | hellos())
    rest = draw(BODIES)
    cuts = sorted(draw(st.lists(st.integers(0, 600), max_size=3)))
    ends = draw(st.sampled_from([True, True, True, False]))
    if draw(st.sampled_from([False] * 7 + [True])):
        rest += bytes(draw(st.sampled_from([1_000, 3_000])))

    def make(world: World) -> tuple[Scope, list[Event]]:
        body = (hello(world) if hello is not None else b"") + rest
        edges = [0, *cuts, max(len(body), cuts[-1] if cuts else 0)]
        events: list[Event] = [
            {"type": "http.request", "body": body[start:stop], "more_body": True}
            for start, stop in zip(edges, edges[1:], strict=False)
        ]
        events[-1]["more_body"] = not ends
        return scope, events

    return make


@st.composite
def sockets(draw: st.DrawFn) -> Action:
    """Draw a handshake with byway's subprotocols, or nearly, and messages."""
    scope = draw(scopes())
    scope["type"] = "websocket"
    scope["scheme"] = "ws"
    del scope["method"]
    if draw(st.sampled_from([True, True, True, False])):
        scope["extensions"] = {"websocket.http.response": {}}
    fields = draw(
        st.tuples(st.sampled_from(KEYS), NEARLY_NONE, U32, st.integers(1, 4))
        | st.tuples(st.sampled_from(KEYS), NEARLY_NONE, U32, st.integers(1, 4))
        | st.tuples(st.text(max_size=30), NUMBERS, NUMBERS, NUMBERS)
    )
    token = "byway.1." + ".".join(str(one) for one in fields)
    instance = draw(st.sampled_from([None, None, None, HERE, HERE, "gone", "", "a b"]))
    which = draw(SMALL)
    others = draw(
        st.sampled_from([[], [], ["a"], ["a", "b"]])
        | st.lists(st.sampled_from(["a", "b"]) | st.text(max_size=5), max_size=35)
    )
    more = draw(st.sampled_from([[]] * 8 + [["byway.1.x"], ["byway.1"]]))
    messages = draw(st.lists(STREAMS | NOISE | st.text(max_size=150), max_size=5))

    def make(world: World) -> tuple[Scope, list[Event]]:
        offer = token
        if instance is HERE:
            instances = world.instances
            offer += "." + (instances[which % len(instances)] if instances else "gone")
        elif instance is not None:
            offer += f".{instance}"
        scope["subprotocols"] = ["byway.1", offer, *others, *more]
        events: list[Event] = [{"type": "websocket.connect"}]
        for one in messages:
            key = "text" if isinstance(one, str) else "bytes"
            events.append({"type": "websocket.receive", key: one})
        return scope, events

    return make


@st.composite
def reads(draw: st.DrawFn) -> Action:
    """Draw a plain GET of a reader, that may come back."""
    accept = draw(st.sampled_from([b"text/event-stream", b"text/event-stream", b"*/*", b"\xff"]))
    scope = draw(scopes(accept=accept))
    scope["method"] = "GET"
    back = draw(st.sampled_from(["back", "back", "noise", "key", None]))
    noise = draw(st.binary(max_size=40))
    which, number = draw(SMALL), draw(NUMBERS)

    def make(world: World) -> tuple[Scope, list[Event]]:
        last = None
        if back == "back" and world.reader_ids:
            last = world.reader_ids[which % len(world.reader_ids)].encode()
        elif back == "key":
            last = f"{KEYS[which % 3]}.{number}".encode()
        elif back == "noise":
            last = noise
        if last is not None:
            scope["headers"].append((b"last-event-id", last))
        return scope, [{"type": "http.request", "body": b"", "more_body": False}]

    return make


@st.composite
def preflights(draw: st.DrawFn) -> Action:
    """Draw a preflight."""
    wanted = draw(
        st.sampled_from([b"byway", b"byway, content-type", b"BYWAY,x-forwarded-host,,a b"])
        | st.binary(max_size=30).map(lambda noise: b"byway," + noise)
    )
    scope = draw(scopes(access_control_request_headers=wanted, origin=b"https://app.example"))
    scope["method"] = "OPTIONS"
    return lambda world: (scope, [{"type": "http.request", "body": b"", "more_body": False}])
