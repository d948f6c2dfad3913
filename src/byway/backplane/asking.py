"""Asking: what goes on in other processes, said by themselves over links.

Knows: ASK and TELL, and that a process may not respond.
Must not know: what is asked, who wants to know, any one backplane.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from byway.backplane.base import Backplane, BackplaneError, Gone
from byway.backplane.kinds import ASK, TELL

TIMEOUT: Final = 2.0
"""Seconds that a process has to respond."""

AT_ONCE: Final = 32
"""Processes that are asked at once."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What one process has said.

    Attributes:
        process: its name.
        said: the object that it told; empty where it did not respond.
        error: why it did not; "" where it did.
    """

    process: str
    said: dict[str, Any] = field(default_factory=dict)
    error: str = ""


async def ask_all(
    backplane: Backplane, question: Mapping[str, Any], *, timeout: float = TIMEOUT
) -> AsyncGenerator[Reply]:
    """Ask all processes that the directory knows, and give what each says as it comes.

    A process that ended while it was asked is left out. Cancelling it cuts the links.

    Args:
        backplane: over which they are asked. It need not be started.
        question: what is asked: an object of JSON.
        timeout: seconds that each has to respond.

    Raises:
        Unavailable: the directory does not say what processes there are.
    """
    names = await backplane.processes()
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(name: str) -> Reply | None:
        async with turns:
            return await ask(backplane, name, question, timeout=timeout)

    tasks = [asyncio.create_task(one(name)) for name in sorted(names)]
    try:
        for done in asyncio.as_completed(tasks):
            if (reply := await done) is not None:
                yield reply
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def ask(
    backplane: Backplane, name: str, question: Mapping[str, Any], *, timeout: float = TIMEOUT
) -> Reply | None:
    """Ask one process; None if it has ended."""
    payload = json.dumps(question).encode()
    if name == backplane.name and backplane.tell is not None:
        return read(name, backplane.tell(payload))
    try:
        async with asyncio.timeout(timeout):
            return read(name, await _response(backplane, name, payload))
    except Gone:
        return None
    except TimeoutError:
        return Reply(name, error=f"no response within {timeout:g} s")
    except BackplaneError as error:
        return Reply(name, error=str(error) or type(error).__name__)


async def _response(backplane: Backplane, name: str, payload: bytes) -> bytes:
    link = await backplane.link(name)
    try:
        link.write(ASK, payload)
        await link.flush()
        kind, said = await link.receive()
        if kind != TELL:
            raise BackplaneError(f"it said a frame of kind {kind}, not what was asked")
    except BaseException:
        link.cut()
        raise
    link.free()
    return said


def read(name: str, payload: bytes) -> Reply:
    """Take what a process has told."""
    try:
        said = json.loads(payload)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        return Reply(name, error="its response is not a JSON object")
    return Reply(name, said)
