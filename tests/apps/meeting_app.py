"""Workers that meet: each says its name, who else is there, and hands calls over if asked.

Served by a server with several workers, each of which starts a backplane in its event loop.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import time
from contextlib import suppress
from typing import NoReturn
from urllib.parse import parse_qs

from byway.backplane.base import BackplaneError, Link
from byway.backplane.kinds import DATA, END
from byway.backplane.workers import WorkersBackplane, has_siblings
from byway.keys import key_hash
from byway.transports.base import Receive, Scope, Send

DIRECTORY = os.environ.get("TEST_DIRECTORY")
POOL = os.environ.get("TEST_POOL")
"""Fork a child before serving that never ends, as a pool of an application does."""

_started: dict[asyncio.AbstractEventLoop, asyncio.Task[WorkersBackplane]] = {}


async def _serve(link: Link, payload: bytes) -> None:
    link.write(DATA, payload)
    link.write(END)
    assert (await link.receive())[0] == END
    link.free()


def _outlive() -> NoReturn:
    """Be a child without exec: it has what its parent has of the meeting place open, and goes on.

    It lets go of the server's sockets and of the log, for which the test would wait.
    """
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            kind = os.readlink(f"/proc/self/fd/{name}")
            if kind.startswith("pipe:") or _is_tcp(int(name)):
                os.close(int(name))
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    time.sleep(30)
    os._exit(0)


def _is_tcp(descriptor: int) -> bool:
    try:
        with socket.socket(fileno=os.dup(descriptor)) as one:
            return one.family == socket.AF_INET
    except OSError:
        return False


async def _start() -> WorkersBackplane:
    backplane = WorkersBackplane(directory=DIRECTORY)
    await backplane.start(_serve)
    if POOL and not os.fork():
        _outlive()
    return backplane


async def _backplane() -> WorkersBackplane:
    loop = asyncio.get_running_loop()
    if loop not in _started:
        _started[loop] = asyncio.ensure_future(_start())
    return await _started[loop]


async def _call(backplane: WorkersBackplane, owner: str) -> str:
    try:
        link = await backplane.link(owner)
        await link.call(backplane.name.encode())
        link.write(END)
        _, said = await link.receive()
        assert (await link.receive())[0] == END
        link.free()
    except BackplaneError as error:
        return type(error).__name__
    return said.decode()


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Say who is here; `?call=NAME` hands a call over, `?claim=KEY` claims."""
    if scope["type"] == "lifespan":
        await receive()
        if has_siblings() or DIRECTORY:
            await _backplane()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if has_siblings() or DIRECTORY:
            await (await _backplane()).aclose()
        await send({"type": "lifespan.shutdown.complete"})
        return
    said: dict[str, object] = {"siblings": has_siblings(), "pid": os.getpid()}
    if has_siblings() or DIRECTORY:
        backplane = await _backplane()
        said |= {
            "name": backplane.name,
            "place": str(backplane.place),
            "alone": backplane.alone,
            "processes": await backplane.processes(),
        }
        asked = parse_qs(scope["query_string"].decode())
        if "call" in asked:
            said["call"] = await _call(backplane, asked["call"][0])
        if "claim" in asked:
            said["claim"] = backplane.claim(key_hash(asked["claim"][0])).owner
    body = json.dumps(said).encode()
    headers = [(b"content-length", str(len(body)).encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
