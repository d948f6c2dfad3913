"""An endpoint that writes down who reaches it, and pages of its own.

Knows: which calls came to `/echo`, and which runs of the handler came of them.
Must not know: who is a foreign page.
"""

from __future__ import annotations

from typing import Any, Final, cast

from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse

from byway import Channel, Endpoint
from byway.server.endpoint import ServerChannel
from byway.transports.base import Receive, Scope, Send
from tests.apps.browser_app import plain as pages

runs: Final[list[dict[str, str]]] = []
"""What each run of the handler saw: `origin` and `cookie`."""

calls: Final[list[dict[str, str]]] = []
"""What came to the endpoint: `kind`, `origin`, `site` and `byway`."""


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}


async def handler(channel: Channel) -> None:
    """Write down who asks, and send back what comes."""
    headers = _headers(cast(ServerChannel, channel).scope)
    runs.append({name: headers.get(name, "") for name in ("origin", "cookie")})
    await channel.accept()
    async for message in channel:
        await channel.send(message)


_endpoint = Endpoint(handler)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve the endpoint at `/echo`, what it has seen at `/seen`, redirects, and pages."""
    if scope["type"] == "lifespan" or scope["path"] == "/echo":
        if scope["type"] != "lifespan":
            _note(scope)
        await _endpoint(scope, receive, send)
    elif scope["path"] == "/seen":
        seen: dict[str, Any] = {"runs": runs, "calls": calls}
        await JSONResponse(seen)(scope, receive, send)
    elif scope["path"] == "/redirect":
        target = Request(scope).query_params["to"]
        await RedirectResponse(target, 307)(scope, receive, send)
    else:
        await pages(scope, receive, send)


def _note(scope: Scope) -> None:
    headers = _headers(scope)
    kind = scope.get("method", "WebSocket")
    calls.append(
        {
            "kind": kind,
            "origin": headers.get("origin", ""),
            "site": headers.get("sec-fetch-site", ""),
            "byway": headers.get("byway", ""),
        }
    )


generous = CORSMiddleware(app, allow_origins=["*"], allow_headers=["*"])
"""Behind a CORS layer that lets every page read, without their cookies."""

most_generous = CORSMiddleware(app, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"])
