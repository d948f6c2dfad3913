"""A stand-in for a Phoenix server: enough of its socket protocol 2.0.0 to join and be answered.

Over WebSocket and long polling, as Phoenix's own JavaScript client speaks them. No Phoenix server
runs here, as none can be had without Elixir; what is measured is the client.

Knows: the messages `[join_ref, ref, topic, event, payload]`, and what a poll is answered.
Must not know: who measures.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

WINDOW = 10.0
"""Seconds until an empty poll is answered; the default of Phoenix's `:window_ms`."""

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_sessions: dict[str, asyncio.Queue[str]] = {}


def reply(text: str) -> str:
    """Answer a join, a push or a heartbeat with `ok` and what it carried."""
    join_ref, ref, topic, _, payload = json.loads(text)
    answer = {"status": "ok", "response": payload}
    return json.dumps([join_ref, ref, topic, "phx_reply", answer])


async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Serve both transports."""
    if scope["type"] == "websocket":
        await _websocket(receive, send)
    elif scope["type"] == "http":
        await _longpoll(scope, receive, send)


async def _websocket(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": reply(event["text"])})


async def _longpoll(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    token = parse_qs(scope["query_string"].decode()).get("token", [""])[0]
    body, more = b"", True
    while more:
        event = await receive()
        body += event.get("body", b"")
        more = event.get("more_body", False)
    queue = _sessions.get(token)
    if queue is None:
        # The first poll has no session yet: 410 opens one and names it.
        token = secrets.token_urlsafe(16)
        _sessions[token] = asyncio.Queue()
        answer: dict[str, Any] = {"status": 410, "token": token, "messages": []}
    elif scope["method"] == "POST":
        for line in body.decode().splitlines():
            queue.put_nowait(reply(line))
        answer = {"status": 200, "token": token, "messages": []}
    else:
        messages = await _messages(queue)
        answer = {"status": 200 if messages else 204, "token": token, "messages": messages}
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})


async def _messages(queue: asyncio.Queue[str]) -> list[str]:
    """Wait for a message, and take what else is there."""
    try:
        async with asyncio.timeout(WINDOW):
            messages = [await queue.get()]
    except TimeoutError:
        return []
    while not queue.empty():
        messages.append(queue.get_nowait())
    return messages
