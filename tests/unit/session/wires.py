"""Helpers for sessions without a network: look at what is written, hand it over by hand."""

from __future__ import annotations

from byway.frames import NAMES, Frame, decode_all
from byway.limits import SessionLimits
from byway.session import BYWAY, Carrier, Intake, Message, Peer, Session, joined
from byway.session.outbox import Outbox

LIMITS = SessionLimits(
    part=8, max_message=4096, max_frame=1024, outbox=400, inbox=400, batch=10_000, body=20_000,
    carriers=3,
)  # fmt: skip
ROOM = 1_000_000


def session(*, room: int = ROOM, peer: Peer = BYWAY, limits: SessionLimits = LIMITS) -> Session:
    """Return a session whose peer has announced room."""
    one = Session(limits, peer)
    if room and peer.has_credit:
        one.acknowledge(0, room)
    return one


def taken(core: Session, carrier: Carrier, *, beat: bool = False) -> list[Frame]:
    """Return the frames that a carrier has to write now."""
    return decode_all(joined(core.take(carrier, 100_000, beat=beat)), max_frame=100_000)


def names(frames: list[Frame]) -> list[str]:
    """Return the names of frames' types."""
    return [NAMES[kind] for kind, _ in frames]


def said(core: Session, carrier: Carrier, *, beat: bool = False) -> list[str]:
    """Return the names of the frames that a carrier has to write now."""
    return names(taken(core, carrier, beat=beat))


def bring(source: Session, carrier: Carrier, target: Session, intake: Intake) -> list[str]:
    """Hand over all that one session has to write on a carrier; return the frames' names."""
    frames = taken(source, carrier)
    target.feed(intake, frames)
    return names(frames)


def starved(outbox: Outbox) -> bool:
    """Say whether frames wait for room."""
    return len(outbox.slice(outbox.first, 1_000_000_000)[1]) < outbox.next - outbox.first


def messages(core: Session) -> list[Message]:
    """Read all the messages that there are."""
    read: list[Message] = []
    while isinstance(message := core.receive(), str | bytes):
        read.append(message)
    return read


class Pair:
    """A client and a server, with one WebSocket-like carrier between them."""

    def __init__(self, limits: SessionLimits = LIMITS) -> None:
        self.client = Session(limits)
        self.server = Session(limits)
        self.up = self.client.attach(1, ordered=True)
        self.down = self.server.attach(1, ordered=True)
        self.client.acknowledge(*self.server.announce(self.down))
        self.server.acknowledge(*self.client.announce(self.up))

    def rise(self) -> list[str]:
        """Let the client write and the server take it."""
        return bring(self.client, self.up, self.server, self.down.intake)

    def fall(self) -> list[str]:
        """Let the server write and the client take it."""
        return bring(self.server, self.down, self.client, self.up.intake)

    def settle(self) -> None:
        """Let both write until they have nothing more to say."""
        while self.rise() or self.fall():
            pass
