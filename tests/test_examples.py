"""The examples run as they stand, under a real uvicorn."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

import byway
from byway.negotiation import DEFAULT_ORDER
from byway.testing import NetworkThread
from tests.server.intruder import Intruder, known
from tests.support.process import ROOT
from tests.support.redis import RedisServer, redis_server
from tests.support.servers import uvicorn
from tests.support.several import Several, workers

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


def test_the_second_visit_begins_with_what_the_first_found(tmp_path: Path) -> None:
    """A network that swallows upgrades costs the first visit half a second, the second none."""
    file = tmp_path / "memory.json"
    with (
        uvicorn("examples.endpoint_server:app") as server,
        NetworkThread(server.port, "black-hole") as network,
    ):
        done = subprocess.run(
            [sys.executable, "-m", "examples.preference", network.url, str(file)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert network.counters.upgrades == 1
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "first visit: over stream",
        "hello",
        "second visit: over stream",
        "hello",
    ]
    assert "stream" in file.read_text()


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


@transports
async def test_the_htmx_chat_swaps_what_is_said(transport: str) -> None:
    """In browsers, with htmx itself: tests/browser/libraries/test_htmx.py."""
    with uvicorn("examples.htmx_chat:app") as server:
        async with httpx.AsyncClient(trust_env=False) as http:
            page = (await http.get(server.url("/"))).text
            (script,) = re.findall(r'src="(/byway/[^"]+\?install)"', page)
            assert "BywaySocket" in (await http.get(server.url(script))).text
        async with byway.connect(server.url("/chat"), transports=[transport]) as channel:
            await channel.send('{"text": "1 < 2"}')
            swap = '<ul id="said" hx-swap-oob="beforeend"><li>1 &lt; 2</li></ul>'
            assert await channel.receive() == swap


@transports
async def test_a_session_goes_on_for_its_user_only(transport: str) -> None:
    with uvicorn("examples.bound_sessions:app") as server:
        async with httpx.AsyncClient(trust_env=False) as http:
            await http.get(server.url("/login/ann"))
            cookie = {"cookie": f"login={http.cookies['login']}"}
        url = server.url("/whoami")
        async with byway.connect(url, transports=[transport], headers=cookie) as channel:
            await channel.send("?")
            assert await channel.receive() == "you are ann"
            session = known(channel)
            async with httpx.AsyncClient(trust_env=False) as http:
                thief = Intruder(server, http, path="/whoami")
                assert (await thief.attempt("poll", session))[0] == 403
                assert (await thief.attempt("websocket", session))[0] == 403
            await channel.send("?")
            assert await channel.receive() == "you are ann"


@pytest.fixture(scope="module")
def rooms() -> Iterator[Several]:
    """Serve the chat with rooms over four workers, each of which listens to a real Redis."""
    with redis_server() as redis:
        with workers("examples.rooms:app", env={"REDIS_URL": redis.url()}) as server:
            _wait_for_listeners(redis, 4)
            yield server


def _wait_for_listeners(redis: RedisServer, count: int) -> None:
    with redis.client() as client:
        for _ in range(1000):
            if sum(one["psub"] == "1" for one in client.client_list()) == count:
                return
            threading.Event().wait(0.02)  # nothing tells: ask again
    raise AssertionError("the workers do not listen to Redis")


@transports
async def test_visitors_of_a_room_hear_each_other_whatever_process_they_are_in(
    rooms: Several, transport: str
) -> None:
    async with AsyncExitStack() as stack:

        async def enter(room: str, name: str, over: str) -> tuple[byway.Channel, str]:
            url = rooms.url(f"/rooms/{room}/{name}")
            context = byway.connect(url, transports=[over], memory=False)
            channel = await stack.enter_async_context(context)
            welcome = str(await channel.receive())
            assert welcome.startswith(f"welcome, {name}, in process ")
            return channel, welcome.rpartition(" ")[2]

        tea = f"tea-{transport}"
        ann, process = await enter(tea, "ann", transport)
        others, processes = [ann], {process}
        while len(processes) < 2 or len(others) < 4:
            assert len(others) < 100
            one, process = await enter(tea, f"visitor{len(others)}", "websocket")
            others.append(one)
            processes.add(process)
        elsewhere, _ = await enter(f"coffee-{transport}", "eve", "websocket")
        for number in range(20):
            await ann.send(f"hello {number}")
            for one in others:
                assert await one.receive() == f"ann: hello {number}"
        await elsewhere.send("and here?")
        assert await elsewhere.receive() == "eve: and here?"


async def test_what_an_application_says_in_one_process_stays_there() -> None:
    """byway carries sessions, not what an application's processes say to each other."""
    with workers("examples.starlette_chat:app") as server:
        async with AsyncExitStack() as stack:
            visitors = []
            for number in range(24):
                url = server.url(f"/chat/visitor{number}")
                context = byway.connect(url, transports=["websocket"], memory=False)
                visitors.append(await stack.enter_async_context(context))
                assert await visitors[-1].receive() == f"welcome, visitor{number}"
            await visitors[0].send("hello")
            assert await visitors[0].receive() == "visitor0: hello"

            async def hears(number: int) -> bool:
                await visitors[number].send("done")
                heard = []
                while (text := await visitors[number].receive()) != f"visitor{number}: done":
                    heard.append(text)
                return "visitor0: hello" in heard

            heard = await asyncio.gather(*(hears(number) for number in range(1, 24)))
    assert not all(heard), "else all of them were in one process, and nothing is shown"
