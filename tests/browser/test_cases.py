"""Every class that has the WebSocket interface answers every case as the standard demands.

The cases are in cases.js, the differences in different.py. The browsers' own classes are tried as
well: they show what the standard means in practice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.browser.cases import NAMES, Implementation, Run, implementations, run_cases
from tests.browser.different import BYWAY, DIFFERENT, answer
from tests.support.browsers.page import Engine
from tests.support.servers import Server

# What browsers write into the console by themselves about WebSockets that fail.
NATIVE_WORDS = (
    "WebSocket is already in CLOSING or CLOSED state",
    "Firefox can’t establish a connection",
    "was interrupted while the page was loading",
    "Cross-Origin Request Blocked",  # Firefox, of any fetch that fails
)

Runs = Callable[[Engine, Implementation, Server], Run]


@pytest.fixture(scope="session")
def runs() -> Runs:
    """Run the cases of each class in each browser once, whatever comes of it."""
    known: dict[tuple[str, str], Future[Run]] = {}

    def once(engine: Engine, implementation: Implementation, server: Server) -> Run:
        key = (engine.name, implementation.name)
        if key not in known:
            # In a thread, as the event loop of this one is pytest-asyncio's.
            with ThreadPoolExecutor(1) as pool:
                coroutine = run_cases(engine, implementation, server)
                known[key] = pool.submit(asyncio.run, coroutine)
        return known[key].result()

    return once


@pytest.fixture(scope="session", params=implementations(), ids=lambda one: one.name)
def implementation(request: pytest.FixtureRequest) -> Implementation:
    """Give each class in turn."""
    one: Implementation = request.param
    return one


@pytest.fixture
def run(
    request: pytest.FixtureRequest, runs: Runs, engine: Engine, implementation: Implementation
) -> Run:
    """Give what came of a class in a browser."""
    return runs(engine, implementation, request.getfixturevalue(implementation.pages))


@pytest.mark.parametrize("name", NAMES)
def test_case(run: Run, engine: Engine, implementation: Implementation, name: str) -> None:
    wanted = answer(engine.name, implementation.kind, name, run.expected[name])
    assert run.results[name] == wanted


def test_none_is_missing(run: Run) -> None:
    assert list(run.expected) == NAMES
    assert run.results.keys() == run.expected.keys()


def test_the_console_is_left_alone(run: Run) -> None:
    wrong = [one for one in run.complaints if not any(words in one for words in NATIVE_WORDS)]
    assert not wrong


def test_differences_are_of_cases_that_exist() -> None:
    listed = {name for one in (*DIFFERENT.values(), BYWAY) for name in one}
    assert listed <= set(NAMES)


def test_differences_differ(run: Run, engine: Engine, implementation: Implementation) -> None:
    listed = DIFFERENT.get((engine.name, implementation.kind), {})
    assert not [name for name, found in listed.items() if found == run.expected[name]]
