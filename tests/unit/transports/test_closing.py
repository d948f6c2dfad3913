"""Closing a WebSocket: with the code that is meant, unless the server refuses to send it."""

from __future__ import annotations

from typing import Any

import pytest

from byway.transports.closing import close_websocket


class Server:
    """ASGI's `send` of a server that raises something for each code but some."""

    def __init__(self, error: Exception, *takes: int) -> None:
        """Take these codes."""
        self.sent: list[dict[str, Any]] = []
        self._error = error
        self._takes = takes

    async def send(self, event: dict[str, Any]) -> None:
        """Take an event, or raise."""
        if event["code"] not in self._takes:
            raise self._error
        self.sent.append(event)


async def test_the_code_is_sent_as_it_is_meant() -> None:
    server = Server(Exception("invalid close code"), 1001)
    await close_websocket(server.send, 1001, "x" * 200)
    assert server.sent == [{"type": "websocket.close", "code": 1001, "reason": "x" * 100}]


async def test_a_code_that_the_server_refuses_becomes_1000() -> None:
    """As Daphne does; see tests/server/test_daphne.py for the real one."""
    server = Server(Exception("invalid close code"), 1000)
    await close_websocket(server.send, 1012, "leaving")
    assert server.sent == [{"type": "websocket.close", "code": 1000, "reason": "leaving"}]


@pytest.mark.parametrize("code", [1000, 4001])
async def test_what_every_server_takes_is_not_tried_twice(code: int) -> None:
    with pytest.raises(ValueError, match="broken"):
        await close_websocket(Server(ValueError("broken"), 1001).send, code, "")


async def test_a_client_that_has_gone_is_told_as_asgi_does() -> None:
    server = Server(ConnectionResetError(), 1000)
    with pytest.raises(ConnectionResetError):
        await close_websocket(server.send, 1001, "")
    await close_websocket(Server(RuntimeError("after close"), 1000).send, 1001, "")
    assert server.sent == []
