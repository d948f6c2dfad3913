"""The status of a process: what a process says of itself to `byway sessions` and to Prometheus.

Knows: the sessions and the numbers of this process.
Must not know: how it is asked, how it is shown.

It is made when somebody asks, of what is there anyway. Nobody learns a key: a session is called by
the first 8 digits of the hash, as in the log.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections import Counter
from importlib.metadata import version
from typing import Any, Final
from weakref import WeakSet

from byway.backplane import Backplane
from byway.server.counts import Traffic
from byway.server.lives import Hosted
from byway.server.registry import Registry

MOST: Final = 100
"""Sessions that are described in one response. Of more only the number is told."""

WAYS: Final = ("in", "out")


class ProcessStatus:
    """Says what goes on in one process. It may be asked in any thread."""

    def __init__(self, backplane: Backplane) -> None:
        """Tell of the process that a backplane belongs to.

        Attributes:
            registries: the sessions of its endpoints, for as long as those are there.
        """
        self.registries: WeakSet[Registry] = WeakSet()
        self._backplane = backplane
        self._began = time.monotonic()

    def __call__(self, question: bytes) -> bytes:
        """Respond to ASK: `{}` for the numbers, `{"session": "3f9a01c2"}` for sessions too."""
        try:
            asked = json.loads(question or b"{}")
            wanted = asked.get("session")
        except (ValueError, AttributeError, RecursionError):
            wanted = None
        return json.dumps(self.told(wanted if isinstance(wanted, str) else None)).encode()

    def told(self, session: str | None = None) -> dict[str, Any]:
        """Return what it says, as JSON's types.

        Args:
            session: beginning of the name of a session that is described, too.
        """
        registries = list(self.registries)
        hosted = [one for registry in registries for one in registry.without_probes()]
        counts = self._backplane.counts
        own = [registry.counts for registry in registries]
        ended = Traffic()
        for one in own:
            ended.join(one.ended)
        traffic = ended.with_living(one.live.core for one in hosted)
        refusals = sum((Counter(one.refusals) for one in own), Counter[int]())
        said: dict[str, Any] = {
            "process": self._backplane.name,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "version": version("byway"),
            "age": round(time.monotonic() - self._began, 1),
            "draining": any(registry.draining for registry in registries),
            "sessions": sum(len(registry) for registry in registries),
            "carriers": Counter(
                carrier.transport for one in hosted for carrier in list(one.live.carriers.values())
            ),
            "links": counts.links,
            "calls": {
                "owner": sum(one.taken_over for one in own),
                "relay": sum(one.handed_over for one in own),
            },
            "messages": dict(zip(WAYS, (traffic.messages_in, traffic.messages_out), strict=True)),
            "bytes": dict(zip(WAYS, (traffic.bytes_in, traffic.bytes_out), strict=True)),
            "claims": {
                "mine": counts.mine,
                "owned": counts.owned,
                "ended": counts.ended,
                "unavailable": counts.unavailable,
            },
            "refusals": {str(status): number for status, number in sorted(refusals.items())},
            "gone": counts.gone,
            "conflicts": counts.conflicts,
            "directory": {
                "calls": counts.directory_calls,
                "seconds": round(counts.directory_seconds, 6),
            },
        }
        if session is not None:
            found = [one for one in hosted if one.live.name.startswith(session)]
            said["found"] = [_described(one) for one in found[:MOST]]
            said["more"] = max(len(found) - MOST, 0)
        return said


def report_on(registry: Registry, backplane: Backplane) -> None:
    """Let what a process says of itself hold these sessions, too."""
    if not isinstance(backplane.tell, ProcessStatus):
        backplane.tell = ProcessStatus(backplane)
    backplane.tell.registries.add(registry)


def _described(hosted: Hosted) -> dict[str, Any]:
    """Describe a session: nothing of what is in its messages, and no secret."""
    live, core = hosted.live, hosted.live.core
    return {
        "session": live.name,
        "state": core.state.value,
        "transport": live.transport,
        "carriers": Counter(one.transport for one in list(live.carriers.values())),
        "messages": {"in": core.inbox.messages, "out": core.outbox.messages},
        "bytes": {"in": core.inbox.volume, "out": core.outbox.volume},
        "unread": len(core.inbox),
        "unacknowledged": core.outbox.size,
    }
