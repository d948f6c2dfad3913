"""Commands and events in JSON over a WebSocket: Chromium's DevTools and WebDriver BiDi.

Knows: that a command has an id, that its answer repeats it, and that all else is an event.
Must not know: any command.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import websockets

from tests.support.browsers.page import COMMAND_TIMEOUT, BrowserError

Listener = Callable[[str, dict[str, Any]], None]
"""Called with the name of an event and with what it says."""


class Wire:
    """One connection to a browser."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        """Begin without commands."""
        self._socket = socket
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._listeners: dict[str | None, Listener] = {}
        self._last = 0

    def listen(self, listener: Listener, session: str | None = None) -> None:
        """Have the events of a session go to a listener, or those that name none."""
        self._listeners[session] = listener

    async def call(
        self, method: str, params: dict[str, Any] | None = None, session: str | None = None
    ) -> dict[str, Any]:
        """Give a command and return its answer.

        Raises:
            BrowserError: the browser answered with an error, or not in time, or went away.
        """
        self._last += 1
        command: dict[str, Any] = {"id": self._last, "method": method, "params": params or {}}
        if session is not None:
            command["sessionId"] = session
        answer = asyncio.get_running_loop().create_future()
        self._answers[self._last] = answer
        try:
            await self._socket.send(json.dumps(command))
            async with asyncio.timeout(COMMAND_TIMEOUT):
                said: dict[str, Any] = await answer
        except TimeoutError:
            raise BrowserError(f"no answer to {method} in {COMMAND_TIMEOUT:g} s") from None
        finally:
            del self._answers[command["id"]]
        if "error" in said:
            raise BrowserError(f"{method}: {said['error']} {said.get('message', '')}")
        result: dict[str, Any] = said["result"]
        return result

    async def read(self) -> None:
        """Give out what comes until the connection ends."""
        async for text in self._socket:
            said: dict[str, Any] = json.loads(text)
            if "id" in said:
                answer = self._answers.get(said["id"])
                if answer is not None and not answer.done():
                    answer.set_result(said)
            elif listener := self._listeners.get(said.get("sessionId")):
                listener(said["method"], said["params"])
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(BrowserError("the browser closed the connection"))


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Wire]:
    """Connect to a browser; hang up at the end of the block."""
    # A screenshot of a large page is some megabytes of base64.
    async with websockets.connect(
        url, max_size=64 * 1024 * 1024, proxy=None, compression=None, ping_interval=None
    ) as socket:
        wire = Wire(socket)
        reading = asyncio.create_task(wire.read())
        try:
            yield wire
        finally:
            await socket.close()
            await reading
