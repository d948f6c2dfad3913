"""`byway demo --open`: the page of the demonstration, until it is interrupted.

Knows: what is said to whom runs it, and how a browser is opened.
Must not know: arguments, what the page does.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterable

from byway.demo.stage import stage

DEFAULT_PORT = 8765


async def show(
    port: int,
    transports: Iterable[str],
    *,
    browser: bool,
    as_json: bool,
    say: Callable[[str], None],
) -> None:
    """Serve the page until this is cancelled.

    Args:
        port: where browsers reach it; 0 for one that the system chooses.
        transports: those that its socket may use.
        browser: open one, where there is one.
        as_json: say a line of JSON in the place of words.
        say: called with each line.

    Raises:
        UsageError: the port is taken.
    """
    async with stage(port, transports) as one:
        if as_json:
            say(json.dumps({"url": one.url, "controls": one.settings.controls}))
        else:
            say(f"The page is at {one.url}")
            say("Its messages go through a network that its buttons change. Ctrl-C ends it.")
        if browser and not _open(one.url) and not as_json:
            say("No browser was found: open that address in one.")
        await asyncio.Event().wait()


def _open(url: str) -> bool:
    """Open a browser and return at once; say whether there may be one."""
    if sys.platform == "linux" and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        return False  # a browser that runs in this terminal would take it
    try:
        found = webbrowser.get()
    except webbrowser.Error:
        return False
    # Some browsers return only when they are closed.
    threading.Thread(target=found.open, args=(url,), name="byway browser", daemon=True).start()
    return True
