"""The clients that are measured, and the servers that they talk to.

Knows: how each is started, what it needs, which version it is.
Must not know: networks, what was measured.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from benchmarks.peers.worker import ROOT
from byway.demo.processes import free_port, running

HERE = Path(__file__).resolve().parent
MODULES = HERE / "node_modules"


@dataclass(frozen=True, slots=True)
class Client:
    """A client in one configuration.

    Attributes:
        label: what it is called in the output.
        about: what is measured, for the documentation.
        command: its process, which takes questions as `worker.js` and `python_client` do.
        server: the server that it talks to.
        npm: the npm packages that it needs.
        visits: times that it connects, with one memory; the last is measured.
    """

    label: str
    about: str
    command: tuple[str, ...]
    server: str
    npm: tuple[str, ...] = ()
    visits: int = 1


def _python(kind: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "benchmarks.peers.python_client", kind)


def _node(script: str, *arguments: str) -> tuple[str, ...]:
    return ("node", str(HERE / script), *arguments)


CLIENTS: Final[dict[str, Client]] = {
    "byway": Client(
        "byway", "its defaults, and a memory that knows nothing", _python("byway"), "byway"
    ),
    "byway-remembered": Client(
        "byway, remembered",
        "the same, on the second visit through the same network",
        _python("byway"),
        "byway",
        visits=2,
    ),
    "websockets": Client(
        "websockets",
        "a plain WebSocket without a fallback, for reference",
        _python("websockets"),
        "plain",
    ),
    "python-socketio": Client(
        "python-socketio",
        "its asyncio client: polling, then an upgrade; `retry=True`, and a `wait_timeout` beyond "
        "the cap, as by default it gives up after 1 s",
        _python("python-socketio"),
        "python-socketio",
    ),
    "socketio": Client(
        "socket.io-client",
        "its defaults: polling, then an upgrade",
        _node("socketio_client.js"),
        "python-socketio",
        npm=("socket.io-client",),
    ),
    "socketio-node": Client(
        "socket.io-client to Node",
        "the same",
        _node("socketio_client.js"),
        "socket.io",
        npm=("socket.io-client", "socket.io"),
    ),
    "socketio-websocket": Client(
        "socket.io-client, ws first",
        '`transports: ["websocket", "polling"], tryAllTransports: true`',
        _node("socketio_client.js", "websocket"),
        "python-socketio",
        npm=("socket.io-client",),
    ),
    "sockjs": Client(
        "sockjs-client",
        "its defaults",
        _node("sockjs_client.js"),
        "sockjs",
        npm=("sockjs-client", "sockjs"),
    ),
    "phoenix": Client(
        "phoenix",
        "`longPollFallbackMs: 2500`, as in a new Phoenix application",
        _node("phoenix_client.js"),
        "phoenix",
        npm=("phoenix", "ws"),
    ),
    "phoenix-remembered": Client(
        "phoenix, remembered",
        "the same, on the second visit with the `sessionStorage` that the first left",
        _node("phoenix_client.js"),
        "phoenix",
        npm=("phoenix", "ws"),
        visits=2,
    ),
}


@dataclass(frozen=True, slots=True)
class Server:
    """A server.

    Attributes:
        about: what it is, for the documentation.
        program: what runs it: "uvicorn" or "node".
        target: the application, or the script.
    """

    about: str
    program: str
    target: str


SERVERS: Final[dict[str, Server]] = {
    "byway": Server(
        "an echo in `FallbackMiddleware`, on uvicorn", "uvicorn", "benchmarks.applications:wrapped"
    ),
    "plain": Server("the echo alone, on uvicorn", "uvicorn", "benchmarks.applications:bare"),
    "python-socketio": Server(
        "python-socketio on uvicorn", "uvicorn", "benchmarks.peers.socketio_server:app"
    ),
    "socket.io": Server("socket.io's own, on Node", "node", "socketio_server.js"),
    "sockjs": Server("the SockJS project's own, on Node", "node", "sockjs_server.js"),
    "phoenix": Server("a stand-in on uvicorn", "uvicorn", "benchmarks.peers.phoenix_stand_in:app"),
}


def missing(client: Client) -> str | None:
    """Return why a client cannot be measured here; None where it can."""
    if client.server == "python-socketio" and find_spec("socketio") is None:
        return "python-socketio is missing: `make setup` installs it"
    if client.npm and shutil.which("node") is None:
        return "node is missing"
    for package in client.npm:
        if not (MODULES / package).is_dir():
            return f"{package} is missing: `make bench-parts` installs it"
    return None


async def start_servers(names: Iterable[str], stack: AsyncExitStack) -> dict[str, int]:
    """Start servers until the stack is closed; return the port of each."""
    ports = {}
    for name in dict.fromkeys(names):
        server, port = SERVERS[name], free_port()
        command = ["node", str(HERE / server.target), str(port)]
        if server.program == "uvicorn":
            command = [sys.executable, "-m", "uvicorn", server.target, "--port", str(port)]
            command += ["--log-level", "warning", "--timeout-graceful-shutdown", "1"]
        await stack.enter_async_context(running(command, port, ROOT))
        ports[name] = port
    return ports


def versions(clients: Sequence[Client]) -> dict[str, str]:
    """Return the versions of what takes part."""
    python = ["byway", "websockets", "httpx", "uvicorn"]
    if any(client.server == "python-socketio" for client in clients):
        python += ["python-socketio", "python-engineio"]
    found = {"Python": ".".join(map(str, sys.version_info[:3]))}
    found |= {name: metadata.version(name) for name in python}
    packages = sorted({name for client in clients for name in client.npm})
    if packages:
        said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
        found["Node"] = said.stdout.strip().removeprefix("v")
    for name in packages:
        found[name] = json.loads((MODULES / name / "package.json").read_text())["version"]
    return found
