"""The process: its name, with which the instances of its sessions begin.

Knows: event loops.
Must not know: sessions, requests.

A process is one event loop: a server with several in one operating system's process has several
names. A name is made in its loop, so after any fork, and again at each start: it never says that a
session lives which has died with another.
"""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

from byway.keys import new_process_name

_names: WeakKeyDictionary[asyncio.AbstractEventLoop, str] = WeakKeyDictionary()


def process_name() -> str:
    """Return the name of the process whose event loop runs now."""
    loop = asyncio.get_running_loop()
    if (name := _names.get(loop)) is None:
        name = _names[loop] = new_process_name()
    return name
