"""A look at the page of the demonstration without a browser, for `byway demo` to end with.

Knows: what the page loads, and what its socket and its buttons do.
Must not know: how anything is printed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import byway
from byway.demo.site import SOCKET
from byway.demo.stage import Stage, stage
from byway.http_library import httpx

TIMEOUT = 20.0
"""Seconds that it may take."""

PUSHES = 5
"""Messages that are waited for before all is cut, and after it."""


@dataclass(slots=True)
class Look:
    """What was seen.

    Attributes:
        files: that the page loads, and that were served.
        messages: that came in order through its socket, half of them after a cut.
        error: what went wrong, if anything.
    """

    files: int = 0
    messages: int = 0
    error: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it for `--json`."""
        return asdict(self)


async def look(transports: Iterable[str]) -> Look:
    """Serve the page on a free port, load what it loads, and cut its socket once."""
    seen = Look()
    try:
        async with asyncio.timeout(TIMEOUT), stage(0, transports) as one:
            async with httpx.AsyncClient(trust_env=False) as client:
                for path in one.paths:
                    answer = await client.get(one.url + path)
                    answer.raise_for_status()
                    seen.files += 1
                await _converse(one, client, seen)
    except TimeoutError:
        seen.error = f"not done within {TIMEOUT:g} s"
    except (httpx.HTTPError, byway.BywayError) as error:
        seen.error = str(error) or type(error).__name__
    return seen


async def _converse(one: Stage, client: httpx.AsyncClient, seen: Look) -> None:
    transports = one.settings.transports
    async with byway.connect(
        one.url + SOCKET, transports=transports, proxy=None, memory=False
    ) as channel:
        async for message in channel:
            said = json.loads(message)
            if said["kind"] != "push":
                continue
            if said["number"] != seen.messages + 1:
                seen.error = f"message {seen.messages + 1} is missing"
                return
            seen.messages += 1
            if seen.messages == PUSHES:
                answer = await client.post(
                    f"{one.settings.controls}/cut",
                    headers={"authorization": f"Bearer {one.settings.token}"},
                )
                answer.raise_for_status()
            elif seen.messages == 2 * PUSHES:
                return
        seen.error = f"closed with {channel.code} {channel.reason}".rstrip()
