"""The protocol against a network that does what it likes.

Hypothesis opens, cuts, delays, mutes and swaps carriers of all kinds, loses, repeats and reorders
requests, answers and uploads, and lets the applications send, read slowly and close as it pleases.
"""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from byway.frames import HEADER
from byway.session import Message, Session, State
from byway.transports.http.polls import INTERVAL
from tests.unit.session.network import KINDS, SMALL, Link, Network, Reader, Upload, cost

SIDES = st.sampled_from(["client", "server"])
ANY = st.integers(0, 7)
LONGEST = 400

# Every message is told from every other by its number, and each has a shape of its own.
SHAPES = st.sampled_from(["", "x", "\r", "é\r\n", "𝄞" * 9, "y" * 8, "z" * 70, "w" * 300])


class Ordeal(RuleBasedStateMachine):
    """Two sessions that live through what the rules do to the network between them."""

    def __init__(self) -> None:
        super().__init__()
        self.network = Network()
        self.apps = Reader()
        self.counted = 0
        self.asked: float | None = None  # the heartbeat that the client asked for last
        self.closed_by: set[str] = set()  # who closed: what they had not read is dropped

    def side(self, name: str) -> Session:
        return self.network.client if name == "client" else self.network.server

    def link(self, index: int) -> Link:
        """Pick a carrier that the client still uses."""
        links = [one for one in self.network.links.values() if self.network.alive(one)]
        return links[index % len(links)]

    def has_links(self) -> bool:
        return any(self.network.alive(one) for one in self.network.links.values())

    def end(self, index: int) -> int:
        """Pick the id of a carrier that the server has."""
        ids = list(self.network.ends)
        return ids[index % len(ids)]

    def upload(self, age: int) -> Upload:
        """Pick an upload, the newest if it is 0."""
        return self.network.uploads[-1 - age % len(self.network.uploads)]

    # The applications

    @rule(name=SIDES, shapes=st.lists(SHAPES, min_size=1, max_size=6), binary=st.booleans())
    def send(self, name: str, shapes: list[str], binary: bool) -> None:
        self.say(name, shapes, binary=binary)

    def say(self, name: str, shapes: list[str], *, binary: bool = False) -> None:
        core = self.side(name)
        for shape in shapes:
            if core.state is not State.OPEN or not core.writable:
                return
            text = f"{self.counted}{shape}" if shape else ""
            self.counted += 1
            message: Message = text.encode() if binary else text
            core.send(message)
            self.apps.sent[name].append(message)

    @rule(name=SIDES, count=st.integers(1, 5))
    def read(self, name: str, count: int) -> None:
        self.apps.read(name, self.side(name), count)

    @precondition(lambda self: len(self.network.links) > 3)
    @rule(name=SIDES, code=st.sampled_from([1000, 1001, 4000]))
    def close(self, name: str, code: int) -> None:
        self.closed_by.add(name)
        self.side(name).close(code, "enough")

    # The two programs, and a network that works

    @precondition(lambda self: len(self.network.links) < 40 and not self.network.client.finished)
    @rule(kind=st.sampled_from(KINDS), times=st.integers(0, 3))
    def open(self, kind: str, times: int) -> None:
        link = self.network.open(kind)
        for _ in range(times):
            self.network.flow(link, 10_000)

    @precondition(has_links)
    @rule(index=ANY, times=st.integers(1, 6), count=st.sampled_from([3, 100, 10_000]))
    def work(self, index: int, times: int, count: int) -> None:
        link = self.link(index)
        for _ in range(times):
            self.network.flow(link, count)

    @precondition(has_links)
    @rule(index=ANY)
    def choose(self, index: int) -> None:
        link = self.link(index)
        if link.opened:
            self.network.choose(link)

    @rule(seconds=st.sampled_from([1.0, 2.5, 8.0]))
    def ask_beat(self, seconds: float) -> None:
        self.asked = seconds
        self.network.client.ask_beat(seconds)

    @precondition(has_links)
    @rule(
        index=ANY,
        what=st.sampled_from(["ping", "write", "beat", "poll", "open", "batch", "answer", "leave"]),
        which=st.integers(0, 2),
    )
    def client_step(self, index: int, what: str, which: int) -> None:
        network, link = self.network, self.link(index)
        if what == "ping":
            network.client.ping(link.carrier, b"?")
        elif what in ("write", "beat"):
            network.client_writes(link, beat=what == "beat")
        elif what == "poll":
            network.client_polls(link)
        elif what == "open" and link.opening is not None:
            network.deliver_opening(link)
        elif what == "batch":
            network.deliver_batch(link, which)
            network.deliver_poll(link)
        elif what == "answer":
            network.deliver_batch_answer(link, which)
            if network.alive(link):
                network.deliver_poll_answer(link)
        elif what == "leave":
            network.lose(link)

    @precondition(lambda self: len(self.network.links) < 40 and not self.network.client.finished)
    @rule(kind=st.sampled_from(["stream", "sse"]), times=st.integers(1, 4))
    def open_with_an_upload(self, kind: str, times: int) -> None:
        network, link = self.network, self.network.open(kind)
        for _ in range(3):
            network.flow(link, 10_000)
        network.begin_upload(link)
        for _ in range(times):
            network.flow(link, 10_000)

    @precondition(has_links)
    @rule(index=ANY, what=st.sampled_from(["begin", "take over", "break off"]))
    def upload_step(self, index: int, what: str) -> None:
        network, link = self.network, self.link(index)
        if what == "begin":
            network.begin_upload(link)
        elif what == "take over":
            network.take_over(link)
        else:
            network.leave_upload(link)

    @precondition(lambda self: self.network.uploads)
    @rule(age=ANY, count=st.sampled_from([1, 7, 30, 10_000]))
    def upload_arrives(self, age: int, count: int) -> None:
        """Of those that the client has given up, too: a proxy may have kept them for a while."""
        self.network.deliver_upload(self.upload(age), count)

    @precondition(lambda self: self.network.ends)
    @rule(index=ANY, what=st.sampled_from(["write", "beat", "leave", "end"]))
    def server_step(self, index: int, what: str) -> None:
        if what == "end":
            self.network.server_notices(self.end(index))
        elif what == "leave":
            self.network.server.leave(self.network.ends[self.end(index)].carrier)
        else:
            self.network.server_writes(self.end(index), beat=what == "beat")

    @precondition(has_links)
    @rule(index=ANY, count=st.sampled_from([1, 3, 8, 100, 10_000]))
    def down_arrives(self, index: int, count: int) -> None:
        self.network.deliver_down(self.link(index), count)

    @precondition(lambda self: self.network.links)
    @rule(index=ANY, count=st.integers(1, 4))
    def up_arrives(self, index: int, count: int) -> None:
        links = list(self.network.links.values())
        self.network.deliver_up(links[index % len(links)], count)

    # The network when it is ill

    @precondition(has_links)
    @rule(index=ANY, delivered=st.booleans())
    def batch_fails(self, index: int, delivered: bool) -> None:
        link = self.link(index)
        if not link.batches:
            self.network.client_writes(link)
        if delivered:
            self.network.deliver_batch(link)
        if link.batches:
            self.network.fail_batch(link)

    @precondition(has_links)
    @rule(index=ANY, times=st.integers(2, 12))
    def batches_fail_one_after_the_other(self, index: int, times: int) -> None:
        """However often they do, no storm of them follows; the network looks for that."""
        network, link = self.network, self.link(index)
        self.say("client", ["x"])
        for _ in range(times):
            network.client_writes(link)
            if link.batches:
                network.fail_batch(link)

    @precondition(has_links)
    @rule(index=ANY)
    def batch_is_answered_and_not_handed_on(self, index: int) -> None:
        network, link = self.network, self.link(index)
        self.say("client", ["x"])
        network.client_writes(link)
        if network.swallow_batch(link):
            network.deliver_batch_answer(link)

    @precondition(has_links)
    @rule(index=ANY, delivered=st.booleans())
    def poll_fails(self, index: int, delivered: bool) -> None:
        network, link = self.network, self.link(index)
        if link.kind == "poll":
            network.now += INTERVAL  # another visit is due
            self.say("client", ["x"])
            network.client_polls(link)
            if delivered:
                network.deliver_poll(link)
            if link.poll is not None:
                network.fail_poll(link)

    @precondition(has_links)
    @rule(index=ANY, delivered=st.booleans(), given_up=st.booleans())
    def poll_that_speaks_fails(self, index: int, delivered: bool, given_up: bool) -> None:
        network, link = self.network, self.link(index)
        if link.kind != "poll" or not link.opened:
            return
        self.say("server", ["x"])
        network.flow(link, 10_000)
        self.say("client", ["y"])
        network.client_polls(link)
        if delivered:
            network.deliver_poll(link)
        if link.poll is not None and network.alive(link):
            (network.give_up_poll if given_up else network.fail_poll)(link)

    @rule(what=st.sampled_from(["narrow", "visiting"]), on=st.booleans())
    def path_changes(self, what: str, on: bool) -> None:
        """A proxy refuses batches of more than one frame; or the path wants one request a time."""
        setattr(self.network, what, on)

    @rule(seconds=st.sampled_from([0.05, 0.3, 2.1, 11.0]))
    def time_passes(self, seconds: float) -> None:
        self.network.now += seconds

    @precondition(lambda self: self.network.uploads)
    @rule(age=ANY)
    def upload_is_held(self, age: int) -> None:
        """Something keeps what goes up in it, and tells nobody."""
        self.upload(age).held = True

    @precondition(lambda self: self.network.copies)
    @rule(age=st.integers(0, 20))
    def old_request_is_repeated(self, age: int) -> None:
        self.network.repeat(-1 - age % len(self.network.copies))

    @precondition(has_links)
    @rule(index=ANY, delivered=st.booleans())
    def last_batches_fail_as_an_upload_takes_over(self, index: int, delivered: bool) -> None:
        network, link = self.network, self.link(index)
        network.begin_upload(link)
        self.say("client", ["x"])
        network.client_writes(link)
        if link.upload is None or link.upload.running:
            return
        network.deliver_upload(link.upload, 10_000)
        network.server_writes(link.carrier.id)
        network.deliver_down(link, 10_000)
        if network.alive(link):
            if delivered:
                network.deliver_batch(link)
            if link.batches:
                network.fail_batch(link)
            network.take_over(link)

    @precondition(lambda self: self.network.uploads)
    @rule(age=ANY, count=st.integers(0, 400), instead=st.booleans())
    def upload_is_repeated(self, age: int, count: int, instead: bool) -> None:
        self.network.repeat_upload(self.upload(age), count, instead=instead)

    @precondition(lambda self: self.network.uploads)
    @rule(age=ANY, keep=st.integers(0, 60))
    def upload_is_cut(self, age: int, keep: int) -> None:
        self.network.cut_upload(self.upload(age), keep)

    @precondition(has_links)
    @rule(index=ANY, down=st.integers(0, 60), up=st.integers(0, 3), noticed=st.booleans())
    def cut(self, index: int, down: int, up: int, noticed: bool) -> None:
        link = self.link(index)
        self.network.cut(link, down, up)
        if noticed:
            self.network.client_notices(link)

    # What has to hold

    @precondition(lambda self: self.network.client.selected is not None)
    @rule()
    def quiet(self) -> None:
        """With one good carrier, all that was sent arrives, and nobody waits for a heartbeat."""
        self.network.pump(self.apps)
        chosen = self.network.client.selected
        if chosen is None:
            return
        link, end = self.network.links[chosen.id], self.network.ends.get(chosen.id)
        if not link.broken and (end is not None or link.kind == "poll"):
            self.all_arrived()

    @invariant()
    def every_message_once_and_in_order(self) -> None:
        for here, there in (("client", "server"), ("server", "client")):
            got = self.apps.got[here]
            assert got == self.apps.sent[there][: len(got)]

    @invariant()
    def what_is_due_is_told(self) -> None:
        """No carrier has something to write that a shell, which only looks at `due`, would miss."""
        for core in (self.network.client, self.network.server):
            for carrier in core.carriers.values():
                assert carrier.due or not core.pending(carrier)
            self.network.take_events(core)

    @invariant()
    def bounds_hold(self) -> None:
        for name, there in (("client", "server"), ("server", "client")):
            core = self.side(name)
            parts = LONGEST // SMALL.part + 1
            assert core.outbox.size < SMALL.outbox + LONGEST + parts * HEADER.size + 128
            begun = len(self.apps.got[name])
            unread = self.apps.sent[there][begun : begun + len(core.inbox)]
            assert sum(cost(one) for one in unread[:-1]) < SMALL.inbox
            assert len(core.carriers) <= SMALL.carriers

    def all_arrived(self) -> None:
        for here, there in (("client", "server"), ("server", "client")):
            if here in self.closed_by:
                assert self.side(here).inbox.closed is not None
            else:
                assert self.apps.got[here] == self.apps.sent[there]

    def teardown(self) -> None:
        """After a fresh carrier everything arrives; after a close both sides are finished."""
        network, apps = self.network, self.apps
        client, server = network.client, network.server
        network.visiting = False
        for kind in ("sse", "poll"):
            for link in network.links.values():
                network.lose(link)
            if client.finished:
                break
            network.open(kind)
            network.pump(apps)
            self.all_arrived()
            if self.asked is not None:
                assert server.beat is not None
                assert server.beat <= self.asked
            if kind == "sse" and client.state is State.OPEN:
                self.close("client", 1000)
        assert client.finished
        # The last acknowledgement can always be lost; the server then waits for a window.
        assert server.state is State.CLOSED
        assert client.inbox.received == server.outbox.next - 1
        apps.all(network)
        for name, there in (("client", "server"), ("server", "client")):
            assert apps.end[name] is not None
            if name not in self.closed_by:
                assert apps.got[name] == apps.sent[there]
        self.every_message_once_and_in_order()


TestOrdeal = pytest.mark.timeout(3600)(Ordeal.TestCase)
TestOrdeal.settings = settings(max_examples=settings().max_examples * 4)
