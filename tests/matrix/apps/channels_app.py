"""The matrix' application in Django with Channels: an `asgi.py` whose last line wraps it.

Sessions are cookies that Django signs, and users are named by a header, so that it needs no
database.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import django
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.middleware import BaseMiddleware
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from channels.sessions import SessionMiddlewareStack
from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path

from byway import FallbackMiddleware

STATIC = Path(__file__).with_name("static")

settings.configure(
    ALLOWED_HOSTS=["*"],
    CHANNEL_LAYERS={"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}},
    DEBUG=True,  # the static files' handler serves no other way
    INSTALLED_APPS=["channels", "django.contrib.sessions", "django.contrib.staticfiles"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="of the matrix",
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    STATICFILES_DIRS=[STATIC],
    STATIC_URL="/static/",
    USE_TZ=True,
)
django.setup()

Request = Any  # an HttpRequest, which has no types
ends: dict[str, Any] = {}


class Bearer(BaseMiddleware):
    """Takes the token for the name, as Channels' page has it for custom authentication."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        """Say who it is."""
        value = dict(scope["headers"]).get(b"authorization", b"").decode()
        scheme, _, name = value.partition(" ")
        user = name if scheme == "Bearer" else None
        seen: Any = {**scope, "user": user}
        return await super().__call__(seen, receive, send)


class Echo(AsyncWebsocketConsumer):
    """Sends back what comes."""

    async def connect(self) -> None:
        """Accept."""
        await self.accept("echo.v1" if "echo.v1" in self.scope["subprotocols"] else None)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Send it back."""
        if text_data is None:
            await self.send(bytes_data=bytes_data)
        elif text_data.startswith("close:"):
            _, code, reason = text_data.split(":", 2)
            await self.close(int(code), reason)
        elif text_data == "raise":
            raise RuntimeError("as asked")
        else:
            await self.send(text_data=text_data)


class About(Echo):
    """Says what a handler sees of its client, then sends back what comes."""

    async def connect(self) -> None:
        """Accept, and say it."""
        await self.accept()
        scope: Any = self.scope
        header = dict(scope["headers"]).get(b"x-test")
        seen = {
            "item": scope["url_route"]["kwargs"]["item"],
            "query": dict(parse_qsl(scope["query_string"].decode())),
            "cookies": scope["cookies"],
            "header": None if header is None else header.decode(),
            "root_path": scope["root_path"],
            "client": scope["client"][0],
            "user": scope["session"].get("user"),
            "auth": scope["user"],
        }
        await self.send(json.dumps(seen))


class Refuse(AsyncWebsocketConsumer):
    """Refuses before accepting; Channels has no response for a WebSocket."""

    async def connect(self) -> None:
        """Refuse."""
        await self.close()


class Room(AsyncWebsocketConsumer):
    """Sends what one says to all, by the channel layer."""

    groups = ["room"]

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Say it in the group."""
        message = {"type": "said", "text": text_data}
        layer: Any = self.channel_layer
        await layer.group_send("room", message)

    async def said(self, event: dict[str, str]) -> None:
        """Pass it on."""
        await self.send(text_data=event["text"])


class Last(AsyncWebsocketConsumer):
    """Keeps how the client leaves."""

    async def disconnect(self, code: int) -> None:
        """Keep it; Channels does not hand the reason on."""
        name = self.scope["query_string"].decode().removeprefix("id=")
        ends[name] = {"code": code, "reason": None}


async def tell_last(request: Request) -> HttpResponse:
    """Say it."""
    return JsonResponse(ends.get(request.GET.get("id", "")), safe=False)


async def hello(request: Request) -> HttpResponse:
    """Respond."""
    return HttpResponse(b"hello", content_type="text/plain")


async def stream(request: Request) -> StreamingHttpResponse:
    """Respond in five chunks."""

    async def chunks() -> AsyncIterator[str]:
        for number in range(5):
            yield f"chunk {number}\n"
            await asyncio.sleep(0.02)

    return StreamingHttpResponse(chunks(), content_type="text/plain")


async def upload(request: Request) -> HttpResponse:
    """Say what was sent."""
    size, digest = 0, hashlib.sha256()
    while chunk := request.read(1 << 16):
        size += len(chunk)
        digest.update(chunk)
    return JsonResponse({"size": size, "sha256": digest.hexdigest()})


def login(request: Request) -> HttpResponse:
    """Begin a session."""
    request.session["user"] = request.GET["user"]
    return HttpResponse(request.GET["user"])


async def state(request: Request) -> HttpResponse:
    """Say that there is no lifespan: neither Django nor Channels has one."""
    return JsonResponse({"started": None})


urlpatterns = [
    path("hello", hello),
    path("last", tell_last),
    path("login", login),
    path("state", state),
    path("stream", stream),
    path("upload", upload),
]

sockets: Any = [
    path("about/<item>", About.as_asgi()),
    path("deny", Refuse.as_asgi()),
    path("echo", Echo.as_asgi()),
    path("last", Last.as_asgi()),
    path("refuse", Refuse.as_asgi()),
    path("room", Room.as_asgi()),
]

plain = ProtocolTypeRouter(
    {
        "http": ASGIStaticFilesHandler(get_asgi_application()),
        "websocket": AllowedHostsOriginValidator(
            SessionMiddlewareStack(Bearer(URLRouter(sockets)))
        ),
    }
)
app = FallbackMiddleware(plain)
