"""The same application for bareASGI, without typing.

Run it: uvicorn examples.bareasgi_websocket_untyped:app
"""

import logging

from bareasgi import Application

from byway import FallbackMiddleware

logger = logging.getLogger(__name__)


async def websocket_handler(request):
    """Repeat what the client says."""
    await request.web_socket.accept()

    try:
        while True:
            text = await request.web_socket.receive()
            if text is None:
                break
            await request.web_socket.send("You said: " + text)
    except Exception:
        logger.exception("the conversation failed")

    await request.web_socket.close()


application = Application()
application.ws_router.add("/websocket_handler", websocket_handler)

app = FallbackMiddleware(application)
