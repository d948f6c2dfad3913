"""A network without sockets: two sessions, and carriers between them that can be ill-treated.

It does with the cores what the halves of the transports do (`transports/uplink.py`, `upload.py`,
`poll.py`, `stream.py`, `sse.py`, `websocket.py`, `dial.py`), byte for byte, but nothing moves by
itself: each method is one step that the network, a proxy or one of the two programs takes. What a
client decides over HTTP, the product's own classes decide (`transports/http`).
"""

from __future__ import annotations

import json
from copy import copy
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Final, cast

from byway.errors import CarrierLost, FrameError
from byway.frames import LAST_NUMBERED, OPEN, Decoder, Frame, decode_all, encode_ack, encode_ping
from byway.handshake import ACK_ANSWER, UP_ANSWER, Hello
from byway.limits import ServerLimits
from byway.runtime import LiveCarrier
from byway.server.request_body import frames_behind, parse_hello
from byway.session import (
    OVERHEAD,
    Carrier,
    Closed,
    Intake,
    Message,
    Output,
    Session,
    State,
    joined,
)
from byway.session.events import Echoed, Event
from byway.transports.base import Exchange, Receive, Send
from byway.transports.eventstream import EventDecoder, encode_events
from byway.transports.http.batches import Abort, Batches, Dead, Flight
from byway.transports.http.polls import After, Polls, Visit
from byway.transports.http.upload import Move
from byway.transports.http.upload import Upload as UploadRules
from byway.transports.websocket import MessageReader, message_of

KINDS: Final = ("websocket", "stream", "sse", "poll")
KEY: Final = "Kx3vT8qLw2ZrN5yBhE7uJd"
INSTANCE: Final = "instance"

IN_FLIGHT: Final = 3
"""Batches that are on their way at a time."""

STEP: Final = 0.01
"""Seconds that one round of everything takes."""

STORM: Final = 4
"""Batches that may leave from the same frame at one moment: the first, one that goes back to it at
once, and one for each time that a batch is halved for being too large."""

HEARTBEAT: Final = 10.0
SILENCE: Final = 24.0

MOVES: Final = (Move.PING, Move.LOST)

CUT: Final = CarrierLost("cut", trouble="reset")
TOO_LARGE: Final = CarrierLost("answered 413", answered=413)

SMALL: Final = ServerLimits(
    part=8,
    max_message=4096,
    max_frame=1024,
    hello=1024,
    outbox=300,
    inbox=400,
    batch=64,
    body=4096,
    carriers=3,
)
"""So small that a few messages reach every bound."""


EXCHANGE: Final = Exchange(
    scope={},
    receive=cast(Receive, None),
    send=cast(Send, None),
    limits=SMALL,
    instance=INSTANCE,
    transports=KINDS,
    subprotocol=None,
    headers=[],
)
"""What the server's transports make OPEN of."""


def cost(message: Message) -> int:
    """Return what a message costs in an inbox."""
    return len(message.encode() if isinstance(message, str) else message) + OVERHEAD


@dataclass(eq=False)
class Request:
    """A request on its way, with HELLO at its head.

    Attributes:
        body: its body.
        answer: the answer, once the server gave one.
        gone: the server answered that it does not know the session.
        refused: a proxy answered that it is too large.
    """

    body: bytes
    answer: bytes | None = None
    gone: bool = False
    refused: bool = False

    @property
    def is_answered(self) -> bool:
        """Whether anybody has answered it."""
        return self.answer is not None or self.gone or self.refused


class Reading:
    """The server's half of an upload: a request whose body it reads as it comes.

    Attributes:
        arrived: bytes of the body that it has read.
        begun: HELLO has come.
        over: it was answered, since a newer one has come or the session is over.
    """

    def __init__(self, limits: ServerLimits) -> None:
        self.arrived = 0
        self.begun = False
        self.over = False
        self.frames = Decoder(max_frame=limits.max_frame)
        self.intake = Intake(ordered=True)


