"""What is loaded when: by `import byway`, by a server, by a client, and by one that connects."""

from __future__ import annotations

import importlib.util
import inspect
import json
import pickle
import pydoc
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

import byway
import byway.negotiation
import byway.transports
from byway.headers import Headers
from byway.negotiation import DEFAULT_ORDER
from tests.support.servers import Server

LIBRARIES = ("anyio", "h2", "httpcore", "httpcore2", "httpx", "httpx2", "websockets")
"""What only a client needs, and only once it connects."""

CONNECTING = (
    "byway.client.channels",
    "byway.client.driver",
    "byway.negotiation.diagnosis",
    "byway.negotiation.race",
    "byway.negotiation.report",
    "byway.transports.batches",
    "byway.transports.cookies",
    "byway.transports.dial",
    "byway.transports.lookup",
    "byway.transports.pool",
    "byway.transports.reach",
    "byway.transports.refusal",
    "byway.transports.poll_series",
    "byway.transports.connection_errors",
    "byway.transports.tunnel",
    "byway.transports.uplink",
    "byway.transports.upload",
    "byway.transports.websocket_client",
)
"""What opens and uses connections."""

TOOLS = (
    "byway.cli",
    "byway.demo",
    "byway.doctor",
    "byway.metrics",
    "byway.sessions",
    "byway.testing",
)

NOT_LOADED = {
    "import byway": ("asyncio", "byway.errors", "ssl", *LIBRARIES),
    "import byway.server": (
        "byway.client",
        "byway.http_library",
        "byway.negotiation.memory",
        "http.client",
        "sse_starlette",
        "starlette",
        "urllib.request",
        *LIBRARIES,
        *CONNECTING,
        *TOOLS,
    ),
    "from byway import connect": (
        "byway.backplane",
        "byway.browser",
        "byway.server",
        *LIBRARIES,
        *CONNECTING,
        *TOOLS,
    ),
}
NOT_LOADED["from byway import FallbackMiddleware"] = NOT_LOADED["import byway.server"]

LOADED = "import sys, json; {}; print(json.dumps(sorted(sys.modules)))"

CONNECT = """
import asyncio, json, ssl, sys, threading
from byway import connect

here = threading.get_ident()
seen = []

def hook(event, arguments):
    if event == "import" and threading.get_ident() == here:
        seen.append(arguments[0])

class Context(ssl.SSLContext):
    def __new__(cls, *arguments, **options):
        if threading.get_ident() == here:
            seen.append("an SSLContext")
        return super().__new__(cls, *arguments, **options)

async def main(url, transport):
    ssl.SSLContext = Context
    sys.addaudithook(hook)
    async with asyncio.timeout(20):
        async with connect(url, transports=transport, memory=False) as channel:
            await channel.send("hello")
            assert await channel.receive() == "hello"
            assert channel.transport == transport, channel.transport

asyncio.run(main(*sys.argv[1:]))
print(json.dumps(seen))
"""


def run(code: str, *arguments: str) -> Any:
    """Run a program in a process of its own, and return what it prints as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("statement", NOT_LOADED)
def test_nothing_is_loaded_that_the_statement_does_not_need(statement: str) -> None:
    names = NOT_LOADED[statement]
    assert set(names) & set(run(LOADED.format(statement))) == set()


@pytest.mark.parametrize("name", sorted({name for all_ in NOT_LOADED.values() for name in all_}))
def test_what_must_not_be_loaded_exists(name: str) -> None:
    """Else a module that was renamed would be loaded and not be missed."""
    if name in ("httpx2", "httpcore2"):
        pytest.importorskip(name)
    assert importlib.util.find_spec(name) is not None


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
@pytest.mark.parametrize("transport", DEFAULT_ORDER)
def test_a_client_imports_nothing_on_its_loop_s_thread_once_it_connects(
    endpoint_server: Server, transport: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first connection of a process, from the call of `connect()` to the channel's end."""
    pytest.importorskip(library)
    monkeypatch.setenv("BYWAY_HTTP", library)
    assert run(CONNECT, endpoint_server.url("/echo"), transport) == []


@pytest.mark.parametrize("package", [byway, byway.negotiation, byway.transports])
def test_a_package_has_each_name_that_it_offers(package: ModuleType) -> None:
    for name in package.__all__:
        assert name in dir(package)
        found = getattr(package, name)
        assert getattr(package, name) is found
    namespace: dict[str, object] = {}
    exec(f"from {package.__name__} import *", namespace)  # noqa: S102 - our own words
    assert set(package.__all__) <= set(namespace)
    with pytest.raises(AttributeError, match=f"'{package.__name__}' has no attribute 'nothing'"):
        package.nothing  # noqa: B018
    with pytest.raises(ImportError, match="nothing"):
        exec(f"from {package.__name__} import nothing")  # noqa: S102 - our own words


def test_the_names_that_type_checkers_see_are_those_that_are_there() -> None:
    """They read `if TYPE_CHECKING`; what runs is a table."""
    for package in (byway, byway.negotiation, byway.transports):
        lines = inspect.getsource(package).partition("if TYPE_CHECKING:\n")[2].partition("else:")[0]
        code = "\n".join(line.removeprefix("    ") for line in lines.splitlines())
        seen: dict[str, object] = {}
        exec(code, seen)  # noqa: S102 - our own words
        del seen["__builtins__"]
        assert {name: getattr(package, name) for name in seen} == seen
        missing = set(package.__all__) - set(seen) - set(vars(package))
        assert missing == set()


def test_modules_are_attributes_of_the_package_as_before() -> None:
    code = "import byway, json; print(json.dumps([byway.errors.__name__, byway.server.__name__]))"
    assert run(code) == ["byway.errors", "byway.server"]


def test_help_shows_every_name() -> None:
    text = pydoc.plain(pydoc.render_doc(byway))
    for name in byway.__all__:
        assert name in text, name


def test_classes_are_pickled_by_the_modules_that_have_them() -> None:
    for name in byway.__all__:
        found = getattr(byway, name)
        assert pickle.loads(pickle.dumps(found)) is found, name
    report = byway.Report(url="http://app.example/", findings=())
    assert pickle.loads(pickle.dumps(report)) == report
    headers = Headers([(b"X-One", b"1")])
    assert pickle.loads(pickle.dumps(headers)) == headers
