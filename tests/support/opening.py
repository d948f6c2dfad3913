"""A program that opens sessions, in whatever network it runs, and says what came of each.

It is asked by a line of JSON, as `{"url": "http://dual.test:8000/echo", "transports": "poll"}`, and
responds with one.

Knows: connect(), diagnose(), reports.
Must not know: the network.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import sys
import time
from pathlib import Path
from typing import Any

import byway
from byway.testing import Network


def sockets() -> int:
    """Return how many sockets this process has open."""
    return sum(
        os.readlink(one).startswith("socket:")
        for one in Path("/proc/self/fd").iterdir()
        if one.exists() or one.is_symlink()
    )


async def opened(asked: dict[str, Any]) -> dict[str, Any]:
    """Open as asked for; return what came of it."""
    options: dict[str, Any] = {"proxy": None, "memory": False}
    options |= {key: asked[key] for key in ("transports", "open_timeout") if key in asked}
    if "authority" in asked:
        options["ssl"] = ssl.create_default_context(cafile=asked["authority"])
    if "proxy" in asked:
        # The proxy runs here: its name is for the client only.
        async with Network() as network:
            options["proxy"] = f"http://{asked['proxy']}:{network.port}"
            return await once(asked["url"], options)
    return await once(asked["url"], options)


async def once(url: str, options: dict[str, Any]) -> dict[str, Any]:
    """Open a session, let it echo, and close it."""
    before, begun = sockets(), time.monotonic()
    told: dict[str, Any] = {}
    try:
        async with byway.connect(url, **options) as channel:
            told["seconds"] = time.monotonic() - begun
            await channel.send("hello")
            told["echo"] = await channel.receive()
            told["transport"] = channel.transport
    except byway.NoTransport as error:
        told["attempts"] = [[one.transport, one.trouble, one.error] for one in error.attempts]
        findings = error.report.findings if error.report else ()
        told["report"] = [[one.verdict.value, one.why] for one in findings]
    # Closing takes turns of the loop.
    for _ in range(100):
        if sockets() == before:
            break
        await asyncio.sleep(0.01)
    return told | {"left": sockets() - before}


async def examined(asked: dict[str, Any]) -> dict[str, Any]:
    """Let the doctor look; return its verdicts."""
    report = await byway.diagnose(asked["url"], timeout=asked["doctor"], proxy=None)
    found = {one.transport: [one.verdict.value, one.why] for one in report.findings}
    return {"report": found}


if __name__ == "__main__":
    for line in sys.stdin:
        wanted = json.loads(line)
        came = asyncio.run((examined if "doctor" in wanted else opened)(wanted))
        sys.stdout.write(json.dumps(came) + "\n")
        sys.stdout.flush()
