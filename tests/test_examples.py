"""The examples run as they stand, under a real uvicorn."""

from __future__ import annotations

import subprocess
import sys

import pytest

import byway
from byway.negotiation import DEFAULT_ORDER
from tests.support.process import ROOT
from tests.support.servers import uvicorn

transports = pytest.mark.parametrize("transport", DEFAULT_ORDER)
bareasgi_examples = pytest.mark.parametrize(
    "name", ["bareasgi_websocket", "bareasgi_websocket_untyped"]
)


@transports
@bareasgi_examples
async def test_the_bareasgi_example_answers_over_every_transport(name: str, transport: str) -> None:
    with uvicorn(f"examples.{name}:app") as server:
        url = server.url("/websocket_handler")
        async with byway.connect(url, transports=[transport]) as channel:
            assert channel.transport == transport
            for text in ("hello", "", "two\r\nlines"):
                await channel.send(text)
                assert await channel.receive() == f"You said: {text}"
        assert channel.code == 1000


@bareasgi_examples
def test_only_the_wrapping_line_knows_byway(name: str) -> None:
    lines = (ROOT / "examples" / f"{name}.py").read_text().partition('"""\n\n')[2].splitlines()
    assert [line for line in lines if "byway" in line or "Fallback" in line] == [
        "from byway import FallbackMiddleware",
        "app = FallbackMiddleware(application)",
    ]


def test_the_client_talks_to_the_endpoint() -> None:
    with uvicorn("examples.endpoint_server:app") as server:
        done = subprocess.run(
            [sys.executable, ROOT / "examples" / "client.py", server.url("/")],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["connected over websocket", "hello", "are you there?"]


@transports
async def test_the_starlette_chat_passes_on_what_is_said(transport: str) -> None:
    with uvicorn("examples.starlette_chat:app") as server:
        async with (
            byway.connect(server.url("/chat/ann"), transports=[transport]) as ann,
            byway.connect(server.url("/chat/bob"), transports=["websocket"]) as bob,
        ):
            assert await ann.receive() == "welcome, ann"
            assert await bob.receive() == "welcome, bob"
            await ann.send("hello all")
            assert await bob.receive() == "ann: hello all"
            assert await ann.receive() == "ann: hello all"
            with pytest.raises(byway.Refused) as refused:
                async with byway.connect(server.url("/chat/ann"), transports=[transport]):
                    pass
            assert refused.value.status == 403
