"""Preference: which transports one side is willing to use."""

from __future__ import annotations

from typing import Any

import pytest

import byway
from byway.errors import UsageError
from byway.negotiation import DEFAULT_ORDER, Preference
from byway.negotiation.preference import PATIENCE
from byway.transports import REGISTRY


def test_by_default_all_transports_are_tried_the_most_capable_first() -> None:
    assert Preference.of(None).order == ("websocket", "stream", "sse", "poll") == DEFAULT_ORDER


def test_every_transport_is_known_by_its_own_name() -> None:
    assert {name: one.name for name, one in REGISTRY.items()} == {name: name for name in REGISTRY}


def test_the_caller_s_order_is_kept() -> None:
    assert Preference.of(iter(["poll", "websocket"])).order == ("poll", "websocket")
    preference = Preference(("sse",), promotion_interval=5)
    assert Preference.of(preference) is preference


def test_a_text_holds_names_and_their_settings() -> None:
    preference = Preference.of("websocket, stream; patience=0.5 ,poll;patience = 2")
    assert preference.order == ("websocket", "stream", "poll")
    assert [preference.patience_with(name) for name in preference.order] == [PATIENCE, 0.5, 2]


def test_the_environment_is_asked_where_the_caller_names_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("BYWAY_TRANSPORTS", raising=False)
    assert Preference.from_environment() == Preference()
    monkeypatch.setenv("BYWAY_TRANSPORTS", " ")
    assert Preference.from_environment() == Preference()
    monkeypatch.setenv("BYWAY_TRANSPORTS", "sse,poll")
    assert Preference.from_environment().order == ("sse", "poll")
    monkeypatch.setenv("BYWAY_TRANSPORTS", "pigeon")
    with pytest.raises(UsageError, match="BYWAY_TRANSPORTS: unknown transport 'pigeon'"):
        byway.connect("http://app.example/")
    byway.connect("http://app.example/", transports=["poll"])  # the caller's word is enough


@pytest.mark.parametrize(
    ("transports", "words"),
    [
        ([], "name at least one"),
        ("", "unknown transport ''"),
        ("poll,", "unknown transport ''"),
        (["pigeon"], "unknown transport 'pigeon': use websocket"),
        (["poll", "sse", "poll"], "'poll' is named twice"),
        ("poll; speed=3", "unknown setting 'speed=3' of transport 'poll'"),
        ("poll; patience", "unknown setting 'patience' of transport 'poll'"),
        ("sse, poll; patience=soon", "patience of 'poll' must be a number of seconds, not 'soon'"),
        ("poll; patience=-1", "patience of 'poll' must be 0 or more"),
        ("sse;patience=1;patience=2", "patience of 'sse' is given twice"),
        (5, "list of names, not 5"),
        (True, "list of names, not True"),
        (b"sse", "list of names, not b'sse'"),
        ([["sse"]], r"unknown transport \['sse'\]"),
        ([5], "unknown transport 5"),
        ("poll; patience=nan", "patience of 'poll' must be 0 or more"),
    ],
)
def test_a_mistake_is_named(transports: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Preference.of(transports)


def test_a_preference_made_by_hand_is_checked_too() -> None:
    with pytest.raises(UsageError, match="unknown transport 'pigeon'"):
        Preference(patience={"pigeon": 1})
    with pytest.raises(UsageError, match="promotion_interval"):
        Preference(promotion_interval=0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"order": "sse"}, "list of names, not 'sse'"),
        ({"order": None}, "list of names, not None"),
        ({"patience": None}, "patience is a dict"),
        ({"patience": 1}, "patience is a dict"),
        ({"patience": {"sse": "a"}}, "patience of 'sse'"),
        ({"patience": {"sse": True}}, "patience of 'sse'"),
        ({"patience": {"sse": 10**400}}, "patience of 'sse'"),
        ({"patience": {5: 1}}, "unknown transport 5"),
        ({"promotion_interval": "3"}, "promotion_interval"),
        ({"promotion_interval": None}, "promotion_interval"),
    ],
)
def test_a_part_of_another_type_is_named(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Preference(**arguments)
