"""The module in Node, where there is no page: Node 20 has no WebSocket, later ones have."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from byway.testing import DropPost, FailWith, LosePostAnswer, Network, Rule
from tests.apps.counted_app import DONE
from tests.apps.quiet_app import SHORT
from tests.browser.codes import code
from tests.server.test_relay import APP, sharing
from tests.support.relay import relay
from tests.support.round_robin import round_robin
from tests.support.servers import Server, uvicorn

SCRIPT = Path(__file__).with_name("node.mjs")
MODULE = Path(__file__).resolve().parents[2] / "browser" / "byway.js"
COUNT = 400

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None and os.environ.get("BYWAY_REQUIRE_PARTS") != "1",
    reason="node is not installed",
)


async def node(*arguments: str) -> Any:
    """Run Node to its end, which comes by itself, and return what it has to say."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec("node", *arguments, stdout=pipe, stderr=pipe)
    try:
        async with asyncio.timeout(40):
            out, error = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise AssertionError("node has not ended") from None
    assert process.returncode == 0, error.decode()
    return json.loads(out)


async def run(url: str, seconds: float, options: dict[str, Any]) -> dict[str, Any]:
    """Run the client that counts, and return what it has counted."""
    told: dict[str, Any] = await node(
        str(SCRIPT), url, str(COUNT), str(seconds), json.dumps(options)
    )
    return told


async def evaluated(
    script: str, *arguments: str, flags: tuple[str, ...] = (), least: bool = False
) -> Any:
    """Run a script, whose first argument is the module's address, and return what it prints."""
    module = MODULE.with_name("byway.min.js" if least else "byway.js").as_uri()
    return await node(*flags, "--input-type=module", "-e", script, module, *arguments)


async def counted(url: str, seconds: float, options: dict[str, Any]) -> dict[str, Any]:
    """Run the client to the end that it is to have, and return what it counted."""
    told = await run(url, seconds, options)
    assert (told["code"], told["reason"]) == (DONE, f"{COUNT} up, 0 wrong"), told
    counts = {name: told[name] for name in ("lost", "doubled", "reordered", "wrong", "errors")}
    assert counts == dict.fromkeys(counts, 0), told
    return told


@pytest.mark.parametrize("transport", ["stream", "sse", "poll"])
async def test_every_transport(server: Server, transport: str) -> None:
    url = server.url("", scheme="ws")
    told = await counted(url, 1.0, {"transports": [transport], "memory": False})
    assert told["moves"] == [transport]
    assert told["buffered"] == 0


@pytest.mark.parametrize(
    "profile",
    [
        "refuse-403-buffered",
        "cut-64k",
        "lossy-posts",
        "repeating-posts",
        "nginx-plain",
        "file-types",
    ],
)
async def test_a_restrictive_network(server: Server, profile: str) -> None:
    async with Network(server.port, profile) as network:
        await counted(network.ws_url, 1.0, {})


async def test_connections_that_are_cut(server: Server) -> None:
    async with Network(server.port) as network:

        async def cut() -> None:
            while True:
                await asyncio.sleep(0.7)
                network.kill_connections()

        cutting = asyncio.create_task(cut())
        try:
            told = await counted(network.ws_url, 4.0, {"memory": False})
        finally:
            cutting.cancel()
            await asyncio.gather(cutting, return_exceptions=True)
    assert len(told["moves"]) > 2


@pytest.mark.parametrize("transport", ["stream", "sse"])
async def test_behind_a_round_robin_nothing_is_lost(server: Server, transport: str) -> None:
    """Every second request reaches the other server. Polls would lose their carrier each time."""
    with (
        uvicorn("tests.apps.counted_app:app") as other,
        round_robin(server.port, other.port) as balancer,
    ):
        mark = server.log.mark()
        url = balancer.url(scheme="ws")
        await counted(url, 1.0, {"transports": [transport], "memory": False})
        lines = server.log.since(mark) + other.log.lines
        assert any("410 this session belongs to another process" in line for line in lines)


