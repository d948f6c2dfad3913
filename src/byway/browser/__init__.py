"""The browser's half: serves the module with `BywaySocket` to pages.

Knows: the files that pages load, and how HTTP caches them.
Must not know: sessions, transports, what the files do.

Mount `app` where you like; the last part of a path names the file::

    routes = [Mount("/byway", byway.browser.app), ...]

and let a page have `tag("/byway")`, or write yourself::

    <script type="module">
      import { BywaySocket } from "/byway/byway.min.js";
    </script>

A page without modules has `tag("/byway", name="byway.global.js")`, and finds the class as
`byway.BywaySocket`.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any, Final

from byway.errors import UsageError
from byway.transports.base import Headers, Receive, Scope, Send

__all__ = ["FILES", "app", "integrity", "read", "tag", "version"]

FILES: Final = ("byway.js", "byway.min.js", "byway.global.js")
"""What is served: the module to read, the same made small, and a classic script for old pages."""

FOREVER: Final = 365 * 86_400
"""Seconds for which a file is kept whose address says its version."""


def read(name: str = "byway.min.js") -> bytes:
    """Return a file's bytes.

    Raises:
        UsageError: there is none of this name.
    """
    return _file(name).data


def integrity(name: str = "byway.min.js") -> str:
    """Return what a page puts into `integrity` (W3C Subresource Integrity).

    Raises:
        UsageError: there is no file of this name.
    """
    return _file(name).integrity


def version(name: str = "byway.min.js") -> str:
    """Return what changes when the file does. As `?v=` in its address it makes that cacheable.

    Raises:
        UsageError: there is no file of this name.
    """
    return _file(name).version


def tag(mount: str = "/byway", *, install: bool = False, name: str = "byway.min.js") -> str:
    """Return the element that loads a file, with its version and integrity.

    `byway.global.js` is a classic script, which sets `byway.BywaySocket`; the others are modules.

    Args:
        mount: the URL or path where `app` is mounted, without a slash at its end.
        install: put `BywaySocket` in the place of `WebSocket`, so that scripts which stand
            behind the element use it unchanged; behind a module, as modules or deferred.
        name: the file.

    Raises:
        UsageError: there is no file of this name.
    """
    kind = "" if name == "byway.global.js" else 'type="module" '
    address = f"{mount}/{name}?v={version(name)}{'&install' if install else ''}"
    return (
        f'<script {kind}src="{escape(address)}" integrity="{integrity(name)}" '
        'crossorigin="anonymous"></script>'
    )


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve the files, as an ASGI application.

    An address with `?v=` and the file's version may be kept for ever; without it, caches ask
    each time whether the file has changed. Pages of any origin may load it: it holds no secret.
    """
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["type"] != "http":
        await send({"type": "websocket.close", "code": 1000})
        return
    name = scope["path"].rpartition("/")[2]
    if name not in FILES:
        await _answer(send, 404, [], b"there is no such file\n")
    elif scope["method"] not in ("GET", "HEAD"):
        await _answer(send, 405, [(b"allow", b"GET, HEAD")], b"a file can only be read\n")
    else:
        await _serve(scope, send, _file(name))


@dataclass(frozen=True, slots=True)
class _File:
    """One file, and what is said of it."""

    data: bytes
    packed: bytes
    integrity: str
    version: str


@cache
def _file(name: str) -> _File:
    if name not in FILES:
        raise UsageError(f"there is no {name!r}: use one of {', '.join(FILES)}")
    data = files(__name__).joinpath(name).read_bytes()
    digest = hashlib.sha384(data)
    return _File(
        data=data,
        packed=gzip.compress(data, 9, mtime=0),
        integrity=f"sha384-{base64.b64encode(digest.digest()).decode()}",
        version=digest.hexdigest()[:12],
    )


async def _serve(scope: Scope, send: Send, file: _File) -> None:
    asked = dict(scope["headers"])
    fixed = scope.get("query_string", b"").split(b"&")[0] == b"v=" + file.version.encode()
    packed = _takes_gzip(asked.get(b"accept-encoding", b""))
    # The two forms are two representations: a cache must not answer one by the other's tag.
    tag = f'"{file.version}{"-gzip" if packed else ""}"'.encode()
    headers: Headers = [
        (b"etag", tag),
        (b"vary", b"Accept-Encoding"),
        (b"cache-control", b"public, max-age=%d, immutable" % FOREVER if fixed else b"no-cache"),
        (b"access-control-allow-origin", b"*"),  # modules are always fetched with CORS
        (b"cross-origin-resource-policy", b"cross-origin"),
        (b"x-content-type-options", b"nosniff"),
    ]
    # The comparison is the weak one (RFC 9110, section 13.1.2): proxies weaken tags.
    known = asked.get(b"if-none-match", b"").split(b",")
    if tag in (one.strip().removeprefix(b"W/") for one in known):
        await _answer(send, 304, headers, None)
        return
    headers.append((b"content-type", b"text/javascript; charset=utf-8"))
    if packed:
        headers.append((b"content-encoding", b"gzip"))
    body = file.packed if packed else file.data
    await _answer(send, 200, headers, body, head=scope["method"] == "HEAD")


def _takes_gzip(accept: bytes) -> bool:
    """Say whether a client takes gzip (RFC 9110, section 12.5.3)."""
    for one in accept.lower().split(b","):
        coding, _, weight = one.partition(b";")
        if coding.strip() == b"gzip":
            return weight.replace(b" ", b"") not in (b"q=0", b"q=0.0", b"q=0.00", b"q=0.000")
    return False


async def _answer(
    send: Send, status: int, headers: Headers, body: bytes | None, *, head: bool = False
) -> None:
    extra: Headers = []
    if body is not None:
        extra.append((b"content-length", b"%d" % len(body)))
        if status != 200:
            extra.append((b"content-type", b"text/plain; charset=utf-8"))
    start: dict[str, Any] = {
        "type": "http.response.start",
        "status": status,
        "headers": [*headers, *extra],
    }
    await send(start)
    await send({"type": "http.response.body", "body": b"" if head else body or b""})
