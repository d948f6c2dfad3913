"""Sessions that only the user who opened them can go on with, by a cookie of the login.

Who steals the key of a session then gets nothing without the cookie.

Run it: uvicorn examples.bound_sessions:app
Try it: curl -i http://127.0.0.1:8000/login/ann
"""

import secrets

from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from byway import FallbackMiddleware

logins: dict[str, str] = {}


async def login(request: Request) -> Response:
    """Log a user in without a password: this is only an example."""
    token = secrets.token_urlsafe()
    logins[token] = request.path_params["user"]
    response = PlainTextResponse("welcome\n")
    response.set_cookie("login", token, httponly=True, samesite="lax")
    return response


async def whoami(socket: WebSocket) -> None:
    """Tell the client its user's name, each time it asks."""
    user = logins.get(socket.cookies.get("login", ""), "nobody")
    await socket.accept()
    async for _ in socket.iter_text():
        await socket.send_text(f"you are {user}")


def user_of(scope: dict[str, object]) -> str | None:
    """Return the user of a request. byway calls this for each request and handshake."""
    return logins.get(HTTPConnection(scope).cookies.get("login", ""))


application = Starlette(
    routes=[Route("/login/{user}", login), WebSocketRoute("/whoami", whoami)],
)
app = FallbackMiddleware(application, bind=user_of)
