"""Byway's protocol by hand: requests and WebSockets that a client of byway's would never send.

Knows: frames, HELLO, and how an answer of the server is taken apart.
Must not know: what any test wants to see in it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from byway.frames import (
    ACK,
    BINARY,
    CLOSE,
    HELLO,
    NEXT,
    OPEN,
    PART,
    TEXT,
    Frame,
    decode_ack,
    decode_all,
    encode,
    encode_ack,
    encode_close,
    encode_next,
    encode_ping,
    encode_select,
)
from byway.handshake import CONTENT_TYPE
from byway.keys import new_key

__all__ = [
    "ACK",
    "BINARY",
    "CLOSE",
    "HELLO",
    "NEXT",
    "OPEN",
    "PART",
    "PROTOCOL_HEADERS",
    "TEXT",
    "RawSession",
    "encode",
    "encode_ack",
    "encode_close",
    "encode_next",
    "encode_ping",
    "encode_select",
    "hello_frame",
    "http_client",
    "numbered",
    "raw_exchange",
]

PROTOCOL_HEADERS = {"content-type": CONTENT_TYPE, "byway": "1"}
"""What every request of the protocol carries."""


def hello_frame(**fields: object) -> bytes:
    """Encode a HELLO of these fields, over those that a client would send."""
    whole: dict[str, object] = {
        "v": 1,
        "session": new_key(),
        "carrier": 1,
        "received": 0,
        "room": 1 << 20,
        "answer": "stream",
        **fields,
    }
    payload = {name: value for name, value in whole.items() if value is not ...}
    return encode(HELLO, json.dumps(payload).encode())


def numbered(number: int, *frames: tuple[int, bytes]) -> bytes:
    """Encode numbered frames, the first with this number."""
    return encode_next(number) + b"".join(encode(kind, payload) for kind, payload in frames)


@asynccontextmanager
async def http_client() -> AsyncIterator[httpx.AsyncClient]:
    """Give an HTTP client that knows nothing of byway, nor of the environment."""
    async with httpx.AsyncClient(trust_env=False, timeout=15) as client:
        yield client


@dataclass
class RawSession:
    """A session that a test opens with a poll and speaks by hand.

    Attributes:
        client: the HTTP client.
        url: the endpoint.
        key: the session key.
        instance: the run of the handler, once it is open.
        polls: polls so far.
        frames: all frames that came down.
    """

    client: httpx.AsyncClient
    url: str
    key: str = field(default_factory=new_key)
    instance: str | None = None
    polls: int = 0
    frames: list[Frame] = field(default_factory=list)

    def hello(self, **fields: object) -> bytes:
        """Encode a HELLO of this session."""
        base: dict[str, object] = {"session": self.key}
        if self.instance is not None:
            base["instance"] = self.instance
        return hello_frame(**{**base, **fields})

    async def post(self, body: bytes) -> httpx.Response:
        """Send a request of the protocol."""
        return await self.client.post(self.url, content=body, headers=PROTOCOL_HEADERS)

    async def poll(self, frames: bytes = b"", **fields: object) -> httpx.Response:
        """Poll once, and keep what comes."""
        self.polls += 1
        body = self.hello(answer="poll", **{"poll": self.polls, **fields}) + frames
        answer = await self.post(body)
        if answer.status_code == 200:
            self.take(answer)
        return answer

    def take(self, answer: httpx.Response) -> list[Frame]:
        """Keep the frames of an answer, and learn the instance from OPEN."""
        frames = decode_all(answer.content, max_frame=1 << 20)
        for kind, payload in frames:
            if kind == OPEN:
                self.instance = json.loads(payload)["instance"]
        self.frames += frames
        return frames

    async def open(self) -> RawSession:
        """Open the session with the first poll."""
        answer = await self.poll()
        assert answer.status_code == 200, answer.text
        assert self.instance is not None
        return self

    async def batch(self, frames: bytes, **fields: object) -> httpx.Response:
        """Bring frames up."""
        return await self.post(self.hello(**{"answer": "ack", **fields}) + frames)

    async def received(self, frames: bytes = b"") -> int:
        """Return how many frames the server says it has received."""
        answer = await self.batch(frames)
        assert answer.status_code == 200, answer.text
        ((kind, payload),) = decode_all(answer.content, max_frame=1 << 20)
        assert kind == ACK
        return decode_ack(payload)[0]

    async def messages(self, count: int) -> list[str]:
        """Poll until so many texts have come; return them in order."""
        while len(self.texts) < count:
            answer = await self.poll(received=self.numbered)
            assert answer.status_code == 200, answer.text
        return self.texts

    @property
    def texts(self) -> list[str]:
        """The texts that came down."""
        return [payload.decode() for kind, payload in self.frames if kind == TEXT]

    @property
    def numbered(self) -> int:
        """How many numbered frames came down."""
        return sum(1 for kind, _ in self.frames if kind <= 15)


async def raw_exchange(
    port: int, *pieces: bytes, until_closed: bool = False, timeout: float = 10.0
) -> tuple[int, dict[str, str], bytes]:
    """Write bytes to a server as they are; return status, headers and body of the answer.

    Args:
        port: of 127.0.0.1.
        pieces: what to write, each in a write of its own.
        until_closed: read the body until the connection ends, not for its length.
        timeout: seconds for all of it.
    """
    async with asyncio.timeout(timeout):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.split("\r\n")
            pairs = [line.partition(":") for line in lines if line]
            headers = {name.lower(): value.strip() for name, _, value in pairs}
            if until_closed:
                body = await reader.read()
            else:
                body = await reader.readexactly(int(headers.get("content-length", "0")))
            return int(first.split()[1]), headers, body
        finally:
            writer.close()
