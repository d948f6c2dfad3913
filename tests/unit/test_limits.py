"""Limits: numbers that cannot work are refused."""

from __future__ import annotations

import inspect
from dataclasses import fields, replace
from typing import Any

import pytest

import byway
from byway import Limits, UsageError

NAMES = [field.name for field in fields(Limits)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [0, -1])
def test_a_bound_that_nothing_can_keep_is_refused(name: str, value: int) -> None:
    changed: dict[str, Any] = {name: value}
    with pytest.raises(UsageError, match=name):
        replace(Limits(), **changed)


@pytest.mark.parametrize("name", NAMES)
def test_every_bound_says_what_it_bounds(name: str) -> None:
    text = inspect.getdoc(Limits)
    assert text is not None
    assert f"    {name}: " in text


def test_a_part_fits_into_a_frame() -> None:
    Limits(part=8 * 1024, max_frame=8 * 1024)
    with pytest.raises(UsageError, match="part"):
        Limits(part=8 * 1024 + 1, max_frame=8 * 1024)


def test_no_part_is_longer_than_any_client_takes() -> None:
    with pytest.raises(UsageError, match="part"):
        Limits(part=16 * 1024 + 1)
    byway.connect("http://app.example/", limits=Limits(max_frame=16 * 1024))
    with pytest.raises(UsageError, match="max_frame must be at least 16384"):
        byway.connect("http://app.example/", limits=Limits(part=8192, max_frame=8192))


@pytest.mark.parametrize(
    ("name", "least", "less"),
    [("part", 64, 63), ("heartbeat", 0.1, 0.09), ("silence", 0.1, 0.09), ("window", 0.1, 0.09)],
)
def test_no_server_asks_for_what_no_client_does(name: str, least: Any, less: Any) -> None:
    async def handler(channel: byway.Channel) -> None:
        pass

    byway.Endpoint(handler, limits=replace(Limits(), **{name: least}))
    with pytest.raises(UsageError, match=f"{name}.* at least"):
        byway.Endpoint(handler, limits=replace(Limits(), **{name: less}))


@pytest.mark.parametrize("name", ["inbox", "outbox"])
def test_with_too_small_a_box_acknowledgements_would_never_rest(name: str) -> None:
    Limits(**{name: 64})
    with pytest.raises(UsageError, match="at least 64"):
        Limits(**{name: 63})


def test_a_body_holds_a_batch_and_the_frame_that_exceeds_it() -> None:
    Limits(body=1_000_000, batch=900_000, max_frame=100_000)
    with pytest.raises(UsageError, match="body"):
        Limits(body=999_999, batch=900_000, max_frame=100_000)


def test_limits_do_not_change_under_a_session() -> None:
    with pytest.raises(AttributeError):
        Limits().outbox = 1  # type: ignore[misc]
