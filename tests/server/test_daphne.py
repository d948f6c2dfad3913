"""Daphne, which drops WebSocket messages without bytes on their way down, and a server that also
drops them on their way up: with a client in Python, and one in Node.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from websockets import Subprotocol
from websockets.asyncio.client import connect as connect_plain

from byway.handshake import Hello
from byway.keys import new_key
from tests.apps.steady_app import DONE
from tests.support.asgi_servers import ALL, serving
from tests.support.process import ROOT
from tests.support.relay import Relay, relay
from tests.support.servers import Server, uvicorn
from tests.support.steady_client import cuts, steady

COUNT = 198
PAUSE = 0.01

CLIENT = """
const { BywaySocket } = await import(process.argv[1]);
const socket = new BywaySocket(process.argv[2], [], { transports: ["websocket"], memory: false });
socket.binaryType = "arraybuffer";
const held = [];
let count = 0;
socket.onmessage = ({ data }) => {
  held.push(data);
  if (++count % 6 === 0) {
    const next = () => held[0] === undefined || (socket.send(held.shift()), setTimeout(next));
    next();
  }
};
socket.onclose = ({ code, reason }) => console.log(JSON.stringify([code, reason]));
"""
"""Sends back what comes, which is what the server waits for: six messages in as many tasks, so that
no acknowledgement goes with most of them."""


@pytest.fixture(scope="module", params=["daphne", "dropping"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Serve the endpoint by Daphne, or by uvicorn behind what drops messages both ways."""
    if request.param == "daphne":
        with serving(ALL["daphne"], "tests.apps.steady_app:app") as one:
            yield one
    else:
        with uvicorn("tests.apps.steady_app:dropping") as one:
            yield one
    one.assert_quiet()


@pytest.fixture
async def network(server: Server) -> AsyncIterator[Relay]:
    """Stand before it."""
    async with relay(server.port) as one:
        yield one


async def test_an_empty_message_is_lost_without_byway() -> None:
    """So this is Daphne's doing. Where it ends, the page of the servers is to be changed."""
    with serving(ALL["daphne"], "tests.apps.echo_asgi:app") as one:
        async with connect_plain(one.url(scheme="ws"), proxy=None) as socket:
            for text in ("", "after", ""):
                await socket.send(text)
            await socket.send("last")
            assert [await socket.recv(), await socket.recv()] == ["after", "last"]


async def test_empty_messages_of_a_python_client_survive_cuts(network: Relay) -> None:
    async with cuts(network.cut) as found:
        await steady(network.url(""), "websocket", count=COUNT, pause=PAUSE)
    assert len(found) > 1, "not cut"


@pytest.mark.parametrize("module", ["byway.js", "byway.min.js"])
@pytest.mark.skipif(
    shutil.which("node") is None and os.environ.get("BYWAY_REQUIRE_PARTS") != "1",
    reason="node is not installed",
)
async def test_empty_messages_of_a_page_survive_cuts(network: Relay, module: str) -> None:
    """Node's WebSocket is a browser's, but for the flag that Node 20 wants."""
    url = network.url("").replace("http", "ws") + f"/?count={COUNT}&pause={PAUSE}"
    flags = ["--experimental-websocket", "--input-type=module", "-e", CLIENT]
    arguments = [*flags, Path(ROOT, "browser", module).as_uri(), url]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec("node", *arguments, stdout=pipe, stderr=pipe)
    try:
        async with cuts(network.cut) as found, asyncio.timeout(15):
            out, error = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, error.decode()
    assert json.loads(out) == [DONE, f"{COUNT} up, 0 pieces"]
    assert len(found) > 1, "not cut"


async def test_a_code_that_daphne_refuses_is_no_exception() -> None:
    """It takes 1000 and 3000 to 4999 from an application: bad frames (1002) close with 1000."""
    offers = ["byway.1", Hello(key=new_key(), carrier=1, received=0, room=1000).token()]
    with serving(ALL["daphne"], "tests.apps.endpoint_app:app") as one:
        async with connect_plain(
            one.url("/echo", scheme="ws"),
            proxy=None,
            subprotocols=[Subprotocol(offer) for offer in offers],
        ) as socket:
            await socket.send(b"\0 no frame")
            async with asyncio.timeout(20):
                await socket.wait_closed()
        assert socket.close_code == 1000
        await one.log.seen("bad frames on websocket")
    assert not one.tracebacks(), one.tracebacks()
