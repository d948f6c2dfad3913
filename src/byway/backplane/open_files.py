"""Open files: a word in time, before a process may open no more of them.

Knows: the limit of the system, and how many open files a relayed request takes.
Must not know: links, who counts them.
"""

from __future__ import annotations

import logging
import sys
from typing import Final

logger: logging.Logger = logging.getLogger("byway.backplane")

SHARE: Final = 4
"""Links are told of when they are so many times fewer than the files that may be open: where each
carries a request for another process, their clients' connections are as many again."""


def limit() -> int | None:
    """Return how many files this process may have open; None where the system sets no bound."""
    if sys.platform == "win32":  # which has no such limit for sockets
        return None
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


class OpenFiles:
    """Warns once, when links come near to the limit."""

    def __init__(self) -> None:
        """Have warned of nothing."""
        self._warned = False

    def see(self, links: int) -> None:
        """Take how many links there are now; call it when there is one more."""
        if self._warned or (most := limit()) is None or links * SHARE < most:
            return
        self._warned = True
        logger.warning(
            "this process has %d links to others, and may open %d files: a request for a session "
            "of another process takes two of them where it arrives and one in that process. "
            "Raise LimitNOFILE (systemd) or ulimit -n",
            links,
            most,
        )
