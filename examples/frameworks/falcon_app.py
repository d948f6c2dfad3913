"""A chat for Falcon.

Run it: uvicorn examples.frameworks.falcon_app:app
Try it: python examples/client.py http://127.0.0.1:8000/chat/ann
"""

from contextlib import suppress

import falcon
import falcon.asgi
from falcon.asgi import Request, WebSocket

from byway import FallbackMiddleware


class Chat:
    """All visitors receive what one of them says."""

    def __init__(self) -> None:
        """Start empty."""
        self.present: dict[str, WebSocket] = {}

    async def on_websocket(self, req: Request, ws: WebSocket, name: str) -> None:
        """Pass on what a visitor says."""
        if name in self.present:
            raise falcon.HTTPForbidden  # before accept: the client is refused with status 403
        await ws.accept()
        self.present[name] = ws
        try:
            await ws.send_text(f"welcome, {name}")
            while True:
                text = await ws.receive_text()
                for other in list(self.present.values()):
                    with suppress(falcon.WebSocketDisconnected):  # it has just gone
                        await other.send_text(f"{name}: {text}")
        except falcon.WebSocketDisconnected:
            pass
        finally:
            del self.present[name]


application: falcon.asgi.App[Request, falcon.asgi.Response] = falcon.asgi.App()
application.add_route("/chat/{name}", Chat())

app = FallbackMiddleware(application)
