"""A client's request to a process of the product: as ASGI calls it, over a connection that is cut.

Knows: ASGI, the frames of the protocol around a session's own, how a client takes a response apart.
Must not know: what the client does with it, how the process serves it.
"""

from __future__ import annotations

import asyncio
import hashlib
from base64 import urlsafe_b64encode
from functools import partial
from typing import cast

from byway import handshake
from byway.frames import OPEN, Decoder, Frame, decode_ack, decode_all, encode
from byway.handshake import CONTENT_TYPE, Open
from byway.keys import PROCESS_NAME
from byway.transports.base import Event
from tests.scale.built.process import BuiltProcess
from tests.scale.life import Living
from tests.scale.request import Request
from tests.scale.serving import LONGEST_FRAME
from tests.scale.wire import Data, Failed, Numbers, Opened, Over, Said, Whole


class Way:
    """The connection from the client to its process."""

    def __init__(self, request: BuiltRequest, process: BuiltProcess) -> None:
        """Be whole."""
        self._request = request
        self._process = process
        self.dead: bool = False

    def cut(self, silent: Living | None = None) -> None:
        """Cut it; nobody hears of that from a host that has vanished."""
        if self.dead:
            return
        self.dead = True
        world = self._request.world
        if silent is None:
            world.at(world.delay(), self._request.cut)
        self._process.step(world.delay(), self._request.leave)


class BuiltRequest(Request):
    """One request."""

    def send(self, to: Living, body: bytes) -> None:
        """Send it to a process."""
        self._to = cast(BuiltProcess, to)
        self._way = Way(self, self._to)
        self._to.pipes.append(self._way)
        self._body = self._hello() + body
        self._left: asyncio.Future[None] | None = None
        self._asked = False
        self._last = 0.0
        self._status = 0
        self._came = b""
        self._decoder = Decoder(max_frame=LONGEST_FRAME)
        self._open: str | None = None
        self._to.step(self.world.delay(), self._begin)

    def tear(self) -> None:
        """Cut the connection: both ends hear of it, this one also where it was cut unseen."""
        if self.to is not None:
            self._way.cut()
            self.world.at(self.world.delay(), self.cut)

    def leave(self) -> None:
        """Let the process hear that the client has left."""
        if self._left is not None and not self._left.done():
            self._left.set_result(None)

    def _hello(self) -> bytes:
        hello = self.hello
        digest = hashlib.sha256(f"{self.world.setting.seed} {hello.key}".encode()).digest()
        instance = None if hello.instance is None else hello.instance.replace(".", "", 1)
        return handshake.Hello(
            key=urlsafe_b64encode(digest)[:32].decode(),
            carrier=hello.carrier or 1,
            received=hello.received,
            room=hello.room,
            instance=instance,
            answer=hello.kind,
            poll=hello.poll,
        ).frame()

    # At the process

    def _begin(self) -> None:
        if self._way.dead:
            return
        loop = self._to.loop
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": f"/{self.hello.key}",
            "raw_path": f"/{self.hello.key}".encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [
                (b"host", b"scale.example"),
                (b"content-type", CONTENT_TYPE.encode()),
                (b"content-length", str(len(self._body)).encode()),
                (b"byway", b"1"),
            ],
            "client": ("192.0.2.1", 40000),
            "server": ("scale.example", 80),
        }
        with loop.running():
            self._left = loop.create_future()
            task = loop.create_task(self._to.app(scope, self._receive, self._send))
            task.add_done_callback(lambda _: self._arrive_later(None))

    async def _receive(self) -> Event:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": self._body, "more_body": False}
        assert self._left is not None
        await asyncio.shield(self._left)
        return {"type": "http.disconnect"}

    async def _send(self, event: Event) -> None:
        self._arrive_later(dict(event))
        if event["type"] == "http.response.body" and not event.get("more_body", False):
            self.leave()  # as servers do when a response is complete

    def _arrive_later(self, event: Event | None) -> None:
        world = self.world
        when = self._last = max(self._last + 1e-6, world.now + world.delay())
        world.at(when - world.now, partial(self._arrive, event))

    # At the client

    def _arrive(self, event: Event | None) -> None:
        if self._way.dead:
            return
        if event is None:  # it returned: a server closes what has no end
            self._way.cut()
        elif event["type"] == "http.response.start":
            self._status = event["status"]
        else:
            more = event.get("more_body", False)
            if self._status == 200 and self.hello.kind == "stream":
                self._streamed(event.get("body", b""), more=more)
            else:
                self._came += event.get("body", b"")
                if not more:
                    self._way.dead = True
                    self.frame(self._whole())

    def _streamed(self, data: bytes, *, more: bool) -> None:
        frames = self._decoder.feed(data)
        if frames and self._open is None:
            self._open, numbers = _opened(frames.pop(0))
            self.frame(Opened(self._open, numbers))
        if frames:
            self.frame(Data(_joined(frames)))
        if not more:
            self._way.dead = True
            self.frame(Over())

    def _whole(self) -> Said:
        if self._status != 200:
            return Failed(self._status, self._came[:100].decode("ascii", "replace"))
        frames = decode_all(self._came, max_frame=LONGEST_FRAME)
        instance, numbers = self.hello.instance, None
        if self.hello.kind == "ack":
            numbers = decode_ack(frames.pop(0)[1])
        elif frames and frames[0][0] == OPEN:
            instance, numbers = _opened(frames.pop(0))
        if instance is None:
            return Failed(503, "a poll that others have answered")
        return Whole(instance, numbers, _joined(frames))


def _opened(frame: Frame) -> tuple[str, Numbers]:
    """Return the instance, with a dot behind the owner's name, and what was received."""
    opened = Open.parse(frame[1])
    name, run = opened.instance[:PROCESS_NAME], opened.instance[PROCESS_NAME:]
    return f"{name}.{run}", (opened.received, opened.room)


def _joined(frames: list[Frame]) -> bytes:
    return b"".join(encode(kind, payload) for kind, payload in frames)
