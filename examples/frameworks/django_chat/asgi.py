"""The project's ASGI application, as Channels' page has it; the last line wraps it.

Run it: uvicorn examples.frameworks.django_chat.asgi:application
Try it: byway doctor http://127.0.0.1:8000/chat/ann
"""

import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application
from django.urls import path

from byway import FallbackMiddleware

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "examples.frameworks.django_chat.settings")
django_application = get_asgi_application()  # before anything is imported that needs Django

from examples.frameworks.django_chat.consumers import Chat  # noqa: E402

routes = [path("chat/<name>", Chat.as_asgi())]
sockets = AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(routes)))
router = ProtocolTypeRouter({"http": django_application, "websocket": sockets})
application = FallbackMiddleware(router)
