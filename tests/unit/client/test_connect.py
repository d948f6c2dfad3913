"""connect(): arguments that are of another type are named before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest

import byway
from byway.errors import UsageError


async def _later(name: str) -> None:
    raise AssertionError(name)


class _Later:
    async def __call__(self, name: str) -> None:
        raise AssertionError(name)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"open_timeout": float("nan")}, "open_timeout must be more than 0"),
        ({"open_timeout": 0}, "open_timeout must be more than 0"),
        ({"open_timeout": 10**400}, "open_timeout is too large"),
        ({"open_timeout": "3"}, "open_timeout must be a number of seconds, not '3'"),
        ({"open_timeout": None}, "open_timeout must be a number"),
        ({"close_timeout": -1}, "close_timeout must be more than 0"),
        ({"close_timeout": True}, "close_timeout must be a number"),
        ({"on_transport": 5}, "on_transport must be a function, not 5"),
        ({"on_transport": _later}, "on_transport must be a plain function"),
        ({"on_transport": _Later()}, "on_transport must be a plain function"),
        ({"subprotocols": 5}, "subprotocols must be a list"),
        ({"subprotocols": [5]}, "subprotocol 5 is not a token"),
        ({"limits": 5}, "byway.ClientLimits, not 5"),
        ({"transports": 5}, "list of names"),
    ],
)
def test_an_argument_of_another_type_is_named(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        byway.connect("http://app.example/", **arguments)


def test_what_can_be_called_is_taken() -> None:
    seen: list[str] = []
    byway.connect("http://app.example/", on_transport=seen.append, open_timeout=1, close_timeout=1)
