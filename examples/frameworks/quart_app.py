"""A chat for Quart.

Run it: uvicorn examples.frameworks.quart_app:app
Try it: python examples/client.py http://127.0.0.1:8000/chat/ann
"""

import asyncio

from quart import Quart, websocket

from byway import FallbackMiddleware

app = Quart(__name__)
present: dict[str, asyncio.Queue[str]] = {}


async def tell(queue: asyncio.Queue[str]) -> None:
    """Send a visitor what others say."""
    while True:
        await websocket.send(await queue.get())


@app.websocket("/chat/<name>")
async def chat(name: str) -> None:
    """Pass on what a visitor says."""
    if name in present:
        await websocket.close(1008)  # before accept: the client is refused with status 403
        return
    await websocket.accept()
    present[name] = asyncio.Queue()
    telling = asyncio.create_task(tell(present[name]))
    try:
        await websocket.send(f"welcome, {name}")
        while True:
            text = await websocket.receive()
            assert isinstance(text, str)
            for other in present.values():
                other.put_nowait(f"{name}: {text}")
    finally:  # Quart cancels a handler whose client has gone
        telling.cancel()
        del present[name]


app.asgi_app = FallbackMiddleware(app.asgi_app)  # type: ignore[method-assign, assignment]
