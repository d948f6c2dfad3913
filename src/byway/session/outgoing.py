"""Outgoing frames: what an application sent, and what was made of it, once.

Knows: what a numbered frame holds, and how it is encoded.
Must not know: numbers, sessions, who writes it where.

A message stays as the application gave it until a transport wants its bytes, which are made once
and kept. Whoever sends one object over many sessions has one record in all their outboxes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from weakref import ref

from byway.errors import UsageError
from byway.frames import BINARY, CLOSE, HEADER, PART, TEXT, encode_close

Message = str | bytes
"""What an application sends and receives."""


class Outgoing:
    """A numbered frame that is to be written. It may stand in several outboxes.

    Attributes:
        kind: the frame's type.
        length: bytes of its payload.
        text: the text, where the frame is a whole TEXT; None where only its bytes are kept.
        data: the payload, once it was made; a fragment's is a slice of its message's.
        message: the whole message that it is a fragment of, None where it is whole itself.
    """

    __slots__ = ("__weakref__", "data", "kind", "length", "message", "text")

    def __init__(
        self,
        kind: int,
        length: int,
        *,
        text: str | None = None,
        data: bytes | memoryview | None = None,
        message: Outgoing | None = None,
    ) -> None:
        """Hold a text, or the bytes of a payload, or both."""
        self.kind: int = kind
        self.length: int = length
        self.text: str | None = text
        self.data: bytes | memoryview | None = data
        self.message: Outgoing | None = message

    def __len__(self) -> int:
        """Count the bytes of the encoded frame."""
        return HEADER.size + self.length

    def payload(self) -> bytes | memoryview:
        """Return the bytes of the payload."""
        text, data = self.text, self.data
        if data is None:
            assert text is not None
            self.data = data = text.encode()
            if _newest() is not self:
                self.text = None
        return data

    def as_text(self) -> str:
        """Return the text of a whole TEXT."""
        text = self.text
        return text if text is not None else bytes(self.payload()).decode()


Output = bytes | Outgoing
"""A frame to write: one about the session or the carrier is encoded already."""

_newest: Callable[[], Outgoing | None] = lambda: None  # noqa: E731
"""A weak reference to the record made last: no memory is kept that no outbox holds. It alone keeps
a text beside its bytes, so that the next outbox which is given the same text can have both."""


def outgoing(message: Message) -> Outgoing:
    """Return the record of a message; that of the call before for the same object.

    Raises:
        UsageError: a text holds a lone surrogate, which UTF-8 cannot carry.
    """
    global _newest
    newest = _newest()
    if newest is not None:
        # The kind counts: Python has only one b"x", which may be what a text "x" was encoded to.
        if newest.text is message or newest.kind == BINARY and newest.data is message:
            return newest
        if newest.data is not None:
            newest.text = None
    if not isinstance(message, str):
        record = Outgoing(BINARY, len(message), data=message)
    elif message.isascii():
        record = Outgoing(TEXT, len(message), text=message)
    else:
        try:
            data = message.encode()
        except UnicodeEncodeError as error:
            raise UsageError(
                f"the text contains a lone surrogate at index {error.start}; "
                "it cannot be sent as UTF-8"
            ) from None
        record = Outgoing(TEXT, len(data), text=message, data=data)
    _newest = ref(record)
    return record


def closing(code: int, reason: str) -> Outgoing:
    """Return the record of CLOSE."""
    payload = encode_close(code, reason)[HEADER.size :]
    return Outgoing(CLOSE, len(payload), data=payload)


def fragments(message: Outgoing, size: int) -> Iterator[Outgoing]:
    """Cut a message into PARTs of this size and a frame of its own kind that closes it."""
    view = memoryview(message.payload())
    last = (message.length - 1) // size * size
    for start in range(0, last, size):
        yield Outgoing(PART, size, data=view[start : start + size], message=message)
    yield Outgoing(message.kind, message.length - last, data=view[last:], message=message)


def joined(frames: Iterable[Output]) -> bytes:
    """Encode frames, one behind the other."""
    pieces: list[bytes | memoryview] = []
    for frame in frames:
        if isinstance(frame, Outgoing):
            data = frame.data
            pieces.append(HEADER.pack(frame.kind, frame.length))
            pieces.append(frame.payload() if data is None else data)
        else:
            pieces.append(frame)
    return b"".join(pieces)
