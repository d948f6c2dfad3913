"""Idle: connections that carry no call, kept for the next.

Knows: how many are kept, since when, and which goes first.
Must not know: how they are made, or closed.
"""

from __future__ import annotations

from collections import deque

from byway.backplane.connection import Connection


class Idle:
    """The connections that are kept, by the process at their other end."""

    def __init__(self, most: int) -> None:
        """Keep none.

        Args:
            most: how many are kept for each process.
        """
        self._most = most
        self._kept: dict[str, deque[tuple[Connection, float]]] = {}  # the last kept at the end

    def keep(self, connection: Connection, now: float) -> bool:
        """Keep a connection, and return whether there was room for it."""
        kept = self._kept.setdefault(connection.peer, deque())
        if len(kept) >= self._most:
            return False
        kept.append((connection, now))
        return True

    def take(self, process: str) -> Connection | None:
        """Return the connection to a process that was used last; it is kept no more."""
        kept = self._kept.get(process)
        if not kept:
            return None
        connection, _ = kept.pop()
        if not kept:
            del self._kept[process]
        return connection

    def drop(self, connection: Connection) -> None:
        """Keep a connection no more, if it was."""
        kept = self._kept.get(connection.peer, ())
        left = deque(one for one in kept if one[0] is not connection)
        if left:
            self._kept[connection.peer] = left
        else:
            self._kept.pop(connection.peer, None)

    def of(self, process: str) -> list[Connection]:
        """Return the connections to a process."""
        return [connection for connection, _ in self._kept.get(process, ())]

    def oldest(self) -> Connection | None:
        """Return the connection that was kept for the longest time."""
        firsts = [kept[0] for kept in self._kept.values()]
        return min(firsts, key=lambda one: one[1])[0] if firsts else None

    def until(self, time: float) -> list[Connection]:
        """Return the connections that are kept since this time, or longer."""
        return [one for kept in self._kept.values() for one, since in kept if since <= time]
