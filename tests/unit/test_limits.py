"""Limits: numbers that cannot work are refused, and so are those of the other side."""

from __future__ import annotations

import inspect
import warnings
from dataclasses import fields, replace
from typing import Any, cast

import pytest

import byway
from byway import ClientLimits, FallbackMiddleware, ServerLimits, UsageError
from byway.limits import Limits, SessionLimits

EACH = [
    (kind, name)
    for kind in (SessionLimits, ServerLimits, ClientLimits)
    for name in vars(kind)
    if name in {field.name for field in fields(kind)}
]
"""Every class, with each limit that it adds."""

URL = "http://app.example/"


async def handler(channel: byway.Channel) -> None:
    """Do nothing."""


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Do nothing."""


@pytest.mark.parametrize(("kind", "name"), EACH)
@pytest.mark.parametrize("value", [0, -1])
def test_a_bound_that_nothing_can_keep_is_refused(
    kind: type[SessionLimits], name: str, value: int
) -> None:
    changed: dict[str, Any] = {name: value}
    with pytest.raises(UsageError, match=f"{kind.__name__}.{name}"):
        replace(kind(), **changed)


@pytest.mark.parametrize(("kind", "name"), EACH)
def test_every_bound_says_what_it_bounds(kind: type[SessionLimits], name: str) -> None:
    text = inspect.getdoc(kind)
    assert text is not None
    assert f"    {name}: " in text


def test_no_side_is_offered_what_does_nothing_there() -> None:
    both = {field.name for field in fields(SessionLimits)}
    server = {field.name for field in fields(ServerLimits)} - both
    client = {field.name for field in fields(ClientLimits)} - both
    assert client == {"request_head"}
    assert not server & client
    for name in ("sessions", "probes", "links", "drain_timeout", "tombstones"):
        assert name in server
        with pytest.raises(TypeError, match=name):
            ClientLimits(**cast(Any, {name: 1}))
    with pytest.raises(TypeError, match="request_head"):
        ServerLimits(**cast(Any, {"request_head": 1}))


@pytest.mark.parametrize("kind", [ServerLimits, ClientLimits])
def test_a_part_fits_into_a_frame(kind: type[SessionLimits]) -> None:
    kind(part=8 * 1024, max_frame=8 * 1024)
    with pytest.raises(UsageError, match="part"):
        kind(part=8 * 1024 + 1, max_frame=8 * 1024)


def test_no_part_is_longer_than_any_client_takes() -> None:
    with pytest.raises(UsageError, match="part"):
        ServerLimits(part=16 * 1024 + 1)
    byway.connect(URL, limits=ClientLimits(max_frame=16 * 1024))
    with pytest.raises(UsageError, match="max_frame must be at least 16384"):
        byway.connect(URL, limits=ClientLimits(part=8192, max_frame=8192))


@pytest.mark.parametrize(
    ("name", "least", "less"),
    [("part", 64, 63), ("heartbeat", 0.1, 0.09), ("silence", 0.1, 0.09), ("window", 0.1, 0.09)],
)
def test_no_server_asks_for_what_no_client_does(name: str, least: Any, less: Any) -> None:
    byway.Endpoint(handler, limits=replace(ServerLimits(), **{name: least}))
    with pytest.raises(UsageError, match=f"{name}.* at least"):
        byway.Endpoint(handler, limits=replace(ServerLimits(), **{name: less}))


@pytest.mark.parametrize("name", ["inbox", "outbox", "probe_message"])
def test_with_too_small_a_box_acknowledgements_would_never_rest(name: str) -> None:
    ServerLimits(**cast(Any, {name: 64}))
    with pytest.raises(UsageError, match="at least 64"):
        ServerLimits(**cast(Any, {name: 63}))


def test_a_body_holds_a_batch_and_the_frame_that_exceeds_it() -> None:
    ClientLimits(body=1_000_000, batch=900_000, max_frame=100_000)
    with pytest.raises(UsageError, match="body"):
        ClientLimits(body=999_999, batch=900_000, max_frame=100_000)


def test_all_bodies_hold_at_least_one() -> None:
    ServerLimits(body=2_000_000, bodies=2_000_000)
    with pytest.raises(UsageError, match="ServerLimits.bodies"):
        ServerLimits(body=2_000_000, bodies=1_999_999)


def test_limits_do_not_change_under_a_session() -> None:
    with pytest.raises(AttributeError):
        ServerLimits().outbox = 1  # type: ignore[misc]


@pytest.mark.parametrize("error", [TypeError, UsageError])
def test_the_other_side_s_limits_are_refused_with_what_to_use(error: type[Exception]) -> None:
    """A `TypeError`, and like all that a caller does wrong a `UsageError`."""
    with pytest.raises(error, match=r"for a server: use byway\.ClientLimits"):
        byway.connect(URL, limits=cast(Any, ServerLimits()))
    with pytest.raises(error, match=r"for connect\(\): use byway\.ServerLimits"):
        byway.Endpoint(handler, limits=cast(Any, ClientLimits()))
    with pytest.raises(error, match=r"for connect\(\): use byway\.ServerLimits"):
        FallbackMiddleware(application, limits=cast(Any, ClientLimits()))
    for wrong in (5, SessionLimits(), ServerLimits):
        with pytest.raises(error, match=r"must be a byway\.ClientLimits, not"):
            byway.connect(URL, limits=cast(Any, wrong))
        with pytest.raises(error, match=r"must be a byway\.ServerLimits, not"):
            byway.Endpoint(handler, limits=cast(Any, wrong))


def test_limits_of_before_work_for_both_and_say_what_to_use() -> None:
    with pytest.warns(DeprecationWarning, match=r"byway\.ServerLimits for .*ClientLimits") as seen:
        both = Limits(window=7.0, request_head=9_000, sessions=5, part=512)
    assert [one.filename for one in seen] == [__file__]
    assert byway.Limits is Limits
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        served = byway.Endpoint(handler, limits=both).limits
        connecting = byway.connect(URL, limits=both)
    assert served == ServerLimits(window=7.0, sessions=5, part=512)
    assert connecting._limits == ClientLimits(window=7.0, request_head=9_000, part=512)
    with pytest.warns(DeprecationWarning, match="byway.ServerLimits"):
        with pytest.raises(UsageError, match="Limits.sessions"):
            Limits(sessions=0)
    names = {field.name for field in fields(ServerLimits)} | {"request_head"}
    assert {field.name for field in fields(Limits)} == names