@pytest.mark.parametrize("transport", ["stream", "sse", "poll"])
async def test_a_server_in_the_place_of_the_old_ends_the_session(transport: str) -> None:
    """Long before its window, and after some answers in a row."""
    with contextlib.ExitStack() as servers:
        first = servers.enter_context(uvicorn("tests.apps.counted_app:app"))
        async with Network(first.port) as network:
            options = {"transports": [transport], "memory": False}
            running = asyncio.create_task(run(network.ws_url, 60.0, options))
            await network.until(lambda: network.counters.posts >= 4)  # it is open
            await asyncio.to_thread(first.program.kill)
            second = servers.enter_context(uvicorn("tests.apps.counted_app:app"))
            network.redirect(second.port)
            told = await running
        assert (told["code"], told["wasClean"]) == (1006, False)
        [found] = told["report"]["transports"]
        assert found["status"] == 410, found
        assert "belongs to another process" in found["why"]
        refused = [line for line in second.log.lines if "belongs to another process" in line]
        assert len(refused) >= 3


FALL_SILENT = """
const { BywaySocket } = await import(process.argv[1])
const socket = new BywaySocket(process.argv[2], [], { memory: false, transports: ["stream"] })
const next = () => new Promise((resolve) => {
  socket.onmessage = ({ data }) => resolve(data)
  socket.onclose = ({ code }) => resolve(code)
})
await new Promise((resolve) => (socket.onopen = resolve))
for (let count = 20; count--; ) {
  socket.send("before")
  await next()
}
await new Promise((resolve) => setTimeout(resolve, Number(process.argv[3]) * 1000))
socket.send("after")
console.log(JSON.stringify(await next()))
socket.close()
"""


async def test_an_upload_that_is_cut_in_silence_costs_no_session() -> None:
    """As with the Python client: tests/server/test_upload.py says where that happens."""
    with uvicorn("tests.apps.quiet_app:app") as server:
        async with relay(server.port) as way:
            url = f"ws://127.0.0.1:{way.port}/"
            seconds = 2.5 + SHORT.silence + SHORT.window + 3
            running = asyncio.create_task(evaluated(FALL_SILENT, url, str(seconds)))
            async with asyncio.timeout(20):
                await way.until_carries(b"byway: up")
            await asyncio.sleep(2.5)  # what was said has been heard
            assert way.carries(b"byway: up"), "round trips that are asked for end no upload"
            way.deaf_to = b"byway: up"
            assert await running == "after"
        server.assert_quiet()


TRY = """
const { BywaySocket } = await import(process.argv[1])
const options = { memory: false, ...JSON.parse(process.argv[3]) }
const socket = new BywaySocket(process.argv[2], [], options)
const how = await new Promise((resolve) => {
  socket.onopen = () => resolve("open")
  socket.onclose = ({ code }) => resolve(code)
})
console.log(JSON.stringify({ how, ...socket.report() }))
socket.close()
"""


async def told(
    url: str, options: dict[str, Any], *, flags: tuple[str, ...] = (), least: bool = False
) -> dict[str, Any]:
    """Open a socket in Node, and return its report."""
    found: dict[str, Any] = await evaluated(TRY, url, json.dumps(options), flags=flags, least=least)
    return found


@pytest.mark.parametrize("least", [False, True])
async def test_the_report_says_what_was_tried_where_nobody_is(
    unused_tcp_port: int, least: bool
) -> None:
    found = await told(f"ws://127.0.0.1:{unused_tcp_port}/", {}, least=least)
    assert found["how"] == 1006
    assert code(found["failure"]) == "NO_SERVER"
    tried = {one["transport"]: (one["verdict"], bool(one["why"])) for one in found["transports"]}
    assert tried == dict.fromkeys(["websocket", "stream", "sse", "poll"], ("failed", True))


