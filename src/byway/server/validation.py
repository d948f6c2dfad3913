"""Validation: what can be served, and where, checked before anybody connects.

Knows: the form of an ASGI 3 application, and what the server runs on.
Must not know: sessions, requests.
"""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

from byway.errors import UsageError

NO_LOOP = (
    "byway needs asyncio, and this server runs the application on another library: set"
    ' worker_class = "asyncio" or "uvloop" (hypercorn --worker-class asyncio)'
)
"""Why nothing is served on trio."""


def check_application(app: Any) -> None:
    """Refuse what no server could call as an ASGI 3 application.

    Unlike asgiref's rule, which asks for a coroutine function, this takes any callable of three
    arguments: partials, wrappers, and classes whose instances can be awaited.

    Raises:
        UsageError: it is no callable, an application of ASGI 2, or a class.
    """
    if isinstance(app, str):
        raise UsageError(f"app is the text {app!r}: import the application, and pass the object")
    if not callable(app):
        raise UsageError(f"app must be an ASGI application, not {_type(app)}")
    try:
        signature = inspect.signature(app)
    except (TypeError, ValueError):
        return  # of a callable that is not written in Python
    if not _takes(signature, 3):
        if _takes(signature, 1):
            raise UsageError(
                "app is an ASGI 2 application, a callable of `scope` alone: wrap it first with"
                " asgiref.compatibility.guarantee_single_callable"
            )
        raise UsageError(f"app must take scope, receive and send; it takes {signature}")
    if inspect.isclass(app) and not hasattr(app, "__await__"):
        raise UsageError(f"app is the class {app.__name__}: pass an instance of it")


def check_handler(handler: Any) -> None:
    """Refuse what cannot be called with a channel.

    Raises:
        UsageError: it is no callable.
    """
    if not callable(handler):
        raise UsageError(f"handler must be a callable that takes a Channel, not {_type(handler)}")


def check_loop() -> None:
    """Refuse a server without an asyncio event loop, such as Hypercorn's trio worker.

    Raises:
        UsageError: this does not run in one.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise UsageError(NO_LOOP) from None


def _takes(signature: inspect.Signature, count: int) -> bool:
    try:
        signature.bind(*[None] * count)
    except TypeError:
        return False
    return True


def _type(thing: object) -> str:
    return "None" if thing is None else f"an instance of {type(thing).__name__}"
