"""Preference: which transports one side is willing to use."""

from __future__ import annotations

import pytest

from byway.errors import UsageError
from byway.negotiation import DEFAULT_ORDER, Preference
from byway.transports import REGISTRY


def test_by_default_all_transports_are_tried_the_most_capable_first() -> None:
    assert Preference.of(None).order == ("websocket", "stream", "sse", "poll") == DEFAULT_ORDER


def test_every_transport_is_known_by_its_own_name() -> None:
    assert {name: one.name for name, one in REGISTRY.items()} == {name: name for name in REGISTRY}


def test_the_caller_s_order_is_kept() -> None:
    assert Preference.of(iter(["poll", "websocket"])).order == ("poll", "websocket")


@pytest.mark.parametrize(
    ("transports", "words"),
    [
        ("poll", "write \\['poll'\\]"),
        ([], "empty"),
        (["pigeon"], "unknown transport 'pigeon': use websocket"),
        (["poll", "sse", "poll"], "'poll' is named twice"),
    ],
)
def test_a_mistake_is_named(transports: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Preference.of(transports)
