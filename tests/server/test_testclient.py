"""Starlette's `TestClient` with a wrapped application: as without byway."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from byway import FallbackMiddleware


def application(how: str) -> tuple[Any, list[str]]:
    """Make an application that byway is in, and what it notes of its lifespan."""
    noted: list[str] = []

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[dict[str, str]]:
        noted.append("start")
        yield {"name": "ann"}
        noted.append("stop")

    async def echo(websocket: WebSocket) -> None:
        word = websocket.query_params.get("say")
        if word == "deny":
            await websocket.send_denial_response(PlainTextResponse("who?", 401))
            return
        if word == "close":
            await websocket.close()
            return
        await websocket.accept(subprotocol="b" if "b" in websocket.scope["subprotocols"] else None)
        await websocket.send_text(f"{websocket.state.name} {websocket.cookies.get('a')}")
        async for text in websocket.iter_text():
            if text == "raise":
                raise ValueError("raised in the handler")
            if text == "bye":
                await websocket.close(4001, "bye")
                return
            await websocket.send_text(text)

    async def page(_request: Request) -> Response:
        return PlainTextResponse("a page")

    routes = [WebSocketRoute("/echo", echo), Route("/", page)]
    if how == "wrapped":
        return FallbackMiddleware(Starlette(routes=routes, lifespan=lifespan)), noted
    if how == "middleware":
        inside = [Middleware(FallbackMiddleware)]
        return Starlette(routes=routes, lifespan=lifespan, middleware=inside), noted
    mounted = FallbackMiddleware(Starlette(routes=routes))
    return Starlette(routes=[Mount("/", mounted)], lifespan=lifespan), noted


@pytest.mark.parametrize("how", ["wrapped", "middleware", "mounted"])
def test_it_is_as_without_byway(how: str) -> None:
    app, noted = application(how)
    for _ in range(2):  # a suite serves one application again and again
        with TestClient(app, cookies={"a": "1"}) as client:
            assert noted[-1:] == ["start"]
            assert client.get("/").text == "a page"
            with client.websocket_connect("/echo", subprotocols=["a", "b"]) as socket:
                chosen: object = socket.accepted_subprotocol
                assert chosen == "b"
                assert socket.receive_text() == "ann 1"
                socket.send_text("")
                assert not socket.receive_text()
                socket.send_text("bye")
                with pytest.raises(WebSocketDisconnect) as closed:
                    socket.receive_text()
                assert (closed.value.code, closed.value.reason) == (4001, "bye")
            with pytest.raises(WebSocketDenialResponse) as denied:
                with client.websocket_connect("/echo?say=deny"):
                    pass
            assert (denied.value.status_code, denied.value.text) == (401, "who?")
            with pytest.raises(WebSocketDisconnect):
                with client.websocket_connect("/echo?say=close"):
                    pass
            with pytest.raises(ValueError, match="raised in the handler"):  # noqa: PT012 - somewhere
                with client.websocket_connect("/echo") as socket:
                    socket.send_text("raise")
                    socket.receive_text()
                    socket.receive_text()
        assert noted[-1:] == ["stop"]
