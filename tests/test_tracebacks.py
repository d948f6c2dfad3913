"""What the log of a server tells of exceptions."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from tests.support.process import Program
from tests.support.servers import STREAMS, Server

TRACE = ["Traceback (most recent call last):", '  File "x.py", line 1, in f', "    f()"]
CANCELLED = "asyncio.exceptions.CancelledError"


def raised(*lines: str) -> list[str]:
    """Return what a server has raised that logged these lines."""
    program = cast(Program, SimpleNamespace(log=SimpleNamespace(lines=lines)))
    return Server(program, 1).tracebacks()


def test_what_was_raised_is_the_last_line() -> None:
    assert raised(*TRACE, "KeyError: 1", "INFO more", *TRACE, CANCELLED) == [
        "KeyError: 1",
        CANCELLED,
    ]


def test_what_asyncio_says_of_a_cancelled_task_is_passed_over() -> None:
    first = f"{STREAMS}.<locals>.callback(<Task cancelled>)"
    assert raised(first, "handle: x", *TRACE, CANCELLED, *TRACE, "KeyError: 2") == ["KeyError: 2"]


def test_another_exception_of_such_a_task_is_not() -> None:
    assert raised(STREAMS, *TRACE, "KeyError: 3", *TRACE, CANCELLED) == ["KeyError: 3", CANCELLED]