async def test_where_there_is_no_websocket_the_report_says_so(server: Server) -> None:
    """Node 20 has none; later ones can do without."""
    version = await asyncio.to_thread(subprocess.check_output, ["node", "--version"], text=True)
    flags = ("--no-experimental-websocket",) if int(version[1:].split(".")[0]) > 20 else ()
    url = server.url("/counted?count=1&seconds=1", scheme="ws")
    found = await told(url, {"transports": "websocket"}, flags=flags)
    (one,) = found["transports"]
    assert found["how"] == 1006
    assert (one["transport"], one["verdict"], code(one["why"])) == (
        "websocket",
        "failed",
        "NO_WEBSOCKET",
    )
    assert code(found["failure"]) == "NOTHING_PASSES"
    found = await told(url, {}, flags=flags)
    assert (found["how"], found["transport"]) == ("open", "stream")
    assert code(found["transports"][0]["why"]) == "NO_WEBSOCKET"


@pytest.mark.parametrize("least", [False, True])
async def test_a_server_that_is_away_for_a_moment_is_waited_for(
    server: Server, least: bool
) -> None:
    async with Network(server.port, "deploy") as network:
        found = await told(network.ws_url + "/counted?count=1&seconds=1", {}, least=least)
        assert (found["how"], found["failure"]) == ("open", None)
        network.use(FailWith(503, retry_after=60))
        found = await told(network.ws_url + "/counted?count=1&seconds=1", {}, least=least)
        assert found["how"] == 1006
        assert code(found["failure"]) == "COME_BACK_LATER"
        assert found["transports"][-1]["after"] == 60


LOSE = """
const { BywaySocket } = await import(process.argv[1])
const open = () => new Promise((resolve) => {
  const socket = new BywaySocket(process.argv[2], [], { memory: false, transports: ["poll"] })
  const closed = new Promise((resolve) => (socket.onclose = ({ code }) => resolve(code)))
  socket.onopen = () => socket.send("hello")
  socket.onmessage = () => resolve([socket, closed])
})
const [socket, closed] = await open()
const code = await closed
const [{ status, after }] = socket.report().transports
const began = performance.now()
const [next] = await open()
console.log(JSON.stringify({ code, status, after, waited: (performance.now() - began) / 1000 }))
next.close()
"""


@pytest.mark.parametrize("least", [False, True])
async def test_a_session_that_was_lost_with_its_process_is_not_followed_too_soon(
    tmp_path: Path, least: bool
) -> None:
    """Whatever opens the next, at once as many libraries do: it stays `CONNECTING` for so long."""
    with sharing(tmp_path / "meet", APP, APP) as (first, second):
        async with Network(first.port) as network:
            url = f"{network.ws_url}/echo"
            running = asyncio.create_task(evaluated(LOSE, url, least=least))
            await network.until(lambda: network.counters.posts >= 7)  # it has opened
            network.redirect(second.port)
            first.program.kill()
            found = await running
    assert (found["code"], found["status"]) == (1006, 410)
    assert found["after"] >= 1
    assert found["waited"] >= found["after"] - 0.1


USED = """
const { BywaySocket } = await import(process.argv[1])
const real = crypto.getRandomValues.bind(crypto)
const found = []
for (let count = 2; count--; ) {
  let isKey = true // what is drawn first
  crypto.getRandomValues = (array) => {
    if (isKey) array.set(JSON.parse(process.argv[4]))
    else real(array)
    isKey = false
    return array
  }
  const transports = [process.argv[3]]
  const socket = new BywaySocket(process.argv[2], [], { memory: false, transports })
  found.push(await new Promise((resolve) => {
    socket.onopen = () => socket.send("hello")
    socket.onmessage = ({ data }) => resolve(data)
    socket.onclose = ({ code }) => resolve(code)
  }))
  const closed = new Promise((resolve) => (socket.onclose = resolve))
  socket.close()
  await closed
}
console.log(JSON.stringify(found))
"""


