"""Errors: one root, and two branches below it.

Knows: what can go wrong, in the words of the documentation.
Must not know: who raises or catches it.

::

    BywayError
    ├── UsageError (also ValueError)    you did: a wrong argument, a call out of order
    │   └── WrongKind (also TypeError)  of another kind than is asked for
    ├── ChannelClosed                   the channel is closed; carries both ends' code and reason
    ├── ConnectError                    connect() got no session; carries what was tried
    │   ├── Refused                     the application said no; carries its status, headers, body
    │   └── NoTransport                 no transport got through in time
    └── PeerError                       the peer did; carries the response that fits
        ├── FrameError                  bytes that are no frames, or frames out of order
        └── CarrierLost                 a carrier ended or never opened; the session goes on

Errors of the libraries below are mapped to these at one place a transport.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from byway.negotiation.report import Report


ELSEWHERE: Final = "elsewhere"
"""Of a session: it belongs to another process. This one can say nothing of what became of it."""

ENDED: Final = "ended"
"""Of a session: it was here, and has ended."""

UNKNOWN: Final = "unknown"
"""Of a session: it is not here, or this run of its handler is not."""


class BywayError(Exception):
    """Root of all errors that byway raises on purpose."""


class UsageError(BywayError, ValueError):
    """You did: an argument is wrong, or a call came at the wrong time."""


class WrongKind(UsageError, TypeError):
    """You gave something of another kind than is asked for, such as a server's limits to a client.

    It is a `TypeError`, too.
    """


class ChannelClosed(BywayError):
    """The channel is closed, so nothing can be sent on it.

    Attributes:
        code: the close code, 1006 where no closing handshake took place.
        reason: the reason given with it.
    """

    def __init__(self, code: int, reason: str) -> None:
        """Keep the code and the reason."""
        super().__init__(f"the channel is closed: {code}{f' ({reason})' if reason else ''}")
        self.code = code
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of one transport.

    Attributes:
        transport: its name.
        seconds: how long the try took.
        error: what ended it, in a sentence; empty where it worked.
        status: the HTTP status seen, if one was.
        headers: headers of that response that say who gave it.
        mark: its `Byway` header: "" where the response is not byway's.
        trouble: what kept it from a response, in a word; see `CarrierLost`.
        gone: what the server said of a session that it does not have; see `PeerError`.
        opened: whether OPEN had come.
    """

    transport: str
    seconds: float
    error: str = ""
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    mark: str = ""
    trouble: str = ""
    gone: str = ""
    opened: bool = False


class ConnectError(BywayError):
    """`connect()` could not open a session.

    Attributes:
        attempts: what was tried, in order.
        report: what it means, and what to do; None for an error that `connect` did not raise.
    """

    def __init__(self, message: str, attempts: Sequence[Attempt] = ()) -> None:
        """Keep the attempts."""
        super().__init__(message)
        self.attempts: tuple[Attempt, ...] = tuple(attempts)
        self.report: Report | None = None


class Refused(ConnectError):
    """The application refused the session before accepting it.

    Attributes:
        status: the HTTP status, 403 unless the application chose another.
        headers: the headers of its response.
        body: the body of its response.
    """

    def __init__(
        self, status: int, headers: Sequence[tuple[str, str]] = (), body: bytes = b""
    ) -> None:
        """Keep the response."""
        super().__init__(f"the server refused the session with status {status}")
        self.status = status
        self.headers: tuple[tuple[str, str], ...] = tuple(headers)
        self.body = body


class NoTransport(ConnectError):
    """No transport got through.

    Attributes:
        retry_after: seconds after which the server asked to be tried again, where that is later
            than `open_timeout` allows; else None.
    """

    def __init__(
        self, attempts: Sequence[Attempt], why: str = "", *, retry_after: float | None = None
    ) -> None:
        """Say why, and name the newest attempt of each transport in the message."""
        newest = {one.transport: one for one in attempts}
        lines = "".join(
            f"\n  {one.transport}: {one.error} (after {one.seconds:.1f} s)"
            for one in newest.values()
        )
        said = f": {why}" if why else "" if lines else ": there was no time to try any"
        super().__init__(f"no transport got through{said}{lines}", attempts)
        self.retry_after: float | None = retry_after


class PeerError(BywayError):
    """The peer did something that it may not do.

    Attributes:
        status: the HTTP status that fits as a response.
        gone: what the server says of a session that it does not have: `ELSEWHERE`, `ENDED` or
            `UNKNOWN`; "" where it does not say that.
        retry_after: seconds after which the peer shall come again; None where nothing is known.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        gone: str = "",
        retry_after: float | None = None,
    ) -> None:
        """Keep the status that fits."""
        super().__init__(message)
        self.status = status
        self.gone = gone
        self.retry_after = retry_after


class FrameError(PeerError):
    """Bytes that are no frames, or frames where they may not be. It ends the carrier only."""


PLAIN: Final = "plain"
"""The trouble of an attempt that met a WebSocket server without byway, where none was wanted."""

DROPPED: Final = "dropped"
"""The trouble of a WebSocket whose server speaks byway, and whose 101 does not say so."""


class CarrierLost(PeerError):
    """A carrier ended, or never opened. The session goes on with another.

    Attributes:
        answered: the HTTP status that came instead of a carrier, if one came.
        headers: headers of that response that say who gave it.
        mark: its `Byway` header: "" where the response is not byway's.
        trouble: what kept it from a response, in a word: `name`, `name-timeout` (its look-up got no
            response), `refused`, `certificate`, `tls`, `proxy`, `unreachable`, `connect-timeout`
            (nothing took the connection), `timeout` (what took it did not answer), `reset`,
            `ended`, `protocol`, `plain`; else "".
        other_form: the form of the response may be what was blocked, and the other is worth a try.
    """

    def __init__(
        self,
        message: str,
        *,
        answered: int | None = None,
        gone: str = "",
        headers: Sequence[tuple[str, str]] = (),
        mark: str = "",
        trouble: str = "",
        retry_after: float | None = None,
    ) -> None:
        """Keep what was answered, and whether the session itself is gone.

        The message may hold what a server, or somebody on the way, has said: what is not printable
        is taken out, since messages end in logs and on terminals.
        """
        super().__init__(
            "".join(one if one.isprintable() else "?" for one in message),
            gone=gone,
            retry_after=retry_after,
        )
        self.answered = answered
        self.headers: tuple[tuple[str, str], ...] = tuple(headers)
        self.mark = mark
        self.trouble = trouble
        self.other_form: bool = False
