"""A page gets from several processes what it gets from one, over each transport, case by case."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.cases import NAMES, Implementation, run_cases
from tests.browser.different import answer
from tests.browser.engines import only
from tests.support.browsers.page import Engine
from tests.support.peers import TRANSPORTS
from tests.support.several import PLACES, Several, serving

TIMEOUT = 100.0
"""Seconds for all cases over one transport."""

OF_ONE_PROCESS = (
    "closes that cross",
    "a Blob sent just before the end arrives",
    "what was sent before close() arrives",
)
"""How cases begin in which a second request asks for what the application keeps in a process."""


@pytest.fixture(scope="module", params=PLACES)
def several(request: pytest.FixtureRequest) -> Iterator[Several]:
    """Serve the pages and their handlers by several processes."""
    with serving(request.param, "tests.apps.browser_app:app") as one:
        yield one


@pytest.mark.timeout(150)
@pytest.mark.parametrize("transport", TRANSPORTS)
@only("chromium")
async def test_each_case(engine: Engine, several: Several, transport: str) -> None:
    run = await run_cases(engine, Implementation(transport, "", transport), several, TIMEOUT)
    wrong = {
        name: run.results.get(name, "was not run")
        for name in NAMES
        if not name.startswith(OF_ONE_PROCESS)
        and run.results.get(name) != answer(engine.name, "byway", name, run.expected[name])
    }
    assert not wrong
