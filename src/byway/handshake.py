"""The handshake: what a client says first (HELLO, or a WebSocket token), and the response (OPEN).

Knows: the fields, their JSON, and which values are allowed.
Must not know: sessions, transports, what is done with the fields.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from byway.errors import FrameError
from byway.frames import HELLO, MAX_ROOM, OPEN, encode
from byway.keys import MAX_KEY, MIN_KEY, plainly_not_random
from byway.limits import KIB, MIN_PART, MIN_SECONDS

VERSION: Final = 1
"""Version of the protocol."""

CONTENT_TYPE: Final = "application/byway"
"""Content type of every request body."""

SUBPROTOCOL: Final = "byway.1"
"""The WebSocket subprotocol that the server answers."""

MAX_SUBPROTOCOLS: Final = 32
"""Most subprotocols that a client may offer to an application."""

MAX_OFFER: Final = 2 * KIB
"""Most bytes of the subprotocols that a client may offer, together: they have to fit into a HELLO
and into a WebSocket's handshake."""

GONE_HEADER: Final = "byway-gone"
"""The header of a 410 that says what became of the session: `elsewhere`, `ended` or `unknown`."""

OFFER_HEADER: Final = "byway-offer"
"""The header of a handshake that says that `byway.1` is offered, where headers can be set."""

PROBE: Final = "byway.probe"
"""The subprotocol by which a client asks for byway's own echo in the place of the application."""

ACK_ANSWER: Final = "ack"
"""The `answer` of a HELLO that only brings frames up."""

UP_ANSWER: Final = "up"
"""The `answer` of a HELLO whose request has a body without an end."""

TEXT_FORM: Final = "text"
"""The `form` of a HELLO that asks for a response, where that has an end, as text."""

_KEY: Final = re.compile(rf"[A-Za-z0-9_-]{{{MIN_KEY},{MAX_KEY}}}")
_INSTANCE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
_MAX_NUMBER: Final = 2**63
_MAX_CARRIER: Final = 2**32 - 1


def valid_subprotocol(name: str) -> bool:
    """Say whether a name is a token of RFC 9110 section 5.6.2, as RFC 6455 wants it."""
    return _TOKEN.fullmatch(name) is not None


def _subprotocols_fit(names: Collection[str]) -> bool:
    fit = len(names) <= MAX_SUBPROTOCOLS and sum(map(len, names)) <= MAX_OFFER
    return fit and all(valid_subprotocol(one) for one in names)


class _Fields:
    """Reads a JSON object field by field, and names the field that is wrong."""

    def __init__(self, kind: str, payload: bytes) -> None:
        self.kind = kind
        try:
            fields = json.loads(payload)
        except (ValueError, RecursionError):
            raise FrameError(f"{kind} is not JSON") from None
        if not isinstance(fields, dict):
            raise FrameError(f"{kind} is not a JSON object")
        self.fields: dict[str, Any] = fields
        version = fields.get("v")
        if version != VERSION:
            raise FrameError(
                f"{kind} speaks version {ascii(version)[:20]}, this side speaks {VERSION}"
            )

    def wrong(self, name: str, wanted: str) -> FrameError:
        return FrameError(f"{self.kind}: {name!r} must be {wanted}")

    def read(
        self,
        texts: Iterable[tuple[str, re.Pattern[str], str, bool]],
        integers: Iterable[tuple[str, int, int, int | None]],
    ) -> tuple[list[str], list[int]]:
        """Read many fields at once, as every request has them.

        Args:
            texts: each with its pattern, how that is said, and whether it is needed. One that is
                not there is "".
            integers: each with its bounds, and what it is where it is missing.
        """
        get = self.fields.get
        words: list[str] = []
        for name, pattern, pattern_said, needed in texts:
            word = get(name)
            if word is None and not needed:
                word = ""
            elif not isinstance(word, str) or not pattern.fullmatch(word):
                raise self.wrong(name, pattern_said)
            words.append(word)
        numbers: list[int] = []
        for name, low, high, default in integers:
            number = get(name, default)
            if type(number) is not int or not low <= number <= high:
                raise self.wrong(name, f"an integer from {low} to {high}")
            numbers.append(number)
        return words, numbers

    def tokens(self, name: str) -> tuple[str, ...]:
        value = self.fields.get(name, [])
        if (
            not isinstance(value, list)
            or not all(isinstance(one, str) for one in value)
            or not _subprotocols_fit(value)
        ):
            raise self.wrong(name, _SUBPROTOCOLS_WANTED)
        return tuple(value)

    def seconds(self, name: str) -> float:
        value = self.fields.get(name)
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not MIN_SECONDS <= value < 1e6
        ):
            raise self.wrong(name, f"a number of seconds, at least {MIN_SECONDS}")
        return float(value)