@pytest.mark.parametrize("transport", ["stream", "poll"])
async def test_an_opening_whose_key_is_used_up_gets_another(
    endpoint_server: Server, transport: str
) -> None:
    url = endpoint_server.url("/echo", scheme="ws")
    mark = endpoint_server.log.mark()
    key = json.dumps([secrets.randbits(32) for _ in range(6)])
    assert await evaluated(USED, url, transport, key) == ["hello", "hello"]
    assert any("410 this session has ended" in one for one in endpoint_server.log.since(mark))


KEEP = """
const { BywaySocket } = await import(process.argv[1])
const transports = [process.argv[3]]
const socket = new BywaySocket(process.argv[2], [], { memory: false, transports })
const next = () => new Promise((resolve) => (socket.onmessage = ({ data }) => resolve(data)))
await new Promise((resolve) => (socket.onopen = resolve))
socket.send("hello")
await next()
console.log("ready")
process.stdin.once("data", () => socket.send("kept"))
console.log(await next())
process.exit()
"""


CONVERSE = """
const { BywaySocket } = await import(process.argv[1])
const socket = new BywaySocket(process.argv[2], [], { memory: false, transports: ["poll"] })
const next = () => new Promise((resolve) => (socket.onmessage = ({ data }) => resolve(data)))
const long = "x".repeat(40_000) // which does not go up with a poll as a whole
await new Promise((resolve) => (socket.onopen = resolve))
let heard = 0
const converse = (count, said) => new Promise((resolve) => {
  let left = count
  socket.send(said)
  socket.onmessage = ({ data }) => {
    heard += data === said
    --left ? socket.send(said) : resolve()
  }
})
await converse(5, "hello")
console.log("ready")
await new Promise((resolve) => process.stdin.once("data", resolve))
await converse(60, "hello")
console.log("said")
await new Promise((resolve) => process.stdin.once("data", resolve))
await converse(5, long)
console.log(`heard ${heard}`)
process.exit()
"""


@pytest.mark.parametrize("rule", [None, DropPost(nth=7), LosePostAnswer(nth=7)], ids=repr)
async def test_what_is_said_to_a_response_goes_up_with_the_next_poll(
    endpoint_server: Server, rule: Rule | None
) -> None:
    async with Network(endpoint_server.port) as network:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            "node", "--input-type=module", "-e", CONVERSE, MODULE.as_uri(),
            f"{network.ws_url}/echo", stdin=pipe, stdout=pipe,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            async with asyncio.timeout(40):
                assert await process.stdout.readline() == b"ready\n"
                network.use(*([] if rule is None else [rule]))
                before = network.counters.posts
                process.stdin.write(b"on\n")
                assert await process.stdout.readline() == b"said\n"
                if rule is None:
                    assert network.counters.posts - before <= 72, "one request an echo"
                process.stdin.write(b"on\n")
                assert await process.stdout.readline() == b"heard 70\n"
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


@pytest.mark.parametrize("transport", ["stream", "poll"])
async def test_503_in_mid_session_costs_no_session_and_is_not_asked_for_again_too_soon(
    endpoint_server: Server, transport: str
) -> None:
    async with Network(endpoint_server.port) as network:
        pipe = asyncio.subprocess.PIPE
        arguments = [MODULE.as_uri(), f"{network.ws_url}/echo", transport]
        process = await asyncio.create_subprocess_exec(
            "node", "--input-type=module", "-e", KEEP, *arguments, stdin=pipe, stdout=pipe
        )
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            async with asyncio.timeout(30):
                assert await process.stdout.readline() == b"ready\n"
                network.use(FailWith(503, retry_after=3))
                before = network.counters.posts
                process.stdin.write(b"now\n")
                await asyncio.sleep(5)
                # Polls and batches are requests of their own.
                assert 1 <= network.counters.posts - before <= 4
                network.use()
                assert await process.stdout.readline() == b"kept\n"
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
