"""The matrix: every ASGI server, every framework, each feature over each transport.

`make server-matrix` runs it and writes its tables into docs/reference.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path

import pytest

from tests.matrix.expected import judge
from tests.matrix.pages import write_pages
from tests.matrix.rows import ROWS, Row
from tests.matrix.running import Outcome, run
from tests.support.tls import Authority

SIDE_BY_SIDE = 3
"""How many rows run at a time: most of a row is waiting, for starts, stops and pauses."""

WRITES = os.environ.get("BYWAY_WRITE_MATRIX") == "1"

Outcomes = dict[Row, "Future[Outcome]"]


def run_all(outcomes: Outcomes, folder: Path) -> None:
    """Run rows, several at a time, in an event loop of its own."""
    authority = Authority(folder)

    async def all_of() -> None:
        slots = asyncio.Semaphore(SIDE_BY_SIDE)

        async def one(row: Row, future: Future[Outcome]) -> None:
            async with slots:
                try:
                    future.set_result(await run(row, authority))
                except BaseException as error:
                    future.set_exception(error)

        await asyncio.gather(*(one(row, future) for row, future in outcomes.items()))

    asyncio.run(all_of())


def wanted(items: Sequence[pytest.Item]) -> list[Row]:
    """Return the rows of the tests that were chosen."""
    names = {one.name for one in items if one.path == Path(__file__)}
    return [one for one in ROWS if f"test_row[{one.name}]" in names]


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Outcomes]:
    """Run the rows beside the tests, each of which waits for its own."""
    futures: Outcomes = {row: Future() for row in wanted(request.session.items)}
    folder = tmp_path_factory.mktemp("authority")
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.lower().endswith("_proxy"):
                patch.delenv(name)
        patch.setenv("BYWAY_HTTP2", "1")  # where the server offers it, over TLS
        runner = threading.Thread(target=run_all, args=(futures, folder))
        runner.start()
        yield futures
        runner.join()
    if WRITES:
        done = {row: one.result() for row, one in futures.items() if one.exception() is None}
        write_pages(done)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ROWS])
def test_row(row: Row, outcomes: Outcomes) -> None:
    """Everything works over each transport, but for what `expected.py` says."""
    problems = judge(row, outcomes[row].result())
    assert not problems, "\n".join(problems)
