"""Heads: requests and answers as rules see them.

Knows: methods, targets, headers, and what follows from them.
Must not know: connections, what becomes of a request.
"""

from __future__ import annotations

from dataclasses import dataclass

HeaderPairs = tuple[tuple[str, str], ...]
"""Names in lower case, and values, in the order of the wire."""


def header(headers: HeaderPairs, name: str) -> str:
    """Return the values of a header, joined by commas; "" where there is none."""
    return ", ".join(value for key, value in headers if key == name)


@dataclass(frozen=True, slots=True)
class Request:
    """The head of a request.

    Attributes:
        method: its method.
        target: the path with its query, or `host:port` of a CONNECT.
        headers: its headers, names in lower case.
        connection: the number of the client's connection that it came on, from 1.
        number: which request it is since the rules were put in place, from 1.
        of_method: which one it is among those of its method since then, from 1.
    """

    method: str
    target: str
    headers: HeaderPairs = ()
    connection: int = 1
    number: int = 1
    of_method: int = 1

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def upgrade(self) -> bool:
        """Whether it asks for another protocol: a WebSocket handshake does."""
        return bool(header(self.headers, "upgrade"))

    @property
    def chunked(self) -> bool:
        """Whether its body comes in chunks, of no length announced."""
        return bool(header(self.headers, "transfer-encoding"))

    @property
    def length(self) -> int:
        """The length announced, 0 where none is."""
        text = header(self.headers, "content-length")
        return int(text) if text.isdecimal() else 0


@dataclass(frozen=True, slots=True)
class Response:
    """The head of the origin's response.

    Attributes:
        status: its status.
        headers: its headers, names in lower case.
    """

    status: int
    headers: HeaderPairs = ()

    @property
    def content_type(self) -> str:
        """The media type without parameters, in lower case; "" where none is given."""
        return header(self.headers, "content-type").partition(";")[0].strip().lower()
