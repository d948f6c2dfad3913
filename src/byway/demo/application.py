"""The application of the demonstration: bareASGI's WebSocket echo, and the one line that wraps it.

Knows: bareASGI.
Must not know: byway, but for the last line.

The handler makes the same calls in the same order as the example on bareASGI's WebSocket page.
"""

from __future__ import annotations

from bareasgi import Application, HttpRequest, HttpResponse, WebSocketRequest, text_writer

from byway import FallbackMiddleware


async def index(_request: HttpRequest) -> HttpResponse:
    """Say what is here, to who asks by plain HTTP."""
    text = "The WebSocket is at /websocket_handler\n"
    return HttpResponse(200, [(b"content-type", b"text/plain")], text_writer(text))


async def websocket_handler(request: WebSocketRequest) -> None:
    """Send back what the client says."""
    socket = request.web_socket
    await socket.accept()
    while True:
        text = await socket.receive()
        if text is None:
            break
        await socket.send(f"You said: {text!s}")
    await socket.close()


application: Application = Application()
application.http_router.add({"GET"}, "/", index)
application.ws_router.add("/websocket_handler", websocket_handler)

app: FallbackMiddleware = FallbackMiddleware(application)
