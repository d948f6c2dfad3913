"""What fails for a reason outside of byway, and why: each with the version it was seen in.

Knows: rows, features, and which of them fail.
Must not know: how anything is checked, how pages look.

A cell that fails without standing here fails the test, and so does one that stands here and works.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from tests.matrix.clients import TRANSPORTS
from tests.matrix.features import NONE
from tests.matrix.rows import Row
from tests.matrix.running import Outcome

WEBSOCKET: Final = ("websocket",)
HTTP: Final = ("stream", "sse", "poll")


@dataclass(frozen=True)
class Fault:
    """Something that fails.

    Attributes:
        reason: why, with versions, and what helps: for the page.
        features: which fail.
        ways: over which transports. What is checked once fails whatever stands here.
        servers: on which servers, by the beginnings of their names; on all where there are none.
        frameworks: in which frameworks, by name; in all where there are none.
        alike: it fails without byway too, over a plain WebSocket or HTTP.
        sometimes: not every time: it may work.
    """

    reason: str
    features: tuple[str, ...]
    ways: tuple[str, ...] = TRANSPORTS
    servers: tuple[str, ...] = ()
    frameworks: tuple[str, ...] = ()
    alike: bool = True
    sometimes: bool = False

    def concerns(self, row: Row) -> bool:
        """Say whether it is one of this row."""
        server = not self.servers or row.server.name.startswith(self.servers)
        return server and (not self.frameworks or row.framework.name in self.frameworks)

    def covers(self, feature: str, way: str) -> bool:
        """Say whether a cell fails for it."""
        return feature in self.features and (way in self.ways or way not in TRANSPORTS)


ON_SERVERS: Final = (
    Fault(
        "gunicorn 27.0.1 and Daphne 4.2.3 cannot send an application's own response to a WebSocket"
        " handshake, and a plain 403 does not say who sent it. A client that may use only"
        " WebSockets gets `NoTransport`, whose text says so; all others get the refusal over the"
        " next transport.",
        ("refuse",),
        ways=WEBSOCKET,
        servers=("gunicorn-asgi", "daphne"),
        alike=False,
    ),
    Fault(
        "Without byway, Starlette raises an error for such a response there: the client gets a"
        " 500.",
        ("deny",),
        ways=WEBSOCKET,
        servers=("gunicorn-asgi", "daphne"),
        frameworks=("starlette",),
    ),
    Fault(
        "uvicorn-worker 0.4.0 ignores gunicorn's `--root-path`: extend its class with"
        ' `CONFIG_KWARGS = {"root_path": "/base"}`.',
        ("root_path",),
        servers=("gunicorn-uvicorn",),
        frameworks=("starlette",),
    ),
    Fault(
        "Daphne 4.2.3 has no lifespan: it does not run an application's start-up code.",
        ("lifespan",),
        servers=("daphne",),
    ),
    Fault(
        "Hypercorn 0.18.0 and anycorn 0.20.1 stop listening and cut idle connections at once. A"
        " client that is between two polls gets no 1012, and ends with 1006 after half of the"
        " resume timeout (15 s).",
        ("SIGTERM",),
        ways=("poll",),
        servers=("hypercorn", "anycorn"),
        alike=False,
        sometimes=True,
    ),
    Fault(
        "bareASGI 4.4.1 needs a coroutine from `receive()`, and Granian 2.8.9 returns another kind"
        " of awaitable: each ordinary HTTP request gets a 500. WebSockets work.",
        (
            "hello",
            "stream",
            "upload",
            "static",
            "lifespan",
            "session",
            "client's code",
            "client's reason",
        ),
        servers=("granian",),
        frameworks=("bareasgi",),
    ),
)
"""Causes in servers."""

IN_FRAMEWORKS: Final = (
    Fault(
        "`receive()` of bareASGI 4.4.1 and 5.0.0 raises `KeyError` for an empty binary message.",
        ("empty binaries",),
        frameworks=("bareasgi", "bareasgi5"),
    ),
    Fault(
        "bareASGI cannot send its own response to a WebSocket handshake: the refusal is a plain"
        " 403.",
        ("deny",),
        frameworks=("bareasgi", "bareasgi5"),
    ),
    Fault(
        "`close()` of bareASGI 4.4.1 takes no reason, and it does not keep the client's.",
        ("application's reason", "client's reason"),
        frameworks=("bareasgi",),
    ),
    Fault(
        "Litestar 2.25.0, Channels 4.3.2, Falcon 4.4.0 and BlackSheep 2.6.4 cannot send their own"
        " response to a WebSocket handshake: the refusal is a plain 403.",
        ("deny",),
        frameworks=("litestar", "channels", "falcon", "blacksheep"),
    ),
    Fault(
        "Channels 4.3.2, Falcon 4.4.0 and BlackSheep 2.6.4 give a handler the client's close code,"
        " but not its reason.",
        ("client's reason",),
        frameworks=("channels", "falcon", "blacksheep"),
    ),
    Fault(
        "Litestar 2.25.0 closes with 4500 after an exception.",
        ("exception",),
        frameworks=("litestar",),
    ),
    Fault(
        "Quart 0.22.0 raises `KeyError` for an empty binary message.",
        ("empty binaries",),
        frameworks=("quart",),
    ),
    Fault(
        "Quart 0.22.0 cancels the handler when the client leaves, and gives it neither code nor"
        " reason.",
        ("client's code", "client's reason"),
        frameworks=("quart",),
    ),
    Fault(
        "Quart 0.22.0 closes with 1000 after an exception.",
        ("exception",),
        frameworks=("quart",),
    ),
    Fault(
        "Django's handler of static files (5.2) does not remove the `root_path` from the path. It"
        " is for development only.",
        ("static",),
        frameworks=("channels",),
    ),
    Fault(
        "BlackSheep 2.6.4 responds with 500 to a WebSocket whose path holds a space or anything"
        " that is not ASCII.",
        ("path",),
        frameworks=("blacksheep",),
    ),
    Fault(
        "Sanic 25.12.1 leaves the path's parameters of a WebSocket percent-encoded.",
        ("path",),
        frameworks=("sanic",),
    ),
    Fault(
        "Sanic 25.12.1 accepts before it calls a handler, so the handler cannot refuse.",
        ("refuse", "deny"),
        frameworks=("sanic",),
    ),
    Fault(
        "`close()` of Sanic 25.12.1 does nothing on an ASGI server, and an exception sends nothing:"
        " the session ends with 1000, a plain WebSocket with 1006.",
        ("application's code", "application's reason", "exception"),
        frameworks=("sanic",),
    ),
    Fault(
        "`recv()` of Sanic 25.12.1 returns None at the end on an ASGI server, without code and"
        " reason.",
        ("client's code", "client's reason"),
        frameworks=("sanic",),
    ),
)
"""Causes in frameworks."""

ALL: Final = (*ON_SERVERS, *IN_FRAMEWORKS)


def faults_of(row: Row) -> list[Fault]:
    """Return the faults that stand for a row."""
    return [one for one in ALL if one.concerns(row)]


def judge(row: Row, outcome: Outcome) -> list[str]:
    """Return what is otherwise than it stands here."""
    return list(_judge(row, outcome, faults_of(row)))


def _judge(row: Row, outcome: Outcome, faults: Iterable[Fault]) -> Iterator[str]:
    for (feature, way), what in outcome.cells.items():
        mine = [one for one in faults if one.covers(feature, way)]
        cell = f"{row.name}: {feature} over {way}"
        plain = outcome.plain.get(feature, "")
        if what in ("", NONE):
            if mine and not any(one.sometimes for one in mine):
                yield f"{cell} works, and stands in expected.py: {mine[0].reason}"
        elif not mine:
            yield f"{cell}: {what}; without byway: {plain or 'it works'}"
        elif any(one.alike for one in mine) and not plain:
            yield f"{cell}: {what}, and without byway it works, other than expected.py says"
