"""An event stream as a browser reads it (WHATWG HTML, section 9.2), apart from byway's own."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class SeenEvent:
    """An event that an `EventSource` would dispatch.

    Attributes:
        name: its type, "message" where none is given.
        data: its data.
        last_id: the last event id at that moment.
    """

    name: str
    data: str
    last_id: str


class EventReader:
    """Takes pieces of an event stream and gives events.

    Attributes:
        last_id: what the browser would send as `Last-Event-ID`.
    """

    def __init__(self, last_id: str = "") -> None:
        """Start at the beginning of a response.

        Args:
            last_id: the one of the response before.
        """
        self.last_id = last_id
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._text = ""
        self._name = ""
        self._data: list[str] = []

    def feed(self, piece: bytes) -> list[SeenEvent]:
        """Take a piece; it may end anywhere but inside a CRLF, which byway does not send."""
        self._text += self._decoder.decode(piece)
        *lines, self._text = re.split("\r\n|\r|\n", self._text)
        found = []
        for line in lines:
            if not line:
                if self._data:
                    found.append(
                        SeenEvent(self._name or "message", "\n".join(self._data), self.last_id)
                    )
                self._name, self._data = "", []
                continue
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "data":
                self._data.append(value)
            elif field == "event":
                self._name = value
            elif field == "id":
                self.last_id = value
        return found