@dataclass(eq=False)
class Upload:
    """An upload, as the client and the wires see it.

    Attributes:
        nonce: what its PING carries.
        body: all that was written of it, and still may arrive.
        reading: the request that is at the server now.
        rules: decide on it.
        running: it has taken the place of the batches.
        broken: nothing written from now on arrives.
        held: something keeps what is written, and hands nothing on; nobody is told.
    """

    nonce: bytes
    body: bytes
    reading: Reading
    rules: UploadRules
    running: bool = False
    broken: bool = False
    held: bool = False

    def echoed(self, nonce: bytes) -> None:
        """Take what a PONG brought back."""
        if nonce == self.nonce[-64:]:
            self.rules.heard()

    @property
    def proven(self) -> bool:
        """Whether what went up in it came back; the batches on their way are the last."""
        return self.running or self.rules.is_heard


@dataclass(eq=False)
class ServerEnd:
    """The server's half of a carrier.

    Attributes:
        kind: its transport.
        carrier: the carrier, as the server's session sees it.
        link: where to write; None where nobody listens, as after a repeated old request.
        polls: greatest count of a poll so far.
        held: the poll that waits for something to say.
    """

    kind: str
    carrier: Carrier
    link: Link | None
    polls: int = 0
    held: Request | None = None


class Link:
    """A carrier, as the client and the wires see it.

    Attributes:
        kind: its transport.
        carrier: the carrier, as the client's session sees it.
        opened: OPEN has come.
        accepted: the WebSocket handshake was answered.
        down: what is on its way down on a WebSocket, stream or event stream.
        up: WebSocket messages on their way up.
        opening: the request, or handshake, that opens it, until the server got it.
        rules: decide on its batches.
        batches: those on their way, the oldest first.
        upload: the upload that is tried, or used.
        poll: the poll that is on its way.
        polls: decide on its polls.
        broken: nothing written from now on arrives.
        hung_up: the server has ended it; the client learns it behind what is in `down`.
        left: the client has ended it; the server learns it behind what is in `up`.
    """

    def __init__(self, kind: str, carrier: Carrier, limits: ServerLimits) -> None:
        self.kind = kind
        self.carrier = carrier
        self.opened = False
        self.accepted = False
        self.spoke = False
        self.down: list[str | bytes] = []
        self.up: list[str | bytes] = []
        self.opening: Request | None = None
        self.rules = Batches(limits.batch, lambda _, high: high)
        self.rules.most = IN_FLIGHT
        self.batches: list[tuple[Request, Flight]] = []
        self.leaving: tuple[float, int, int] = (-1.0, 0, 0)  # when, from which frame, how often
        self.upload: Upload | None = None
        self.poll: Request | None = None
        self.polls = Polls()
        self.visit = Visit(0.0, 0, 0)
        self.broken = False
        self.hung_up = False
        self.client_reader = MessageReader(limits)
        self.server_reader = MessageReader(limits)
        self.frames = Decoder(max_frame=limits.max_frame)
        self.events = EventDecoder(max_frame=limits.max_frame)


