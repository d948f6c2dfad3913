"""A chat for FastAPI: a dependency that knows the visitor by a cookie, a manager, CORS.

Run it: uvicorn examples.frameworks.fastapi_app:app
Try it: python examples/client.py 'http://127.0.0.1:8000/chat?name=ann'
"""

from contextlib import suppress
from typing import Annotated

from fastapi import (
    Cookie,
    Depends,
    FastAPI,
    HTTPException,
    Query,
    Response,
    WebSocket,
    WebSocketDisconnect,
    WebSocketException,
)
from fastapi.middleware.cors import CORSMiddleware

from byway import FallbackMiddleware, browser

app = FastAPI()
app.mount("/byway", browser.app)  # byway.js, for pages


class ConnectionManager:
    """The visitors in the room."""

    def __init__(self) -> None:
        """Start empty."""
        self.active: dict[WebSocket, str] = {}

    async def connect(self, websocket: WebSocket, name: str) -> None:
        """Add a visitor."""
        await websocket.accept()
        self.active[websocket] = name
        await websocket.send_text(f"welcome, {name}")

    def disconnect(self, websocket: WebSocket) -> None:
        """Remove a visitor."""
        del self.active[websocket]

    async def broadcast(self, message: str) -> None:
        """Send a text to all."""
        for websocket in list(self.active):
            with suppress(WebSocketDisconnect):  # it has just gone
                await websocket.send_text(message)


manager = ConnectionManager()


async def visitor(
    login: Annotated[str | None, Cookie()] = None, name: Annotated[str | None, Query()] = None
) -> str:
    """Return the visitor's name from the cookie, or else from the query."""
    known = login or name
    if known is None:
        raise HTTPException(401, "who are you?")  # the client is refused with this status
    if known in manager.active.values():
        raise WebSocketException(1008)  # before accept: the client is refused with status 403
    return known


@app.post("/login/{name}")
async def login(name: str, response: Response) -> str:
    """Set the cookie without a password: this is only an example."""
    response.set_cookie("login", name, httponly=True, samesite="lax")
    return name


@app.websocket("/chat")
async def chat(websocket: WebSocket, name: Annotated[str, Depends(visitor)]) -> None:
    """Pass on what a visitor says."""
    await manager.connect(websocket, name)
    try:
        async for text in websocket.iter_text():
            await manager.broadcast(f"{name}: {text}")
    finally:
        manager.disconnect(websocket)


PAGES = ["https://app.example"]  # other origins whose pages may connect
app.add_middleware(
    CORSMiddleware, allow_origins=PAGES, allow_credentials=True, allow_methods=["GET", "POST"]
)
app.add_middleware(FallbackMiddleware, origins=PAGES)  # last, which makes it the outermost
