"""An exchange: one request to the origin and its response, as the plan says.

Knows: a plan, both sides' HTTP.
Must not know: which rules made the plan, what follows on the connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import h11

from byway.testing.counters import Counters
from byway.testing.heads import Response
from byway.testing.holding import Budget, HeldTooMuch, Holder
from byway.testing.limits import NetworkLimits
from byway.testing.plan import Plan
from byway.testing.sides import HOP_BY_HOP, ClientSide, OriginSide, RawHeaders, pairs, without
from byway.testing.wire import Wire


class Ended(Exception):
    """The proxy ends an exchange: with a status, or without an end where the response has begun.

    Attributes:
        status: the status.
        cut: whether a rule wants it so, rather than the origin or the client being at fault.
        clean: make it look like a proper end where the response has begun.
    """

    def __init__(self, status: int, why: str, *, cut: bool = False, clean: bool = False) -> None:
        """Keep what happened."""
        super().__init__(why)
        self.status: int = status
        self.cut: bool = cut
        self.clean: bool = clean


class Gone(Exception):
    """The client has left."""


class Lost(Exception):
    """The response is lost: the client's connection is to be reset."""


class Exchange:
    """One request that passes."""

    def __init__(
        self,
        client: ClientSide,
        wire: Wire,
        head: h11.Request,
        plan: Plan,
        *,
        target: str,
        host: str,
        dial: Callable[[], Awaitable[OriginSide]],
        plan_answer: Callable[[Response, Plan], Plan],
        limits: NetworkLimits,
        counters: Counters,
    ) -> None:
        """Prepare.

        Args:
            client: the client's side.
            wire: its connection.
            head: the request.
            plan: what becomes of it.
            target: what to ask the origin for.
            host: the origin's `Host`, for a client that names none.
            dial: connects to the origin.
            plan_answer: settles what becomes of the response.
            limits: bounds.
            counters: what to count in.
        """
        self._client = client
        self._wire = wire
        self._head = head
        self._plan = plan
        self._target = target
        self._host = host
        self._dial = dial
        self._plan_answer = plan_answer
        self._limits = limits
        self._counters = counters
        self._budget = Budget(None)
        self._answer: h11.Response | None = None

    async def run(self) -> OriginSide | None:
        """Carry it out; return the origin's side if it has become a tunnel.

        Raises:
            Ended: it has to be ended.
            Gone: the client has left.
            Lost: the response is to be lost.
        """
        seconds = self._plan.end_after
        try:
            async with asyncio.timeout(seconds):
                return await self._run()
        except TimeoutError:
            why = f"cut after {seconds:g} s"
            raise Ended(504, why, cut=True, clean=self._plan.end_clean) from None

    async def _run(self) -> OriginSide | None:
        body: bytes | None = None
        if self._plan.hold_request or self._plan.copies > 1:
            body = await self._collect()
        for _ in range(self._plan.copies - 1):
            await self._unless_gone(self._send_copy(body or b""))
        origin = await self._open()
        tunnel = False
        up = asyncio.create_task(self._bring_up(origin, body))
        down = asyncio.create_task(self._bring_down(origin))
        gone = asyncio.create_task(self._wire.gone.wait())
        try:
            waiting: set[asyncio.Task[None] | asyncio.Task[bool]] = {up, down, gone}
            while True:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if down in done:
                    tunnel = down.result()
                    return origin if tunnel else None
                if gone in done:
                    raise Gone
                if up in done:
                    up.result()
        finally:
            # First what cannot be interrupted: a second cancellation may end the waiting.
            for task in (up, down, gone):
                task.cancel()
            if not tunnel:
                origin.abort()
            await asyncio.gather(up, down, gone, return_exceptions=True)
            if not tunnel:
                await origin.aclose()

    async def _open(self) -> OriginSide:
        try:
            return await self._dial()
        except TimeoutError:
            raise Ended(504, "the origin does not accept") from None
        except OSError as error:
            raise Ended(502, f"the origin is not there: {error}") from None

    async def _collect(self) -> bytes:
        """Read the whole body of the request."""
        client = self._client
        if client.http.they_are_waiting_for_100_continue:
            await client.send(h11.InformationalResponse(status_code=100, headers=[]))
        body = bytearray()
        while data := await self._next_data(len(body)):
            body += data
            if len(body) > self._limits.held:
                raise Ended(413, "more than may be held")
        return bytes(body)

    async def _next_data(self, before: int) -> bytes:
        """Wait for a piece of the request's body; b"" at its end."""
        try:
            event = await self._client.next_event()
        except h11.RemoteProtocolError as error:
            if self._wire.gone.is_set():
                raise Gone from None
            raise Ended(400, f"bad request: {error}") from None
        if isinstance(event, h11.Data):
            data = bytes(event.data)
            bound = self._plan.max_body
            if bound is not None and before + len(data) > bound:
                raise Ended(413, f"a body over {bound} bytes", cut=True)
            return data
        if isinstance(event, h11.EndOfMessage):
            return b""
        raise Gone

    def _request(self, body: bytes | None) -> h11.Request:
        strip = {name.encode() for name in self._plan.strip}
        strip |= {b"proxy-connection", b"proxy-authorization"}
        more: RawHeaders = []
        if body is not None:
            strip |= {b"transfer-encoding", b"content-length", b"expect"}
            more.append((b"Content-Length", str(len(body)).encode()))
        if not any(name == b"host" for name, _ in self._head.headers):
            more.append((b"Host", self._host.encode()))  # HTTP/1.0 does not require one
        if self._plan.http10:
            more.append((b"Connection", b"close"))
        return h11.Request(
            method=self._head.method,
            target=self._target,
            headers=[*without(self._head, frozenset(strip)), *more],
        )

    async def _send_copy(self, body: bytes) -> None:
        """Send the request, and lose the response when it begins."""
        origin = await self._open()
        self._counters.repeated += 1
        up = asyncio.create_task(self._bring_up(origin, body))
        try:
            while isinstance(await origin.next_event(), h11.InformationalResponse):
                pass
        except (OSError, h11.RemoteProtocolError):
            pass  # nobody wanted it
        finally:
            up.cancel()
            origin.abort()
            await asyncio.gather(up, return_exceptions=True)
            await origin.aclose()

    async def _unless_gone(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something while the client is there."""
        doing = asyncio.create_task(work)
        gone = asyncio.create_task(self._wire.gone.wait())
        try:
            await asyncio.wait({doing, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not doing.done():
                raise Gone
            doing.result()
        finally:
            doing.cancel()
            gone.cancel()
            await asyncio.gather(doing, gone, return_exceptions=True)

    async def _bring_up(self, origin: OriginSide, body: bytes | None) -> None:
        try:
            await origin.send(self._request(body), http10=self._plan.http10)
            if body is not None:
                if body:
                    await origin.send(h11.Data(data=body))
            else:
                size = 0
                while data := await self._next_data(size):
                    size += len(data)
                    await origin.send(h11.Data(data=data))
            await origin.send(h11.EndOfMessage())
        except OSError:
            pass  # the origin may have answered before it closed: the other half finds out

    async def _bring_down(self, origin: OriginSide) -> bool:
        """Bring the response down; say whether it opened a tunnel."""
        client = self._client
        holder = Holder(None, self._limits.held)
        while True:
            try:
                event = await self._next_from(origin, holder)
            except (OSError, h11.RemoteProtocolError) as error:
                raise Ended(502, f"the origin failed: {error}") from None
            if isinstance(event, h11.InformationalResponse):
                await client.send(
                    h11.InformationalResponse(
                        status_code=event.status_code,
                        headers=[
                            pair
                            for pair in event.headers.raw_items()
                            if pair[0].decode("latin-1").lower() not in self._plan.strip_101
                        ],
                        reason=event.reason,
                    )
                )
                if event.status_code == 101:
                    return True
            elif isinstance(event, h11.Response):
                if self._plan.lose_answer:
                    raise Lost
                self._plan = self._plan_answer(
                    Response(event.status_code, pairs(event)), self._plan
                )
                if self._plan.block is not None:
                    raise Ended(self._plan.block, "this type of response is blocked", cut=True)
                holder = Holder(self._plan.hold, self._limits.held)
                self._budget = Budget(self._plan.end_bytes)
                self._answer = h11.Response(
                    status_code=event.status_code,
                    headers=without(event, HOP_BY_HOP),
                    reason=event.reason,
                )
                if holder.passing:
                    await self._pass(b"")
            elif isinstance(event, h11.Data):
                try:
                    ready = holder.feed(bytes(event.data))
                except HeldTooMuch:
                    raise Ended(502, "more than may be held") from None
                if holder.passing:
                    await self._pass(ready)
            else:
                await self._pass(holder.flush())
                await client.send(h11.EndOfMessage())
                return False

    async def _next_from(self, origin: OriginSide, holder: Holder) -> h11.Event:
        """Wait for the origin's next event, and let pass meanwhile what is held for a time."""
        while holder.every is not None:
            try:
                async with asyncio.timeout(holder.every):
                    while True:
                        event = await origin.next_event()
                        if not isinstance(event, h11.Data):
                            return event
                        holder.feed(bytes(event.data))
            except HeldTooMuch:
                raise Ended(502, "more than may be held") from None
            except TimeoutError:
                if ready := holder.flush():
                    await self._pass(ready)
        return await origin.next_event()

    async def _pass(self, data: bytes) -> None:
        """Send the head, if it was not sent, and a piece of the body."""
        if not self._client.head_sent:
            assert self._answer is not None
            await self._client.send(self._answer)
        allowed, short = self._budget.spend(data)
        if allowed:
            await self._client.send(h11.Data(data=allowed))
        if short:
            why = f"cut after {self._plan.end_bytes} bytes"
            raise Ended(502, why, cut=True, clean=self._plan.end_clean)
