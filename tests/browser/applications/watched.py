"""The applications of examples/applications, with watch.js behind the script that is byway's.

Knows: how their pages load byway.js.
Must not know: anything else of them, and nothing that their environment does not have.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final

WATCH: Final = Path(__file__).parent.parent / "libraries" / "watch.js"

_SCRIPT: Final = re.compile(rb"<script [^>]*/byway/byway\.js\?install[^>]*></script>")

Call = Callable[..., Awaitable[None]]


class Watched:
    """An application whose page has one more script."""

    def __init__(self, app: Call) -> None:
        """Stand before an application."""
        self._app = app

    async def __call__(self, scope: dict[str, Any], receive: Call, send: Call) -> None:
        """Serve watch.js, change the page, and let everything else through."""
        if scope["type"] != "http" or scope["path"] not in ("/", "/watch.js"):
            await self._app(scope, receive, send)
        elif scope["path"] == "/watch.js":
            await _respond(send, b"text/javascript", WATCH.read_bytes())
        elif scope["method"] != "GET":
            await self._app(scope, receive, send)
        else:
            headers = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]
            await self._app({**scope, "headers": headers}, receive, _Changing(send))


class _Changing:
    """Sends a page on when it is complete, with the script."""

    def __init__(self, send: Call) -> None:
        self._send = send
        self._start: dict[str, Any] = {}
        self._body = bytearray()

    async def __call__(self, event: dict[str, Any]) -> None:
        if event["type"] == "http.response.start":
            self._start = event
            return
        self._body += event.get("body", b"")
        if event.get("more_body", False):
            return
        page, found = _SCRIPT.subn(
            rb'\g<0><script type="module" src="/watch.js"></script>', bytes(self._body)
        )
        assert found == 1, f"the page has {found} scripts of byway"
        headers = [pair for pair in self._start["headers"] if pair[0] != b"content-length"]
        headers.append((b"content-length", str(len(page)).encode()))
        await self._send({**self._start, "headers": headers})
        await self._send({"type": "http.response.body", "body": page})


async def _respond(send: Call, kind: bytes, body: bytes) -> None:
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def __getattr__(name: str) -> Watched:
    """Return an application by its name: `nicegui`, `shiny` or `marimo`."""
    if name.startswith("_"):
        raise AttributeError(name)
    return Watched(import_module(f"examples.applications.{name}_counter").app)
