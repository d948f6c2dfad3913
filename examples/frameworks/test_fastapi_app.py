"""Test the FastAPI chat as you test any WebSocket of FastAPI, with its `TestClient`.

Try it: pytest examples/frameworks/test_fastapi_app.py
"""

import pytest
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse

from examples.frameworks.fastapi_app import app


def test_chat() -> None:
    """Two visitors hear each other."""
    with TestClient(app) as client:
        client.post("/login/ann")
        with (
            client.websocket_connect("/chat") as ann,
            client.websocket_connect("/chat?name=bob", headers={"cookie": ""}) as bob,
        ):
            assert ann.receive_text() == "welcome, ann"
            assert bob.receive_text() == "welcome, bob"
            ann.send_text("hello")
            assert bob.receive_text() == "ann: hello"


def test_strangers_are_refused() -> None:
    """A visitor without a name is refused."""
    with TestClient(app) as client, pytest.raises(WebSocketDenialResponse) as refused:
        with client.websocket_connect("/chat"):
            pass
    assert refused.value.status_code == 401
