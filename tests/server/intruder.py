"""Somebody who tries every entrance to a session that is not theirs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import httpx
import websockets
from websockets.typing import Subprotocol

import byway
from byway.frames import encode_select
from tests.support.servers import Server
from tests.support.wire import (
    CLOSE,
    PROTOCOL_HEADERS,
    TEXT,
    encode_ack,
    hello_frame,
    numbered,
)

HARM = numbered(1, (TEXT, b"intruder"), (CLOSE, b"\x0f\xa0")) + encode_select(1 << 31, 99)
"""Frames that say something, select a carrier that is not there, and close the session."""

ENTRANCES = ("join", "stream", "sse", "poll", "ack", "up", "websocket", "join-websocket")
"""How one may try to get in: `join-…` as another attempt of the one that opened it."""


@dataclass(frozen=True)
class Known:
    """What is known of a session.

    Attributes:
        key: its key, or what is taken for it.
        instance: the run of the handler.
    """

    key: str
    instance: str


def known(channel: byway.Channel) -> Known:
    """Return what a client knows of its own session."""
    dial = cast(Any, channel)._driver._dial
    return Known(dial.key, dial.instance)


@dataclass
class Intruder:
    """Tries to get in.

    Attributes:
        server: where.
        http: a client for raw requests.
        headers: what goes with each request, cookies for instance.
        path: the handler that is asked for.
    """

    server: Server
    http: httpx.AsyncClient
    headers: dict[str, str] = field(default_factory=dict)
    path: str = "/echo"

    async def attempt(self, entrance: str, session: Known, *, carrier: int = 99) -> tuple[int, str]:
        """Try one entrance; return the status, and the reason or the beginning of the answer."""
        if "websocket" in entrance:
            return await self._handshake(entrance, session, carrier)
        fields: dict[str, object] = {"session": session.key, "carrier": carrier}
        fields["answer"] = "poll" if entrance == "join" else entrance
        if entrance != "join":
            fields["instance"] = session.instance
        if fields["answer"] == "poll":
            fields["poll"] = 1
        headers = {**PROTOCOL_HEADERS, **self.headers}
        if entrance == "up":
            headers["byway"] = "up"
        body = hello_frame(**fields) + encode_ack(0, 1 << 20) + HARM
        async with self.http.stream(
            "POST", self.server.url(self.path), content=body, headers=headers
        ) as answer:
            if answer.status_code == 200:
                return 200, ""
            text = (await answer.aread()).decode()
            if answer.headers.get("byway") == "error":
                assert answer.headers["x-content-type-options"] == "nosniff"
            return answer.status_code, text

    async def _handshake(self, entrance: str, session: Known, carrier: int) -> tuple[int, str]:
        token = f"byway.1.{session.key}.0.1048576.{carrier}"
        if not entrance.startswith("join"):
            token += f".{session.instance}"
        try:
            async with websockets.connect(
                self.server.url(self.path, scheme="ws"),
                subprotocols=[Subprotocol("byway.1"), Subprotocol(token)],
                additional_headers=self.headers,
                proxy=None,
                compression=None,
            ) as socket:
                await socket.send(HARM)
                return 101, ""
        except websockets.InvalidStatus as error:
            response = error.response
            assert response.headers["byway"] == "error"
            assert response.headers["x-content-type-options"] == "nosniff"
            return response.status_code, bytes(response.body or b"").decode()
