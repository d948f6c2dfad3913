"""Test your application over every transport, with the fixture `byway_transports`.

The fixture comes with byway. Nothing listens on a port. Here the application is the chat of
`starlette_chat.py`, and the tests are coroutines of pytest-asyncio; see
`docs/how-to/test-your-application.md` for anyio.

Try it: pytest examples/test_starlette_chat.py
And:    pytest examples/test_starlette_chat.py --byway-network=refuse-403,nginx-plain
"""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from examples.starlette_chat import app
from pytest_byway import TransportsFixture


@pytest.mark.asyncio
async def test_the_chat(byway_transports: TransportsFixture) -> None:
    """Run once over each transport."""
    async with byway_transports(app) as server:
        async with server.connect("/chat/ann") as ann:
            assert await ann.receive() == "welcome, ann"
            await ann.send("hello")
            assert await ann.receive() == "ann: hello"


def test_the_chat_over_a_plain_websocket() -> None:
    """Starlette's own client still works."""
    with TestClient(app) as client, client.websocket_connect("/chat/ann") as ann:
        assert ann.receive_text() == "welcome, ann"
        ann.send_text("hello")
        assert ann.receive_text() == "ann: hello"