_KEY_WANTED: Final = f"{MIN_KEY} to {MAX_KEY} characters of base64url"
_SUBPROTOCOLS_WANTED: Final = (
    f"a list of at most {MAX_SUBPROTOCOLS} tokens, of {MAX_OFFER} bytes together"
)
_NOT_RANDOM: Final = "the session key is not random; take at least 128 bits of a secure generator"
_INSTANCE_WANTED: Final = "1 to 64 characters of base64url"


_HELLO_TEXTS: Final = (
    ("session", _KEY, _KEY_WANTED, True),
    ("instance", _INSTANCE, _INSTANCE_WANTED, False),
    ("answer", _TOKEN, "a transport's name or 'ack'", True),
    ("form", _TOKEN, "a token", False),
)
_HELLO_INTEGERS: Final = (
    ("carrier", 1, _MAX_CARRIER, None),
    ("received", 0, _MAX_NUMBER, None),
    ("room", 0, MAX_ROOM, None),
    ("poll", 0, _MAX_NUMBER, 0),
)

_OPEN_TEXTS: Final = (
    ("instance", _INSTANCE, _INSTANCE_WANTED, True),
    ("transport", _TOKEN, "a transport's name", True),
    ("subprotocol", _TOKEN, "a token", False),
)
_OPEN_INTEGERS: Final = (
    ("received", 0, _MAX_NUMBER, None),
    ("room", 0, MAX_ROOM, None),
    ("part", MIN_PART, MAX_ROOM, None),
    ("batch", 1, MAX_ROOM, None),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """What a client says first on a carrier, and at the head of every request.

    Attributes:
        key: the session key, chosen by the client.
        carrier: id of the carrier that the request opens, or goes with; chosen by the client.
        received: frames received without a gap.
        room: bytes of room in the client's inbox.
        instance: the run of the handler to go on with; None to open one.
        answer: how the client wants to be answered: a transport's name, or `ACK_ANSWER`.
        poll: for polls, their count on this carrier, from 1.
        subprotocols: what the application offers.
        form: the form of a response that has an end: `TEXT_FORM`, else frames as they are.
    """

    key: str = field(repr=False)  # so that no log of a HELLO holds it
    carrier: int
    received: int
    room: int
    instance: str | None = None
    answer: str = ACK_ANSWER
    poll: int = 0
    subprotocols: tuple[str, ...] = ()
    form: str = ""

    @property
    def text(self) -> bool:
        """Whether it asks for text."""
        return self.form == TEXT_FORM

    @property
    def probe(self) -> bool:
        """Whether it asks for a probe, which no application sees."""
        return PROBE in self.subprotocols

    def frame(self) -> bytes:
        """Encode it as a HELLO frame."""
        fields: dict[str, object] = {
            "v": VERSION,
            "session": self.key,
            "carrier": self.carrier,
            "received": self.received,
            "room": min(self.room, MAX_ROOM),
            "answer": self.answer,
        }
        if self.instance is not None:
            fields["instance"] = self.instance
        if self.poll:
            fields["poll"] = self.poll
        if self.subprotocols:
            fields["subprotocols"] = list(self.subprotocols)
        if self.form:
            fields["form"] = self.form
        return encode(HELLO, json.dumps(fields, separators=(",", ":")).encode())

    @classmethod
    def parse(cls, payload: bytes, *, max_size: int) -> Hello:
        """Decode the payload of HELLO; fields that it does not know are passed over.

        Raises:
            FrameError: it is too long, not JSON, of another version, or a field is wrong. The
                message never holds the key.
        """
        if len(payload) > max_size:
            raise FrameError(f"HELLO is over the bound of {max_size} bytes")
        fields = _Fields("HELLO", payload)
        texts, integers = fields.read(_HELLO_TEXTS, _HELLO_INTEGERS)
        key, instance, answer, form = texts
        carrier, received, room, poll = integers
        if plainly_not_random(key):
            raise FrameError(_NOT_RANDOM)
        return cls(
            key=key,
            carrier=carrier,
            received=received,
            room=room,
            instance=instance or None,
            answer=answer,
            poll=poll,
            subprotocols=fields.tokens("subprotocols") if "subprotocols" in fields.fields else (),
            form=form,
        )

    def token(self) -> str:
        """Encode it as the subprotocol that a WebSocket handshake offers."""
        parts = [SUBPROTOCOL, self.key, str(self.received), str(self.room), str(self.carrier)]
        if self.instance is not None:
            parts.append(self.instance)
        return ".".join(parts)

    @classmethod
    def from_offers(cls, offers: list[str]) -> Hello | None:
        """Find byway's offers in a WebSocket handshake; None where there are none.

        Raises:
            FrameError: byway is offered, but its token is missing or wrong.
        """
        if SUBPROTOCOL not in offers:
            return None
        prefix = SUBPROTOCOL + "."
        tokens = [one for one in offers if one.startswith(prefix)]
        if len(tokens) != 1:
            raise FrameError(f"{SUBPROTOCOL} is offered without its one token")
        parts = tokens[0].removeprefix(prefix).split(".")
        if len(parts) not in (4, 5) or not all(
            one.isascii() and one.isdigit() and len(one) < 20 for one in parts[1:4]
        ):
            raise FrameError(f"the token of {SUBPROTOCOL} is malformed")
        if not _KEY.fullmatch(parts[0]):
            raise FrameError(f"the session key must be {_KEY_WANTED}")
        if plainly_not_random(parts[0]):
            raise FrameError(_NOT_RANDOM)
        if len(parts) == 5 and not _INSTANCE.fullmatch(parts[4]):
            raise FrameError(f"the instance must be {_INSTANCE_WANTED}")
        received, room, carrier = (int(one) for one in parts[1:4])
        if not (1 <= carrier <= _MAX_CARRIER and room <= MAX_ROOM and received <= _MAX_NUMBER):
            raise FrameError(f"a number in the token of {SUBPROTOCOL} is out of range")
        others = [one for one in offers if one != SUBPROTOCOL and not one.startswith(prefix)]
        if not _subprotocols_fit(others):
            raise FrameError(f"the subprotocols must be {_SUBPROTOCOLS_WANTED}")
        return cls(
            key=parts[0],
            carrier=carrier,
            received=received,
            room=room,
            instance=parts[4] if len(parts) == 5 else None,
            answer="websocket",
            subprotocols=tuple(others),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """The server's first frame on every carrier.

    Attributes:
        instance: names this run of the handler.
        transport: the transport of this carrier.
        received: frames received from the client without a gap.
        room: bytes of room in the server's inbox.
        heartbeat: longest silence that the server keeps on a downlink, in seconds.
        window: how long the server keeps a session without a carrier, in seconds.
        silence: longest silence that the server wants of the client, in seconds.
        part: bytes of a part that the server wants at most; a longer message travels as several.
        batch: bytes of frames that the server wants in a batch at most.
        transports: what this endpoint offers.
        subprotocol: what the application chose.
        promote: a WebSocket handshake, refused until now, is taken when it names the instance.
    """

    instance: str
    transport: str
    received: int
    room: int
    heartbeat: float
    window: float
    silence: float
    part: int
    batch: int
    transports: tuple[str, ...] = ()
    subprotocol: str | None = None
    promote: bool = False

    def frame(self) -> bytes:
        """Encode it as an OPEN frame."""
        fields: dict[str, object] = {
            "v": VERSION,
            "instance": self.instance,
            "transport": self.transport,
            "received": self.received,
            "room": min(self.room, MAX_ROOM),
            "heartbeat": self.heartbeat,
            "window": self.window,
            "silence": self.silence,
            "part": self.part,
            "batch": self.batch,
            "transports": list(self.transports),
        }
        if self.subprotocol is not None:
            fields["subprotocol"] = self.subprotocol
        if self.promote:
            fields["promote"] = True
        return encode(OPEN, json.dumps(fields, separators=(",", ":")).encode())

    @classmethod
    def parse(cls, payload: bytes) -> Open:
        """Decode the payload of OPEN; fields that it does not know are passed over.

        Raises:
            FrameError: it is not JSON, of another version, or a field is wrong.
        """
        fields = _Fields("OPEN", payload)
        texts, integers = fields.read(_OPEN_TEXTS, _OPEN_INTEGERS)
        instance, transport, subprotocol = texts
        received, room, part, batch = integers
        return cls(
            instance=instance,
            transport=transport,
            received=received,
            room=room,
            heartbeat=fields.seconds("heartbeat"),
            window=fields.seconds("window"),
            silence=fields.seconds("silence"),
            part=part,
            batch=batch,
            transports=fields.tokens("transports"),
            subprotocol=subprotocol or None,
            promote=fields.fields.get("promote") is True,
        )
