"""What can be served: applications of ASGI 3 in every form, and nothing else."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Generator
from typing import Any, cast

import pytest
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint

from byway import Endpoint, FallbackMiddleware, UsageError
from byway.transports.base import Receive, Scope, Send


async def function(scope: Scope, receive: Receive, send: Send) -> None:
    """Do nothing."""


def plain(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
    """Give the coroutine of another application."""
    return function(scope, receive, send)


async def named(*, scope: Scope, receive: Receive, send: Send) -> None:
    """Take no argument by its place, as servers give them."""


async def with_more(scope: Scope, receive: Receive, send: Send, more: int) -> None:
    """Take one too many."""


class Two:
    """An application of ASGI 2."""

    def __init__(self, scope: Scope) -> None:
        """Keep the scope."""

    async def __call__(self, receive: Receive, send: Send) -> None:
        """Do nothing."""


class Awaited:
    """A class whose instances are awaited, as Starlette's endpoints are."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Keep what it is given."""

    def __await__(self) -> Generator[Any, None, None]:
        """Do nothing."""
        yield


def two(scope: Scope) -> Any:
    """Be an application of ASGI 2."""


@pytest.mark.parametrize(
    "app",
    [
        function,
        plain,
        functools.partial(with_more, more=1),
        Starlette(),
        HTTPEndpoint,
        Awaited,
        lambda *arguments: function(*arguments),
    ],
    ids=["function", "plain", "partial", "object", "endpoint", "awaited", "lambda"],
)
def test_whatever_a_server_can_call_is_taken(app: Any) -> None:
    FallbackMiddleware(app)


@pytest.mark.parametrize(
    ("app", "why"),
    [
        ("main:app", "the text 'main:app': import the application"),
        (None, "not None"),
        (7, "not an instance of int"),
        ({}, "not an instance of dict"),
        (Two, "an ASGI 2 application.*guarantee_single_callable"),
        (two, "an ASGI 2 application.*guarantee_single_callable"),
        (Starlette, "the class Starlette: pass an instance"),
        (named, r"must take scope, receive and send; it takes \(\*, scope"),
        (with_more, "must take scope, receive and send"),
        (lambda: None, "must take scope, receive and send"),
    ],
    ids=[
        "text",
        "nothing",
        "number",
        "mapping",
        "class2",
        "function2",
        "class",
        "named",
        "four",
        "none",
    ],
)
def test_anything_else_is_refused_with_what_to_do(app: object, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        FallbackMiddleware(cast(Any, app))


@pytest.mark.parametrize("handler", ["main:handler", None, {}], ids=["text", "nothing", "mapping"])
def test_a_handler_is_a_callable(handler: object) -> None:
    with pytest.raises(UsageError, match="handler must be a callable that takes a Channel"):
        Endpoint(cast(Any, handler))
