"""The site of the demonstration: the page, the module that it imports, and its socket.

Knows: ASGI, the files in `page/`, which headers keep a page to itself.
Must not know: the network before it, what the controls do.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

import byway.browser
from byway import Endpoint
from byway.demo.conversation import converse

Scope = dict[str, Any]

SOCKET: Final = "/socket"
MODULE: Final = "/byway/byway.js"
SETTINGS: Final = "/settings.json"

TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """What the page has to know.

    Attributes:
        port: where browsers reach the page.
        controls: the URL of the controls.
        token: what a request to them has to bring.
        transports: those that the page may use.
    """

    port: int
    controls: str
    token: str
    transports: tuple[str, ...]

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names by which a browser may ask for the page."""
        return (f"127.0.0.1:{self.port}", f"localhost:{self.port}")

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins that the page may have."""
        return tuple(f"http://{one}" for one in self.hosts)


class Site:
    """An ASGI application."""

    def __init__(self, settings: Settings) -> None:
        """Read the files."""
        self._hosts = settings.hosts
        self._endpoint = Endpoint(converse, transports=settings.transports, readers=False)
        self._files = {f"/{name}": file for name, file in _files()}
        self._files["/"] = self._files.pop("/index.html")
        said = {
            "controls": settings.controls,
            "token": settings.token,
            "transports": settings.transports,
        }
        self._files[SETTINGS] = (json.dumps(said).encode(), "application/json")
        self._headers = [
            (b"content-security-policy", _policy(settings).encode()),
            (b"cache-control", b"no-store"),  # the next run's settings are others
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"cross-origin-resource-policy", b"same-origin"),
            (b"referrer-policy", b"no-referrer"),
            (b"x-content-type-options", b"nosniff"),
        ]

    @property
    def paths(self) -> Iterable[str]:
        """The paths of all that the page loads."""
        return (*self._files, MODULE)

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Serve one ASGI call."""
        if scope["type"] == "lifespan":
            await self._endpoint(scope, receive, send)
            return
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        if host not in self._hosts and scope["type"] == "http":
            # A site whose name was pointed here, to read the token in its own name.
            await _answer(send, 421, [], b"this page has another address\n", "text/plain")
        elif scope["path"] == SOCKET:
            await self._endpoint(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close"})
        elif scope["path"] == MODULE:
            await byway.browser.app(scope, receive, send)
        elif scope["method"] not in ("GET", "HEAD"):
            await _answer(send, 405, [], b"this can only be read\n", "text/plain")
        elif (file := self._files.get(scope["path"])) is not None:
            await _answer(send, 200, self._headers, *file)
        else:
            await _answer(send, 404, self._headers, b"there is no such page\n", "text/plain")


def _files() -> Iterable[tuple[str, tuple[bytes, str]]]:
    for one in files("byway.demo").joinpath("page").iterdir():
        kind = TYPES.get("." + one.name.rpartition(".")[2])
        if kind is not None:
            yield one.name, (one.read_bytes(), kind)


def _policy(settings: Settings) -> str:
    """Return what the page may load and connect to: its own origin, and the controls."""
    # 'self' is said to cover ws: in CSP 3, and did not in browsers of a few years ago.
    sockets = " ".join(f"ws://{one}" for one in settings.hosts)
    return (
        f"default-src 'self'; connect-src 'self' {sockets} {settings.controls}; "
        "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


async def _answer(
    send: Any, status: int, headers: list[tuple[bytes, bytes]], body: bytes, kind: str
) -> None:
    # To a HEAD too the whole body is given: the server drops it.
    own = [(b"content-type", kind.encode()), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *own]})
    await send({"type": "http.response.body", "body": body})