class Network:
    """Two sessions and all that is between them.

    Attributes:
        client: the client's session.
        server: the server's session.
        links: the client's carriers by id, dead ones too.
        ends: the server's halves by carrier id.
        copies: requests that were sent, and that a proxy may deliver once more, or only now.
        uploads: all of them, those that the client has given up too.
        now: seconds that have passed.
        narrow: whether a proxy refuses batches with more than one frame.
        visiting: whether the client keeps no request open: it visits.
    """

    def __init__(self, limits: ServerLimits = SMALL) -> None:
        self.limits = limits
        self.client = Session(limits)
        self.server = Session(limits)
        self.links: dict[int, Link] = {}
        self.ends: dict[int, ServerEnd] = {}
        self.copies: list[tuple[str, Request]] = []
        self.uploads: list[Upload] = []
        self._newest: Reading | None = None
        self._last_id = 0
        self.now = 0.0
        self.narrow = False
        self.visiting = False

    @staticmethod
    def take_events(core: Session) -> list[Event]:
        """Take what has happened to a session, as a shell does."""
        events, core.events = core.events, []
        return events

    # The client

    def open(self, kind: str) -> Link:
        """Attach a carrier at the client, and send what opens it."""
        self._last_id += 1
        carrier_id = self._last_id
        carrier = self.client.attach(
            carrier_id, ordered=kind != "poll", batched=kind != "websocket"
        )
        for older in self.links.values():
            if older.carrier.ended:
                self.lose(older)
        link = self.links[carrier_id] = Link(kind, carrier, self.limits)
        if kind == "poll":
            self._send_poll(link)
        else:
            words = b"" if kind == "websocket" else self._first_words(link)
            link.opening = self._request(link, kind, frames=words)
        return link

    def _request(self, link: Link, answer: str, *, poll: int = 0, frames: bytes = b"") -> Request:
        received, room = self.client.announce(link.carrier)
        hello = Hello(
            key=KEY,
            carrier=link.carrier.id,
            received=received,
            room=room,
            instance=INSTANCE,
            answer=answer,
            poll=poll,
        )
        request = Request(hello.frame() + frames)
        # A WebSocket handshake is repeated by nobody: a proxy would have to answer it itself.
        if answer != "websocket":
            self.copies.append((link.kind, request))
        return request

    def _send_poll(self, link: Link) -> None:
        ask = link.polls.next(visiting=self.visiting)
        if ask.renews:
            self._renew(link)
        speaks = not ask.is_held or self._may_speak(link)
        link.visit = self._visit()
        words = self._first_words(link) if speaks else b""
        if words:
            link.polls.speaks()
        link.poll = self._request(link, "poll", poll=ask.count, frames=words)

    def _may_speak(self, link: Link) -> bool:
        """Say whether the next poll takes up what the client says to what has come."""
        is_news = self.client.inbox.received != link.visit.heard
        is_idle = not link.batches and not link.rules.is_failing
        return is_news and is_idle and link.polls.may_speak

    def _visit(self) -> Visit:
        return Visit(self.now, self.client.outbox.first, self.client.inbox.received)

    def _visit_at(self, link: Link) -> float:
        """Return when the next poll may leave."""
        if not self.visiting:
            return self.now
        return link.visit.next_at(self.client.outbox.first, self.client.inbox.received)

    def _renew(self, link: Link) -> None:
        """Put a new carrier into the place of a visit's, as `LiveSession.renew` does."""
        core, before = self.client, link.carrier
        chosen = core.selected is before
        core.detach(before, "another visit has followed")
        self._last_id += 1
        carrier = core.attach(self._last_id, ordered=False, batched=True)
        carrier.cursor, carrier.proven = before.cursor, before.proven
        del self.links[before.id]
        self.links[carrier.id] = link
        link.carrier = carrier
        if chosen:
            core.select(carrier)

    def _first_words(self, link: Link) -> bytes:
        return joined(self.client.take(link.carrier, self.limits.batch))

    def alive(self, link: Link) -> bool:
        """Say whether the client still uses this carrier."""
        return not link.carrier.ended

    def lose(self, link: Link, reason: str = "lost") -> None:
        """Let the client give up a carrier; what it has on its way may still arrive."""
        self.client.detach(link.carrier, reason)
        link.poll = link.opening = None
        link.batches = []
        link.upload = None

    def client_writes(self, link: Link, *, beat: bool = False) -> bool:
        """Let the client write what it has for this carrier; say whether it had something."""
        core, carrier = self.client, link.carrier
        if carrier.ended:
            return False
        if link.kind == "websocket":
            if not link.accepted:
                return False
            if not link.spoke:
                link.spoke = True
                self._up(link, joined(core.take(carrier, 0, beat=True)))
                return True
        elif not link.opened or not self._may_write(link):
            return False
        before = core.outbox.first
        frames = core.take(carrier, link.rules.size, beat=beat)
        if not frames:
            if core.finished:
                self.lose(link, "the session is over")
                return True
            return False
        if link.kind == "websocket":
            self._up(link, message_of(frames))
        elif link.upload is not None and link.upload.running:
            if not link.upload.broken:
                link.upload.body += joined(frames)
        else:
            request = self._request(link, ACK_ANSWER, frames=joined(frames))
            link.batches.append((request, link.rules.left(carrier.cursor, self.now)))
            self._look_for_storm(link, before)
        return True

    def _may_write(self, link: Link) -> bool:
        if link.upload is not None and link.upload.proven:
            return link.upload.running  # the batches on their way are the last
        return link.rules.may_start(self.now) == 0

    def _look_for_storm(self, link: Link, first: int) -> None:
        """See that no frame is repeated again and again while no time passes."""
        if len(link.batches) > 1 or link.carrier.cursor <= first:
            return
        now, again, count = link.leaving
        count = count + 1 if (now, again) == (self.now, first) else 1
        link.leaving = self.now, first, count
        assert count <= STORM, "batches that fail are repeated without a pause"

    def _up(self, link: Link, message: str | bytes) -> None:
        if not link.broken:
            link.up.append(message)

    def client_polls(self, link: Link) -> bool:
        """Let the client send its next poll."""
        if (
            link.kind != "poll"
            or link.carrier.ended
            or link.poll is not None
            or self.client.finished
            or self._visit_at(link) > self.now
        ):
            return False
        self._send_poll(link)
        return True

    def fail_batch(self, link: Link, index: int = 0) -> None:
        """Let the client take a batch for lost, whether the server got it or not."""
        request, flight = link.batches.pop(index % len(link.batches))
        self._landed(link, flight, CUT)

    def _landed(self, link: Link, flight: Flight, error: CarrierLost | None) -> None:
        """Do with a batch that is back what a client's rules say."""
        core = self.client
        decision = link.rules.landed(
            flight, error, self.now, core.outbox.first, link.carrier.cursor
        )
        if decision is None or (link.upload is not None and link.upload.proven):
            return  # what is missing goes up in that
        if isinstance(decision, Abort):
            raise AssertionError(f"every path here takes one frame: {decision.reason}")
        if isinstance(decision, Dead):
            self.lose(link, decision.reason)
        else:
            core.rewind(link.carrier)

    def fail_poll(self, link: Link) -> None:
        """Let the client lose the answer to a poll, whether the server got it or not."""
        link.poll = None
        after = link.polls.failed(CUT, is_open=link.opened)
        if after is After.LOST:
            self.lose(link, "two polls in a row were not answered")
        elif after is After.REWIND:
            self.client.rewind(link.carrier)

    def give_up_poll(self, link: Link) -> None:
        """Let the client break off a poll, as it holds up its batches."""
        link.poll = None
        if link.polls.given_up() is After.REWIND:
            self.client.rewind(link.carrier)

    def begin_upload(self, link: Link) -> bool:
        """Let the client try an upload, beside its batches."""
        if link.kind not in ("stream", "sse") or not link.opened or link.upload is not None:
            return False
        if self.client.state is not State.OPEN:
            return False
        nonce = b"upload %d" % len(self.uploads)
        received, room = self.client.announce(link.carrier)
        hello = Hello(
            key=KEY,
            carrier=link.carrier.id,
            received=received,
            room=room,
            instance=INSTANCE,
            answer=UP_ANSWER,
        )
        body = hello.frame() + encode_ping(link.carrier.id, nonce)
        rules = UploadRules(self.now, link.rules.round_trip)
        link.upload = Upload(nonce, body, Reading(self.limits), rules)
        self.uploads.append(link.upload)
        return True

    def take_over(self, link: Link) -> bool:
        """Let a proven upload take the place of the batches, once all of these were answered."""
        upload = link.upload
        if upload is None or upload.running or not upload.rules.may_use(len(link.batches)):
            return False
        link.carrier.batched = False
        self.client.rewind(link.carrier)
        upload.rules.use(self.now, link.carrier.cursor)
        upload.running = True
        return True

    def leave_upload(self, link: Link) -> bool:
        """Let the client break its upload off, for whatever reason; batches go on."""
        upload = link.upload
        if upload is None or upload.proven and link.batches:
            return False
        link.upload = None
        if upload.proven:
            link.carrier.batched = True
            self.client.rewind(link.carrier)
            link.rules.begin(self.now, 0.0, HEARTBEAT)
        return True

    def watch_upload(self, link: Link) -> bool:
        """Let the client look whether its upload still gets through."""
        upload = link.upload
        if upload is None:
            return False
        move = upload.rules.look(self.now, link.carrier.cursor, SILENCE)
        if move is Move.LOST:
            return self.leave_upload(link)
        if move is Move.PING:
            upload.nonce += b"+"
            upload.rules.asked(self.now)
            self.client.ask_echo(link.carrier, upload.nonce[-64:])
        return move is Move.PING

    def choose(self, link: Link) -> None:
        """Let the client choose a carrier that has opened."""
        assert link.opened
        self.client.select(link.carrier)

    # The way up

    def deliver_opening(self, link: Link) -> None:
        """Bring what opens a carrier to the server."""
        request, link.opening = link.opening, None
        assert request is not None
        try:
            self.serve(link.kind, request, link)
        except FrameError as error:
            if error.status != 409:
                raise
            self.lose(link, "a copy of the request came first")
        if request.gone:
            self._gone(link)

    def deliver_batch(self, link: Link, index: int = 0) -> bool:
        """Bring a batch to the server, not always the oldest, unless it is there already."""
        waiting = [one for one, _ in link.batches if not one.is_answered]
        if not waiting:
            return False
        request = waiting[index % len(waiting)]
        _, start = parse_hello(request.body, self.limits)
        frames = frames_behind(request.body, start, self.limits)
        if self.narrow and sum(kind <= LAST_NUMBERED for kind, _ in frames) > 1:
            request.refused = True
        else:
            self.serve(link.kind, request, link)
        return True

    def swallow_batch(self, link: Link) -> bool:
        """Let something answer a batch with an old acknowledgement, and hand nothing on."""
        waiting = [one for one, _ in link.batches if not one.is_answered]
        if not waiting or self.server.finished:
            return False
        waiting[0].answer = encode_ack(*self.server.announce(None))
        return True

    def deliver_poll(self, link: Link) -> bool:
        """Bring a poll to the server, unless it is there already."""
        request = link.poll
        if request is None or request.answer is not None or request.gone:
            return False
        if any(end.held is request for end in self.ends.values()):
            return False
        self.serve(link.kind, request, link)
        return True

    def repeat(self, index: int) -> None:
        """Bring a copy of an old request to the server; nobody waits for the answer."""
        kind, request = self.copies[index]
        try:
            self.serve(kind, Request(request.body), None)
        except FrameError as error:
            if error.status != 409:  # that carrier is there, and goes on
                raise

    def deliver_up(self, link: Link, count: int) -> bool:
        """Bring WebSocket messages to the server."""
        end = self.ends.get(link.carrier.id)
        messages, link.up = link.up[:count], link.up[count:]
        for message in messages:
            if end is not None and not end.carrier.ended:
                self.server.feed(end.carrier.intake, link.server_reader.frames(message))
        if not link.up and link.carrier.ended and not link.broken:
            return self.server_notices(link.carrier.id) or bool(messages)
        return bool(messages)

    def deliver_upload(self, upload: Upload, count: int) -> bool:
        """Bring bytes of an upload to the server."""
        reading = upload.reading
        piece = upload.body[reading.arrived : reading.arrived + count]
        if reading.over or not piece or upload.held:
            return False
        reading.arrived += len(piece)
        if self.server.finished:
            reading.over = True
            return True
        frames = reading.frames.feed(piece)
        if frames and not reading.begun:
            hello = Hello.parse(frames.pop(0)[1], max_size=self.limits.hello)
            reading.begun = True
            self.server.acknowledge(hello.received, hello.room)
            if self._newest is not None:
                self._newest.over = True
            self._newest = reading
        # No error may come of it: its bytes are in order, and began behind what was acknowledged.
        self.server.feed(reading.intake, frames)
        self._forget_ended()
        return True

    def repeat_upload(self, upload: Upload, count: int, *, instead: bool) -> None:
        """Let a proxy send an upload once more, from its beginning.

        Args:
            upload: the upload.
            count: bytes of it that the proxy has kept.
            instead: the proxy goes on with this one, where it has kept all of it; otherwise it is
                a copy beside.
        """
        if instead:
            upload.reading = Reading(self.limits)
            return
        copy = Upload(
            upload.nonce, upload.body[:count], Reading(self.limits), upload.rules, broken=True
        )
        self.uploads.append(copy)
        self.deliver_upload(copy, count)

    # The server

    def serve(self, kind: str, request: Request, link: Link | None) -> None:
        """Let the server take a request, and answer it or begin to."""
        core = self.server
        if core.finished:
            request.gone = True
            return
        hello, start = parse_hello(request.body, self.limits)
        frames = frames_behind(request.body, start, self.limits)
        core.acknowledge(hello.received, hello.room)
        core.feed(Intake(ordered=False), frames)
        self._forget_ended()
        end = self.ends.get(hello.carrier)
        if hello.answer == ACK_ANSWER:
            request.answer = encode_ack(*core.announce(end.carrier if end else None))
        elif hello.answer == "poll":
            self._serve_poll(request, hello, end)
        else:
            carrier = core.attach(hello.carrier, ordered=True, received=hello.received)
            self._forget_ended()
            end = self.ends[hello.carrier] = ServerEnd(kind, carrier, link)
            if link is not None:
                link.accepted = True
            self._down(end, [self._opening(kind, carrier)])

    def _serve_poll(self, request: Request, hello: Hello, end: ServerEnd | None) -> None:
        core = self.server
        first = end is None
        if end is None:
            carrier = core.attach(
                hello.carrier, ordered=False, batched=True, received=hello.received
            )
            self._forget_ended()
            end = self.ends[hello.carrier] = ServerEnd("poll", carrier, None)
        if hello.poll <= end.polls:
            request.answer = b""
            return
        end.polls = hello.poll
        if end.held is not None:
            end.held.answer, end.held = b"", None
        if hello.received + 1 != end.carrier.cursor:
            core.rewind(end.carrier, hello.received)
        if first or hello.poll == 1:
            opening = self._opening("poll", end.carrier)
            frames = core.take(end.carrier, self.limits.batch)
            request.answer = opening + joined(frames)
        else:
            end.held = request

    def _opening(self, kind: str, carrier: Carrier) -> bytes:
        link = SimpleNamespace(
            live=SimpleNamespace(core=self.server, heartbeat=self.limits.heartbeat),
            core=carrier,
            transport=kind,
        )
        return EXCHANGE.opening(cast(LiveCarrier, link))

    def _down(self, end: ServerEnd, frames: list[Output]) -> None:
        data: str | bytes
        if end.kind == "sse":
            data = encode_events(frames)
        elif end.kind == "websocket":
            data = message_of(frames)
        else:
            data = joined(frames)
        if end.link is not None and not end.link.broken:
            end.link.down.append(data)

    def server_writes(self, carrier_id: int, *, beat: bool = False) -> bool:
        """Let the server write what it has for a carrier; say whether it had something."""
        core, end = self.server, self.ends.get(carrier_id)
        if end is None or end.carrier.ended or (end.kind == "poll" and end.held is None):
            self._forget_ended()
            return False
        frames = core.take(end.carrier, self.limits.batch, beat=beat)
        if not frames:
            return core.finished and self.server_notices(carrier_id)
        if end.held is not None:
            end.held.answer, end.held = joined(frames), None
        else:
            self._down(end, frames)
        return True

    def server_notices(self, carrier_id: int) -> bool:
        """Let the server find that a carrier has ended, or end it; say whether it was there."""
        end = self.ends.get(carrier_id)
        if end is None:
            return False
        self.server.detach(end.carrier, "the client left")
        self._forget_ended()
        return True

    def _forget_ended(self) -> None:
        for carrier_id, end in list(self.ends.items()):
            if end.carrier.ended:
                del self.ends[carrier_id]
                if end.held is not None:
                    end.held.answer = b""
                if end.link is not None:
                    end.link.hung_up = True

    # The way down

    def deliver_down(self, link: Link, count: int) -> bool:
        """Bring bytes of a stream, or messages of a WebSocket, to the client."""
        data = self._arriving(link, count)
        for piece in data:
            if link.carrier.ended:
                break
            self._client_feeds(link, self._decode(link, piece))
        if not link.down and link.hung_up and not link.broken and not link.carrier.ended:
            return self._client_sees_the_end(link) or bool(data)
        return bool(data)

    @staticmethod
    def _arriving(link: Link, count: int) -> list[str | bytes]:
        if link.kind == "websocket":
            arriving, link.down = link.down[:count], link.down[count:]
            return arriving
        whole = b"".join(one for one in link.down if isinstance(one, bytes))
        link.down = [whole[count:]] if count < len(whole) else []
        return [whole[:count]] if whole else []

    @staticmethod
    def _decode(link: Link, piece: str | bytes) -> list[Frame]:
        if link.kind == "websocket":
            return link.client_reader.frames(piece)
        assert isinstance(piece, bytes)
        return link.events.feed(piece) if link.kind == "sse" else link.frames.feed(piece)

    def _client_feeds(self, link: Link, frames: list[Frame]) -> None:
        if frames and not link.opened:
            kind, payload = frames[0]
            if kind != OPEN:
                assert link.kind == "poll"
                self.lose(link, "a copy of the first poll was answered in its place")
                return
            opening = json.loads(payload)  # of parts that are shorter than any client takes
            self.client.acknowledge(opening["received"], opening["room"])
            link.opened = True
            link.rules.begin(self.now, 5 * STEP, HEARTBEAT)
            self.client.select(link.carrier)
        self.client.feed(link.carrier.intake, frames)
        for event in self.take_events(self.client):
            if isinstance(event, Echoed) and link.upload is not None:
                link.upload.echoed(event.nonce)

    def _client_sees_the_end(self, link: Link) -> bool:
        if link.kind != "websocket" and self.client.state is State.CLOSED:
            return False  # the uplink goes on until all is acknowledged
        self.lose(link, "the answer ended")
        return True

    def deliver_batch_answer(self, link: Link, index: int = 0) -> bool:
        """Bring the answer to a batch to the client, not always to the oldest."""
        answered = [one for one in link.batches if one[0].is_answered]
        if not answered:
            return False
        batch, flight = one = answered[index % len(answered)]
        link.batches.remove(one)
        if batch.gone:
            self._gone(link)
        elif batch.answer is None:
            self._landed(link, flight, TOO_LARGE)
        else:
            frames = decode_all(batch.answer, max_frame=self.limits.max_frame)
            self.client.feed(Intake(ordered=False), frames)
            self._landed(link, flight, None)
        return True

    def deliver_poll_answer(self, link: Link) -> bool:
        """Bring the answer to a poll to the client."""
        poll = link.poll
        if poll is None or (poll.answer is None and not poll.gone):
            return False
        link.poll = None
        if poll.gone:
            self._gone(link)
            return True
        assert poll.answer is not None
        link.polls.answered()
        self._client_feeds(link, decode_all(poll.answer, max_frame=self.limits.max_frame))
        return True

    def _gone(self, link: Link) -> None:
        """The server answered 410, as the client's driver takes it."""
        core = self.client
        self.lose(link, "410")
        assert core.state is not State.OPEN, "the server forgot an open session"
        core.acknowledge(core.outbox.next - 1, 0)
        core.abort(1006, "410")

    # The world

    def cut_upload(self, upload: Upload, keep: int) -> None:
        """Cut an upload: only the first of what is on its way still arrives."""
        upload.body = upload.body[: upload.reading.arrived + keep]
        upload.broken = True

    def cut(self, link: Link, keep_down: int, keep_up: int) -> None:
        """Cut a carrier: only the first of what is on its way still arrives."""
        whole = self._arriving(link, keep_down)
        link.down = whole
        link.up = link.up[:keep_up]
        link.broken = True

    def client_notices(self, link: Link) -> None:
        """Let the client find a carrier dead."""
        self.lose(link, "cut")

    def flow(self, link: Link, count: int) -> bool:
        """Let everything on one carrier move once, as it does on a good network."""
        moved = False
        self.now += STEP
        if link.opening is not None:
            self.deliver_opening(link)
            moved = True
        upload = link.upload
        if upload is not None and (upload.broken or upload.reading.over):
            moved |= self.leave_upload(link)
        moved |= self.watch_upload(link)
        moved |= self.take_over(link)
        moved |= self.client_writes(link)
        moved |= self.client_polls(link)
        moved |= self.deliver_up(link, count)
        if link.upload is not None:
            moved |= self.deliver_upload(link.upload, count)
        moved |= self.deliver_batch(link)
        moved |= self.deliver_poll(link)
        moved |= self.server_writes(link.carrier.id)
        moved |= self.deliver_down(link, count)
        moved |= self.deliver_batch_answer(link)
        moved |= self.deliver_poll_answer(link)
        return moved

    def pump(self, read: Reader) -> None:
        """Let everything move, in the right order and without a heartbeat, until all is quiet."""
        for _ in range(10_000):
            moved = read.all(self)
            for link in list(self.links.values()):
                moved |= self.flow(link, 1_000_000)
            for carrier_id in list(self.ends):
                moved |= self.server_writes(carrier_id)
            if not moved and not self._pass_time():
                return
        raise AssertionError("it never came to rest")

    def _pass_time(self) -> bool:
        """Let the time pass for which a client waits before it does more; say whether it does."""
        waits = [self._wait(one) for one in self.links.values() if self.alive(one) and one.opened]
        self.now += max(waits, default=0.0)
        return any(waits)

    def _wait(self, link: Link) -> float:
        """Return the seconds until the client does more on a carrier by itself; 0 for never."""
        cursor, upload = link.carrier.cursor, link.upload
        if upload is not None:
            # Its PING is sent, or given up.
            at = self.now + upload.rules.within
            return (
                upload.rules.within if copy(upload.rules).look(at, cursor, SILENCE) in MOVES else 0
            )
        client, server = self.client, self.server
        if link.kind == "poll" and link.poll is None and not client.finished:
            # What another carrier was chosen for does not come by this one, however often it asks.
            missing = client.selected in (None, link.carrier) and (
                client.outbox.next > server.inbox.received + 1
                or server.outbox.next > client.inbox.received + 1
            )
            if missing and self._visit_at(link) > self.now:
                return self._visit_at(link) - self.now + STEP
        return link.rules.may_start(self.now) or 0.0 if client.pending(link.carrier) else 0.0


class Reader:
    """The two applications: what they sent, and what they got."""

    def __init__(self) -> None:
        self.sent: dict[str, list[Message]] = {"client": [], "server": []}
        self.got: dict[str, list[Message]] = {"client": [], "server": []}
        self.end: dict[str, Closed | None] = {"client": None, "server": None}

    def read(self, side: str, core: Session, count: int) -> bool:
        """Let one application read; it notes what it got."""
        moved = False
        for _ in range(count):
            message = core.receive()
            if message is None:
                break
            if isinstance(message, Closed):
                self.end[side] = message
                break
            assert self.end[side] is None, "a message came after the end"
            self.got[side].append(message)
            moved = True
        return moved

    def all(self, network: Network) -> bool:
        """Let both read all that there is."""
        moved = self.read("client", network.client, 1_000)
        return self.read("server", network.server, 1_000) or moved
