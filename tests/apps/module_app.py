"""A page that loads byway's module as the documentation says, under a strict policy.

It does not connect with byway by name: it uses `WebSocket`, in whose place `install` puts it.
"""

from __future__ import annotations

import logging

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute

import byway.browser
from byway import FallbackMiddleware
from tests.apps.browser_app import echo

logger = logging.getLogger("tests.app")

POLICY = "default-src 'self'; script-src 'self'; img-src data:; connect-src 'self' ws:"

WORDS = """
const socket = new WebSocket("/echo")
const tell = (word) => fetch(`/tell?word=${"transport" in socket ? "byway" : "native"}-${word}`)
socket.onopen = () => socket.send("hello")
socket.onmessage = ({ data }) => tell(data)
"""


async def page(request: Request) -> Response:
    """Answer with a page that loads a file of the module and then says what it found."""
    tag = byway.browser.tag("/byway", install=True, name=request.query_params["name"])
    text = f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>module</title>
<link rel="icon" href="data:,">{tag}<script type="module" src="/words.js"></script>"""
    return HTMLResponse(text, headers={"content-security-policy": POLICY})


async def words(request: Request) -> Response:
    """Answer with what the page does."""
    return Response(WORDS, media_type="text/javascript")


async def tell(request: Request) -> Response:
    """Log a word, so that a test can see it: a page under such a policy evaluates nothing."""
    logger.info("told %s by %s", request.query_params["word"], request.headers["user-agent"])
    return Response()


_routes = Starlette(
    routes=[
        Route("/", page),
        Route("/words.js", words),
        Route("/tell", tell),
        Mount("/byway", byway.browser.app),
        WebSocketRoute("/echo", echo),
    ]
)
app = FallbackMiddleware(_routes)
