"""Processes that share keys through the directory, over connections that lose and delay everything.

Knows: the directory and its scripts; what must never happen.
Must not know: Redis, links, transports.
"""

from __future__ import annotations

import random
from typing import Any, Final

from byway.backplane.asks import Ask
from byway.backplane.base import Claim
from byway.backplane.directory import Directory
from byway.limits import ServerLimits
from tests.support.lua import LuaServer

LIMITS: Final = ServerLimits(sessions=4, sessions_per_address=4, tombstones=3)
KEYS: Final = (b"k0", b"k1")
NAMES: Final[tuple[str, ...]] = ("aaaaaaaa", "bbbbbbbb")
FATES: Final = ("done",) * 5 + ("done, and not heard", "late", "late", "never")


class Wrong(AssertionError):
    """What must never happen did."""


class Sharing:
    """Two processes claim, run and end keys.

    What each asks runs now, later, after its connection was given up, or never; what comes back is
    lost or not. The server is emptied, restarted from a snapshot, away. All processes live, so:
    a key is run once, whatever is lost; and once everything was told, what stands is what is so.
    """

    def __init__(self, seed: int) -> None:
        """Begin with a server that is settled."""
        self.rng = random.Random(seed)
        self.server = LuaServer()
        self.now = 0.0
        self.processes = [Directory(name, "x", LIMITS, name) for name in NAMES]
        self.asking: list[tuple[Directory, bytes, int, Ask]] = []
        self.answered: list[tuple[Directory, bytes, int, Any]] = []
        self.late: list[Ask] = []  # on connections that were given up
        self.runs: dict[bytes, list[str]] = {key: [] for key in KEYS}
        self.running: dict[bytes, set[str]] = {key: set() for key in KEYS}
        self.renewed: dict[str, float] = dict.fromkeys(NAMES, 0.0)
        self.saved: Any = None
        self.restored = False
        self.everybody_renews()

    def run(self, steps: int) -> None:
        """Do so many things, then let all be told, and look.

        Raises:
            Wrong: a rule was broken.
        """
        acts = [self.open, self.open, self.hear, self.hear, self.end, self.give_up, self.renew]
        acts += [self.renew, self.wait, self.come_late, self.come_late, self.lose]
        for _ in range(steps):
            self.rng.choice(acts)()
            self.renew_in_time()
            for one in self.processes:
                if one.holding + len(one.next_releases()) > 2 * LIMITS.sessions:
                    raise Wrong("more claims than there may be")
                if len(one.untold) > LIMITS.tombstones:
                    raise Wrong("more ends than there may be")
        self.look()

    # What processes do

    def sent(self, one: Directory, ask: Ask, fate: str) -> Any:
        """Send something; None if no response comes. Then the connection is given up."""
        if fate == "done":
            return self.server.ask(ask)
        if fate == "done, and not heard":
            self.server.ask(ask)
        elif fate == "late":
            self.late.append(ask)
        for process, digest, count, asked in self.asking:
            if process is one:  # on the same connection
                process.unanswered(digest, count)
                if fate != "never":
                    self.late.append(asked)
        self.asking = [asked for asked in self.asking if asked[0] is not one]
        one.lost()
        return None

    def open(self) -> None:
        """An opening comes to a process: it asks for a claim."""
        one, key = self.rng.choice(self.processes), self.rng.choice(KEYS)
        busy = any(asked[:2] == (one, key) for asked in (*self.asking, *self.answered))
        if one.settled and not one.full and not one.holds(key) and not busy:
            count = one.begin()
            self.asking.append((one, key, count, one.ask_claim(key, count)))

    def hear(self) -> None:
        """The claim runs, and its response comes, now or a while later."""
        if self.answered and self.rng.random() < 0.5:
            one, key, count, response = self.answered.pop(0)
            found = one.claimed(key, count, response, self.now)
            if found == Claim(one.name):
                self.runs[key].append(one.name)
                self.running[key].add(one.name)
                if len(self.runs[key]) > 1:
                    raise Wrong(f"the handler of {key!r} runs again: {self.runs[key]}")
        elif self.asking:
            one, key, count, ask = self.asking.pop(0)
            response = self.sent(one, ask, self.rng.choice(FATES))
            if response is None:
                one.unanswered(key, count)
            else:
                self.answered.append((one, key, count, response))

    def end(self) -> None:
        """A session ends."""
        if self.rng.random() < 0.5:
            return
        for key, names in self.running.items():
            for one in self.processes:
                if one.name in names:
                    names.discard(one.name)
                    one.ended(key, self.now, refused=self.rng.random() < 0.5)
                    ends = one.ask_ends([key], self.now)
                    if one.away or ends is None:
                        return
                    response = self.sent(one, ends.ask, self.rng.choice(FATES))
                    if response is not None:
                        one.ends_told(ends, response)
                    return

    def give_up(self) -> None:
        """A claim becomes no session after all: nothing ran."""
        one, key = self.rng.choice(self.processes), self.rng.choice(KEYS)
        if one.name in self.running[key]:
            self.running[key].discard(one.name)
            self.runs[key].remove(one.name)
            one.release(key)

    def renew(self, one: Directory | None = None, fate: str = "") -> None:
        """A process renews; releases follow in the same conversation."""
        one = one or self.rng.choice(self.processes)
        fate = fate or self.rng.choice(FATES)
        renewal = one.renewal(self.now, "{}")
        if (response := self.sent(one, renewal.ask, fate)) is None:
            return
        one.renewed(renewal, response, self.now)
        self.renewed[one.name] = self.now
        for digest, count in one.next_releases(1):
            response = self.sent(one, one.ask_release(digest, count), self.rng.choice(FATES))
            if response is not None:
                one.released(digest, count, response)

    def renew_in_time(self) -> None:
        """Nobody that lives is unheard for longer than settling takes."""
        for one in self.processes:
            if self.now - self.renewed[one.name] > 2.5:
                self.renew(one, "done")

    # What happens to all

    def wait(self) -> None:
        """Time passes, while everybody goes on."""
        for _ in range(self.rng.randrange(6)):
            self.pass_time(self.rng.random())
            self.renew_in_time()

    def come_late(self) -> None:
        """What was on a connection that was given up runs, in any order."""
        if self.late:
            self.server.ask(self.late.pop(self.rng.randrange(len(self.late))))

    def lose(self) -> None:
        """Redis saves, restarts from what it saved, is emptied, or is away for some seconds."""
        what = self.rng.randrange(6)
        if what < 3:
            self.saved = self.server.snapshot()
            return
        if what == 3 and self.saved is not None:
            self.server.restore(self.saved)
            self.restored = True
        elif what == 4:
            self.server.empty()
        elif what == 5:
            self.pass_time(6.0)
            self.renewed = dict.fromkeys(NAMES, self.now)
            return
        # Connections do not outlive a server, nor does what was on them.
        self.late.clear()
        for one in self.processes:
            self.sent(one, one.ask_look(one.name), "never")

    def pass_time(self, seconds: float) -> None:
        """Let time pass everywhere."""
        self.now += seconds
        self.server.now += seconds

    def everybody_renews(self) -> None:
        """Let the directory be settled, with everything told."""
        for _ in range(12):
            self.pass_time(1.0)
            for one in self.processes:
                renewal = one.renewal(self.now, "{}")
                one.renewed(renewal, self.server.ask(renewal.ask), self.now)
                self.renewed[one.name] = self.now
                for digest, count in one.next_releases():
                    response = self.server.ask(one.ask_release(digest, count))
                    one.released(digest, count, response)

    def look(self) -> None:
        """See that what stands is what is so, once everything was told."""
        for one in self.processes:
            self.sent(one, one.ask_look(one.name), "late")
        self.everybody_renews()
        for one, key, count, response in self.answered:
            if one.claimed(key, count, response, self.now) == Claim(one.name):
                one.release(key)
        while self.late:
            self.come_late()
        self.everybody_renews()
        for key in KEYS:
            running = self.running[key]
            found = {one.name for one in self.processes if one.holds(key)}
            if found != running:
                raise Wrong(f"{key!r} is run by {running} and held by {found}")
            place = self.processes[0].ask_release(key, 0).keys[2].encode()
            value = self.server.data.get(place) or b""
            if running:
                right = value[:9] in {b"o" + name.encode() for name in running}
            elif self.runs[key]:
                right = value[:1] in (b"e", b"r")
            else:
                # A snapshot may bring a claim back that was given back: its owner opens the key
                # when it is asked directly, and the claim's life ends.
                right = not value or self.restored
            if not right:
                raise Wrong(f"{value!r} stands for {key!r}, which was run by {self.runs[key]}")
