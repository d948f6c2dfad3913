"""What an endpoint has done, in plain numbers that whoever wants to see them reads.

Knows: what is counted, and what a session has counted of itself.
Must not know: who reads it, Prometheus, requests.

Nothing is counted for each message: a session numbers its messages and sums up what they cost
anyway. What it says in the end is added up here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from byway.session import Session


@dataclass(slots=True)
class Traffic:
    """Messages of sessions, and their bytes.

    Attributes:
        messages_in: messages that came from clients.
        bytes_in: their bytes.
        messages_out: messages that applications sent.
        bytes_out: their bytes.
    """

    messages_in: int = 0
    bytes_in: int = 0
    messages_out: int = 0
    bytes_out: int = 0

    def add(self, core: Session) -> None:
        """Add those of a session."""
        self.messages_in += core.inbox.messages
        self.bytes_in += core.inbox.volume
        self.messages_out += core.outbox.messages
        self.bytes_out += core.outbox.volume

    def join(self, other: Traffic) -> None:
        """Add other traffic."""
        self.messages_in += other.messages_in
        self.bytes_in += other.bytes_in
        self.messages_out += other.messages_out
        self.bytes_out += other.bytes_out

    def with_living(self, living: Iterable[Session]) -> Traffic:
        """Return it with the messages of sessions that have not ended."""
        whole = Traffic()
        whole.join(self)
        for core in living:
            whole.add(core)
        return whole


@dataclass(slots=True)
class Counts:
    """Numbers since the endpoint was made. Counting is adding one, where it happens.

    Attributes:
        ended: traffic of the sessions that have ended.
        refusals: responses that refused a request, by status.
        handed_over: calls that this process handed over to the owners of their sessions.
        taken_over: calls that other processes handed over to this one.
    """

    ended: Traffic = field(default_factory=Traffic)
    refusals: Counter[int] = field(default_factory=Counter)
    handed_over: int = 0
    taken_over: int = 0
