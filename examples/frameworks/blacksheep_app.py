"""A chat for BlackSheep.

Run it: uvicorn examples.frameworks.blacksheep_app:app
Try it: python examples/client.py http://127.0.0.1:8000/chat/ann
"""

from contextlib import suppress

from blacksheep import Application, WebSocket, WebSocketDisconnectError
from blacksheep.server.routing import Router

from byway import FallbackMiddleware

application = Application(router=Router())
present: dict[str, WebSocket] = {}


@application.router.ws("/chat/{name}")
async def chat(websocket: WebSocket, name: str) -> None:
    """Pass on what a visitor says."""
    if name in present:
        await websocket.close()  # before accept: the client is refused with status 403
        return
    await websocket.accept()
    present[name] = websocket
    try:
        await websocket.send_text(f"welcome, {name}")
        while True:
            text = await websocket.receive_text()
            for other in list(present.values()):
                with suppress(OSError):  # it has just gone
                    await other.send_text(f"{name}: {text}")
    except WebSocketDisconnectError:
        pass
    finally:
        del present[name]


app = FallbackMiddleware(application)
