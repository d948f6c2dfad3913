"""A WebSocket application written for bareASGI, and the one line that carries it everywhere.

The handler is written as bareASGI's WebSocket page has it; only the line with `FallbackMiddleware`
(and its import) is new.

Run it: uvicorn examples.bareasgi_websocket:app
Try it: python -c 'import asyncio, byway
        async def main():
            async with byway.connect("http://127.0.0.1:8000/websocket_handler") as channel:
                await channel.send("hello")
                print(channel.transport, await channel.receive())
        asyncio.run(main())'
"""

import logging
from typing import cast

from bareasgi import Application, WebSocketRequest

from byway import FallbackMiddleware

logger = logging.getLogger(__name__)


async def websocket_handler(request: WebSocketRequest) -> None:
    """Repeat what the client says."""
    await request.web_socket.accept()

    try:
        while True:
            text = cast("str | None", await request.web_socket.receive())
            if text is None:
                break
            await request.web_socket.send("You said: " + text)
    except Exception:
        logger.exception("the conversation failed")

    await request.web_socket.close()


application = Application()
application.ws_router.add("/websocket_handler", websocket_handler)

app = FallbackMiddleware(application)
