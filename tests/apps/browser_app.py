"""Pages for real browsers, and the WebSockets that they connect to.

Knows: what a WebSocket server may do to a page.
Must not know: which class the page connects with.
"""

from __future__ import annotations

import asyncio
import json
import logging
from base64 import b64decode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from byway import FallbackMiddleware

logger = logging.getLogger("tests.app")

ROOT: Final = Path(__file__).resolve().parents[2]

CLIENT: Final = ROOT / "browser" / "byway.js"
"""What pages import as `/byway.js`, as soon as it exists."""

CASES: Final = ROOT / "tests" / "browser" / "cases.js"
"""What pages import as `/cases.js`."""

# Without an icon of its own a browser asks for /favicon.ico.
EMPTY: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,"><title>empty</title>
"""

LARGE: Final = 1024 * 1024
"""Bytes, or characters, of a large message."""


@dataclass
class Kept:
    """What a client has sent, and whether it has left."""

    messages: list[str] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


_kept: dict[str, Kept] = {}
_crossing: dict[str, WebSocket] = {}


async def empty(request: Request) -> Response:
    """Answer with a page that imports nothing."""
    return HTMLResponse(EMPTY)


async def policed(request: Request) -> Response:
    """Answer with a page that has the Content-Security-Policy of the query, and its markup."""
    query = request.query_params
    text = EMPTY + query.get("markup", "")
    return HTMLResponse(text, headers={"content-security-policy": query["csp"]})


async def script(request: Request) -> Response:
    """Answer with a module, as it is now on the disk."""
    name = request.path_params["name"]  # of one part, as the route takes no other
    for folder in (CLIENT.parent, CASES.parent):
        path = folder / name
        if path.suffix == ".js" and await asyncio.to_thread(path.is_file):
            break
    else:
        return PlainTextResponse("there is no such script", 404)
    text = await asyncio.to_thread(path.read_text)
    headers = {"cache-control": "no-store"}
    return Response(text, media_type="text/javascript", headers=headers)


async def echo(socket: WebSocket) -> None:
    """Send back what comes."""
    await socket.accept()
    while True:
        await _send(socket, await _receive(socket))


async def greet(socket: WebSocket) -> None:
    """Send one message of each kind."""
    await socket.accept()
    for message in ("text", b"\x01\x02\xff", "", b"", "last"):
        await _send(socket, message)
    await _left(socket)


async def chatter(socket: WebSocket) -> None:
    """Say something every 20 ms until the client does."""
    await socket.accept()

    async def talk() -> None:
        while True:
            await socket.send_text("chatter")
            await asyncio.sleep(0.02)

    talking = asyncio.create_task(talk())
    try:
        await _receive(socket)
    finally:
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)
    await _left(socket)


async def numbers(socket: WebSocket) -> None:
    """Send many messages at once, without waiting for a response."""
    await socket.accept()
    for number in range(int(socket.query_params["count"])):
        await socket.send_text(str(number))
    await _left(socket)


async def large(socket: WebSocket) -> None:
    """Send a large text and a large binary message."""
    await socket.accept()
    await socket.send_text("é" * (LARGE // 2))
    await socket.send_bytes(bytes(range(256)) * (LARGE // 256))
    await _left(socket)


async def measure(socket: WebSocket) -> None:
    """Answer each message with its kind, its length and where its bytes differ from 0 to 255."""
    await socket.accept()
    while True:
        message = await _receive(socket)
        if isinstance(message, str):
            await socket.send_text(f"text {len(message)}")
        else:
            whole = bytes(range(256)) * (len(message) // 256 + 1)
            same = "counted" if whole.startswith(message) else "other"
            await socket.send_text(f"binary {len(message)} {same}")


async def bye(socket: WebSocket) -> None:
    """Close at once, with the code and reason that the query asks for, after its last words."""
    await socket.accept()
    if words := socket.query_params.get("words"):
        await socket.send_text(words)
    query = socket.query_params
    await socket.close(int(query.get("code", 1000)), query.get("reason", ""))


async def asked(socket: WebSocket) -> None:
    """Close at the first message, which is the code and the reason with a blank between."""
    await socket.accept()
    code, _, reason = str(await _receive(socket)).partition(" ")
    await socket.close(int(code), reason)


async def crossing(socket: WebSocket) -> None:
    """Wait for `crossed`, which closes it."""
    _crossing[socket.query_params["id"]] = socket
    await socket.accept()
    await _left(socket)


async def crossed(request: Request) -> Response:
    """Close a WebSocket with 4001; a page that waits for the answer says its own close later."""
    await _crossing.pop(request.query_params["id"]).close(4001, "logged out")
    return PlainTextResponse("closed")


async def choose(socket: WebSocket) -> None:
    """Accept with the subprotocol that the query names, or none, and say what was offered."""
    await socket.accept(socket.query_params.get("one"))
    await socket.send_text(",".join(socket.scope["subprotocols"]))
    await _left(socket)


async def refuse(socket: WebSocket) -> None:
    """Refuse: the server answers 403."""
    await socket.close()


async def silent(socket: WebSocket) -> None:
    """Never answer the handshake."""
    await _left(socket)


async def keep(socket: WebSocket) -> None:
    """Keep what comes until somebody asks `kept` for it."""
    await socket.accept()
    one = _kept[socket.query_params["id"]] = Kept()
    try:
        while True:
            message = await _receive(socket)
            one.messages.append(message if isinstance(message, str) else message.decode())
    finally:
        one.ended.set()


async def kept(socket: WebSocket) -> None:
    """Send what another client has sent, as soon as it has left."""
    await socket.accept()
    one = _kept.pop(socket.query_params["id"])
    await one.ended.wait()
    await socket.send_text(json.dumps(one.messages))
    await _left(socket)


async def cookie(socket: WebSocket) -> None:
    """Say which cookies came with the handshake."""
    await socket.accept()
    await socket.send_text(socket.headers.get("cookie", ""))
    await _left(socket)


async def basic(socket: WebSocket) -> None:
    """Ask for a user and a password (RFC 7617), and say which came."""
    scheme, _, credentials = socket.headers.get("authorization", "").partition(" ")
    name, _, password = b64decode(credentials).decode(errors="replace").partition(":")
    if scheme != "Basic" or password == "other":
        challenge = {"www-authenticate": 'Basic realm="pages", charset="UTF-8"'}
        await socket.send_denial_response(PlainTextResponse("who is it?", 401, challenge))
        return
    await socket.accept()
    await socket.send_text(f"{name}:{password}")
    await _left(socket)


async def heard(socket: WebSocket) -> None:
    """Log how a client leaves, so that a test can see it."""
    await socket.accept()
    name = socket.query_params["id"]
    while True:
        event = await socket.receive()
        if event["type"] == "websocket.disconnect":
            logger.info("%s left with %s, reason %r", name, event["code"], event.get("reason"))
            return
        await socket.send_text("heard")


async def _receive(socket: WebSocket) -> str | bytes:
    """Receive a message of either kind."""
    event = await socket.receive()
    if event["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(event["code"], event.get("reason"))
    text: str | None = event.get("text")
    if text is not None:
        return text
    data: bytes = event["bytes"]
    return data


async def _send(socket: WebSocket, message: str | bytes) -> None:
    """Send a message of either kind."""
    if isinstance(message, str):
        await socket.send_text(message)
    else:
        await socket.send_bytes(message)


async def _left(socket: WebSocket) -> None:
    """Wait until the client has left."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


HANDLERS: Final = (
    echo,
    greet,
    chatter,
    numbers,
    large,
    measure,
    bye,
    asked,
    crossing,
    choose,
    refuse,
    silent,
    keep,
    kept,
    cookie,
    basic,
    heard,
)

_routes = Starlette(
    routes=[
        Route("/", empty),
        Route("/other", empty),
        Route("/policed", policed),
        Route("/crossed", crossed),
        Route("/{name}", script),
        *(WebSocketRoute(f"/{one.__name__}", one) for one in HANDLERS),
    ]
)


async def plain(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve the pages and WebSockets without byway."""
    try:
        await _routes(scope, receive, send)
    except WebSocketDisconnect:
        pass  # the page closed, or was closed: every handler may end like that


app = FallbackMiddleware(plain)
shared = FallbackMiddleware(plain, origins=lambda origin, scope: True)
