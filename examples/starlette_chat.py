"""A chat for Starlette: all visitors receive what one of them says, over any transport.

Run it: uvicorn examples.starlette_chat:app
Try it: python examples/client.py http://127.0.0.1:8000/chat/ann
"""

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from byway import FallbackMiddleware

present: dict[str, WebSocket] = {}


async def chat(websocket: WebSocket) -> None:
    """Pass on what one visitor says to all of them."""
    name = websocket.path_params["name"]
    if name in present:
        await websocket.close()  # before accept: the client is refused with status 403
        return
    await websocket.accept()
    present[name] = websocket
    try:
        await websocket.send_text(f"welcome, {name}")
        async for text in websocket.iter_text():
            for other in list(present.values()):
                await other.send_text(f"{name}: {text}")
    finally:
        del present[name]


app = FallbackMiddleware(Starlette(routes=[WebSocketRoute("/chat/{name}", chat)]))
