"""A chat with rooms over any number of processes, whose visitors hear each other through Redis.

Run it: REDIS_URL=redis://127.0.0.1:6379 uvicorn examples.rooms:app --workers 4
Try it: python examples/client.py http://127.0.0.1:8000/rooms/tea/ann
"""

import asyncio
import os
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from byway import FallbackMiddleware

# byway carries each session to its process. The application itself has to carry what one visitor
# says to visitors in other processes: here with Redis pub/sub.
redis = Redis.from_url(
    os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"),
    decode_responses=True,
    socket_timeout=None,  # a subscriber may wait long for the next message
    health_check_interval=10,
)
here: dict[str, set[asyncio.Queue[str]]] = defaultdict(set)  # this process' visitors, by room
WAITING = 100  # unread messages per visitor; slower visitors miss the rest


async def hear() -> None:
    """Pass on what is said in any process to the visitors of this one."""
    while True:
        try:
            async with redis.pubsub() as heard:
                await heard.psubscribe("room:*")
                async for message in heard.listen():
                    if message["type"] == "pmessage":
                        for visitor in here.get(message["channel"], ()):
                            with suppress(asyncio.QueueFull):
                                visitor.put_nowait(message["data"])
        except RedisError:
            await asyncio.sleep(1)  # messages in between are lost: pub/sub keeps nothing


async def chat(websocket: WebSocket) -> None:
    """Let a visitor speak and listen in a room."""
    room, name = f"room:{websocket.path_params['room']}", websocket.path_params["name"]
    visitor: asyncio.Queue[str] = asyncio.Queue(WAITING)
    await websocket.accept()
    here[room].add(visitor)

    async def tell() -> None:
        while True:
            await websocket.send_text(await visitor.get())

    telling = asyncio.create_task(tell())
    try:
        await websocket.send_text(f"welcome, {name}, in process {os.getpid()}")
        async for text in websocket.iter_text():
            await redis.publish(room, f"{name}: {text}")
    except RedisError:
        await websocket.close(1011, "the chat is out of order")
    finally:
        telling.cancel()
        with suppress(asyncio.CancelledError, WebSocketDisconnect):
            await telling
        here[room].discard(visitor)
        if not here[room]:
            del here[room]


async def index(_: Request) -> Response:
    """Say where the rooms are."""
    return PlainTextResponse("rooms are at /rooms/ROOM/NAME\n")


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    """Listen to the other processes for as long as this one serves."""
    hearing = asyncio.create_task(hear())
    yield
    hearing.cancel()
    with suppress(asyncio.CancelledError):
        await hearing
    await redis.aclose()


routes = [Route("/", index), WebSocketRoute("/rooms/{room}/{name}", chat)]
app = FallbackMiddleware(Starlette(routes=routes, lifespan=lifespan))
