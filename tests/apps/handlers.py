"""What the handlers of the contract suite do, written once.

`Socket` is what bareASGI's `WebSocket` and byway's `Channel` have in common; the application of
Starlette, whose interface is another, has the same handlers in its own words.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol
from urllib.parse import parse_qs

logger = logging.getLogger("tests.app")

Params = Mapping[str, Any]


class ExpectedFailure(Exception):
    """The exception that handlers raise on purpose."""


class Socket(Protocol):
    """bareASGI's `WebSocket`, as far as handlers use it."""

    async def accept(
        self,
        subprotocol: str | None = None,
        headers: list[tuple[bytes, bytes]] | None = None,
    ) -> None: ...

    async def receive(self) -> str | bytes | None: ...

    async def send(self, content: str | bytes, /) -> None: ...

    async def close(self, code: int = 1000) -> None: ...


Handler = Callable[[Socket, Mapping[str, Any], Params], Awaitable[None]]
"""Called with the socket, the ASGI scope and the parameters of the path."""


def query(scope: Mapping[str, Any]) -> dict[str, str]:
    """Return the query string's values."""
    return {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}


def describe(scope: Mapping[str, Any], params: Params) -> str:
    """Describe what the handler sees of its client, as JSON."""
    return json.dumps(
        {
            "type": scope["type"],
            "scheme": scope["scheme"],
            "path": scope["path"],
            "root_path": scope["root_path"],
            "params": dict(params),
            "query": scope["query_string"].decode(),
            "client": scope["client"][0],
            "server": scope["server"][1],
            "subprotocols": list(scope["subprotocols"]),
            "headers": [[name.decode(), value.decode()] for name, value in scope["headers"]],
            "keys": sorted(scope),
        }
    )


async def echo(socket: Socket, scope: Mapping[str, Any], params: Params) -> None:
    """Send back what comes, and name in the log what texts begin with `log:`."""
    await socket.accept()
    while (message := await socket.receive()) is not None:
        if isinstance(message, str) and message.startswith("log:"):
            logger.info("said %s", message[4:])
        await socket.send(message)


async def chatter(socket: Socket, scope: Mapping[str, Any], params: Params) -> None:
    """Say something every 20 ms until the client does; then be an echo, until it says `close`."""
    await socket.accept()

    async def talk() -> None:
        while True:
            await socket.send("chatter")
            await asyncio.sleep(0.02)

    talking = asyncio.create_task(talk())
    try:
        message = await socket.receive()
    finally:
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)
    while message is not None and message != "close":
        await socket.send(message)
        message = await socket.receive()
    if message == "close":
        await socket.close()


async def push(socket: Socket, scope: Mapping[str, Any], params: Params) -> None:
    """Send numbers from 0 up while the client does the same, and judge what comes."""
    await socket.accept()
    count = int(query(scope)["count"])
    padding = "." * int(query(scope).get("size", "0"))

    async def send() -> None:
        for number in range(count):
            await socket.send(f"down {number}{padding}")

    sending = asyncio.create_task(send())
    wrong = "in order"
    for number in range(count):
        message = await socket.receive()
        if message != f"up {number}{padding}":
            wrong = f"expected {number}, got {message!r}"
            break
    await sending
    await socket.send(wrong)
    await socket.receive()


async def choose(socket: Socket, scope: Mapping[str, Any], params: Params) -> None:
    """Accept with the last of the subprotocols offered."""
    offered = scope["subprotocols"]
    await socket.accept(offered[-1] if offered else None)
    await socket.send(json.dumps(list(offered)))
    await socket.receive()


HEADERS = [
    (b"x-answer", b"from the handler"),
    (b"set-cookie", b"first=1; Path=/"),
    (b"set-cookie", b"second=2; Path=/; HttpOnly"),
]


async def headers(socket: Socket, scope: Mapping[str, Any], params: Params) -> None:
    """Accept with headers and two cookies."""
    await socket.accept(None, list(HEADERS))
    await socket.receive()


async def refuse(socket: Socket, scope: Mapping[str, Any], params: Params) -> None:
    """Refuse before accepting."""
    logger.info("refusing %s", query(scope).get("id", ""))
    await socket.close()


async def info(socket: Socket, scope: Mapping[str, Any], params: Params) -> None:
    """Say what the handler sees of its client."""
    await socket.accept()
    await socket.send(describe(scope, params))
    await socket.receive()


async def fail(socket: Socket, scope: Mapping[str, Any], params: Params) -> None:
    """Raise at the first message."""
    await socket.accept()
    await socket.receive()
    raise ExpectedFailure(query(scope)["id"])


async def fail_early(socket: Socket, scope: Mapping[str, Any], params: Params) -> None:
    """Raise before accepting."""
    raise ExpectedFailure(query(scope)["id"])


async def deaf(socket: Socket, scope: Mapping[str, Any], params: Params) -> None:
    """Accept, and read nothing for ever."""
    await socket.accept()
    await socket.send("accepted")
    await asyncio.Event().wait()


async def never(socket: Socket, scope: Mapping[str, Any], params: Params) -> None:
    """Neither accept nor refuse."""
    await asyncio.Event().wait()


HANDLERS: dict[str, Handler] = {
    "chatter": chatter,
    "choose": choose,
    "deaf": deaf,
    "echo": echo,
    "fail": fail,
    "fail-early": fail_early,
    "headers": headers,
    "info": info,
    "never": never,
    "push": push,
    "refuse": refuse,
}
"""Handlers by the first segment of their path. `ending` and `closing`, which look at close codes
and reasons, are each application's own: there the interfaces differ."""
