"""A client that was refused for want of credentials, and brings them to another process (401)."""

from __future__ import annotations

from pathlib import Path

import httpx
from websockets.asyncio.client import connect as websocket_connect
from websockets.typing import Subprotocol

from byway.frames import OPEN
from byway.handshake import SUBPROTOCOL
from tests.server.test_relay import APP, at, sharing
from tests.support.wire import PROTOCOL_HEADERS, TEXT, RawSession, numbered

LOGIN = {"authorization": "Basic dTpw"}


async def poll(session: RawSession) -> httpx.Response:
    """Poll with credentials."""
    body = session.hello(answer="poll", poll=1)
    headers = PROTOCOL_HEADERS | LOGIN
    return await session.client.post(session.url, content=body, headers=headers)


async def test_credentials_that_come_to_another_process_are_heard_there(
    tmp_path: Path, http: httpx.AsyncClient
) -> None:
    with sharing(tmp_path / "meet", APP, APP) as (first, second):
        session = RawSession(http, first.url("/login"))
        for one in (session, at(session, second, "/login")):
            assert (await one.poll(poll=1)).status_code == 401  # the same refusal at both
        there = at(session, second, "/login")
        answer = await poll(there)
        assert answer.status_code == 200, answer.text
        there.take(answer)
        # The first process, whose refusal is forgotten, leads to it as well.
        here = RawSession(http, session.url, session.key, there.instance)
        assert await here.received(numbered(1, (TEXT, b"hello"))) == 1
        late = RawSession(http, session.url, session.key)
        assert (await poll(late)).status_code == 200
        assert await at(here, second, "/login").messages(1) == ["hello"]
        first.assert_quiet()
        second.assert_quiet()


async def test_a_handshake_with_credentials_that_comes_to_another_process_is_accepted(
    tmp_path: Path, http: httpx.AsyncClient
) -> None:
    with sharing(tmp_path / "meet", APP, APP) as (first, second):
        session = RawSession(http, first.url("/login"))
        assert (await session.poll()).status_code == 401
        socket = websocket_connect(
            second.url("/login", scheme="ws"),
            subprotocols=[
                Subprotocol(SUBPROTOCOL),
                Subprotocol(f"{SUBPROTOCOL}.{session.key}.0.1048576.2"),
            ],
            additional_headers=LOGIN,
            proxy=None,
        )
        async with socket as link:
            opening = await link.recv()
            assert isinstance(opening, bytes)
            assert opening[0] == OPEN
        first.assert_quiet()
        second.assert_quiet()
