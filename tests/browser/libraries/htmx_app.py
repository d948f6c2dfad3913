"""The htmx example, with what it loads from elsewhere taken from the npm packages.

Knows: how the example names those files.
Must not know: anything else of it.
"""

from __future__ import annotations

import re

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route

from examples import htmx_chat
from tests.browser.libraries.site import scripts

CDN = re.compile(r"https://cdn\.jsdelivr\.net/npm/([\w.-]+)@([\d.]+)")

WATCH = '</script>\n<script type="module" src="/watch.js"></script>'


async def page(request: Request) -> Response:
    """Show the example's page, with watch.js after its first script, which is byway's."""
    text = CDN.sub(r"/npm/\1", htmx_chat.PAGE)
    return HTMLResponse(text.replace("</script>", WATCH, 1))


app = Starlette(routes=[Route("/", page), *scripts(), Mount("/", htmx_chat.app)])
