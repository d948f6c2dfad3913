"""Which backplane is meant by what was given, and who shares it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from byway import Endpoint, FallbackMiddleware
from byway.backplane import NoBackplane
from byway.backplane.choice import VARIABLE, choose, resolve
from byway.backplane.workers import WorkersBackplane
from byway.channel import Channel
from byway.errors import UsageError
from byway.limits import ServerLimits
from byway.server.loop_endpoints import endpoints_of_loop, name_of
from tests.unit.clock import timed


async def handler(channel: Channel) -> None:
    """Do nothing."""


def test_one_process_that_was_started_by_no_server_with_workers_has_none() -> None:
    assert isinstance(choose(resolve(None), "me", ServerLimits()), NoBackplane)


@pytest.mark.parametrize("said", ["off", "none", "OFF"])
def test_the_environment_turns_it_off(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv(VARIABLE, said)
    assert resolve(None) is False
    assert isinstance(choose(resolve(None), "me", ServerLimits()), NoBackplane)


def test_what_is_given_goes_before_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(VARIABLE, "off")
    one = choose(resolve(f"unix:{tmp_path}"), "me", ServerLimits())
    assert isinstance(one, WorkersBackplane)
    assert one.name == "me"


@pytest.mark.parametrize("wrong", ["unix:", "redis.example", "http://u:secret@host", 7, True, []])
def test_what_cannot_be_meant_is_refused_and_never_repeated(wrong: Any) -> None:
    with pytest.raises(UsageError, match="backplane must be unix:DIR") as caught:
        Endpoint(handler, backplane=wrong)
    assert "secret" not in str(caught.value)


def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "nonsense")
    with pytest.raises(UsageError, match=VARIABLE):
        Endpoint(handler)


@timed
async def test_all_endpoints_of_a_loop_share_one_of_each_kind() -> None:
    made: list[str] = []

    def make(name: str) -> NoBackplane:
        made.append(name)
        return NoBackplane(name)

    limits = ServerLimits()
    assert endpoints_of_loop(make, limits) is endpoints_of_loop(make, limits)
    assert endpoints_of_loop(False, limits) is endpoints_of_loop(False, limits)
    assert endpoints_of_loop(make, limits) is not endpoints_of_loop(False, limits)
    assert made == [endpoints_of_loop(make, limits).backplane.name]


def test_an_application_is_called_by_its_function_or_its_class() -> None:
    class App:
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            pass

    async def app(scope: Any, receive: Any, send: Any) -> None:
        pass

    assert name_of(Endpoint(handler).app).endswith(".handler")
    assert name_of(app).endswith(".app")
    assert name_of(App()).endswith(".App")


@timed
async def test_a_call_of_a_kind_that_is_none_of_ours_is_passed_on_as_it_is() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)

    scope = {"type": "an extension's"}
    await FallbackMiddleware(app)(scope, None, None)  # type: ignore[arg-type]
    assert seen == [scope]
