"""A connection of a client: its requests one after another, and the tunnel that may follow.

Knows: what a plan's fate means for the connection, silence, how it ends.
Must not know: which rules made a plan, who listens.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

import h11

from byway.testing.exchange import Ended, Exchange, Gone, Lost
from byway.testing.heads import Request
from byway.testing.plan import Answer, Fate, Plan
from byway.testing.rulebook import RuleBook
from byway.testing.sides import Address, ClientSide, OriginSide
from byway.testing.tunnel import Killed, TunnelPumps
from byway.testing.wire import Wire

logger: logging.Logger = logging.getLogger("byway.testing")


class Connection:
    """One client's connection."""

    def __init__(
        self,
        book: RuleBook,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        number: int,
    ) -> None:
        """Begin to read; `run` does the rest."""
        self._book = book
        self._number = number
        self._watch: asyncio.Timeout | None = None
        self._wire = Wire(
            reader,
            writer,
            number=number,
            pacer=book.pacer,
            gate=book.gate,
            limits=book.limits,
            counters=book.counters,
            touch=self.touch,
        )
        self._client = ClientSide(self._wire, book.limits)
        self._asked: Request | None = None
        self._origin: OriginSide | None = None  # the last one dialled
        self._tunnelling = False
        self._task: asyncio.Task[None] | None = None
        self._killed = False

    async def run(self) -> None:
        """Serve the connection until it ends, and leave nothing behind."""
        self._task = asyncio.current_task()
        try:
            if self._killed:
                return
            try:
                async with asyncio.timeout(None) as self._watch:
                    self.touch()
                    while await self._turn():
                        pass
            except TimeoutError:
                self._watch = None
                await self._silent()
        finally:
            self._watch = None
            await self._release()
            self._book.changes.tell()

    def touch(self) -> None:
        """Take note that bytes passed, or that the rules have changed."""
        watch, silence = self._watch, self._book.pacer.line.silence
        if watch is not None and not watch.expired():
            now = asyncio.get_running_loop().time()
            watch.reschedule(None if silence is None else now + silence)
        self._book.changes.tell()

    def reset(self) -> None:
        """Reset the connection, and the one to the origin, at once."""
        self._wire.reset()
        if self._origin is not None:
            self._origin.reset()

    def kill(self) -> None:
        """Reset it from outside; `run` ends soon, or as soon as it begins."""
        self._killed = True
        self.reset()
        if self._task is not None:  # a task cancelled before it begins would tidy nothing up
            self._task.cancel()

    async def _turn(self) -> bool:
        """Serve one request; say whether another may follow."""
        self._asked = None
        try:
            head = await self._client.next_event()
        except h11.RemoteProtocolError as error:
            return await self._answer(Answer(error.error_status_hint), f"bad request: {error}")
        if not isinstance(head, h11.Request):
            return False
        request, address = self._book.read(head, self._number)
        self._asked = request
        plan = self._book.plan(request, address)
        counters = self._book.counters
        if plan.fate is Fate.ANSWER:
            assert plan.answer is not None
            return await self._answer(plan.answer, plan.why)
        if plan.fate is Fate.SWALLOW:
            counters.swallowed += 1
            self._say(f"dropped ({plan.why})")
            await self._wire.gone.wait()
            return False
        if plan.fate is Fate.DROP:
            counters.dropped += 1
            self._say(f"dropped ({plan.why})")
            self._wire.reset()
            return False
        assert address is not None
        counters.passed += 1
        self._book.changes.tell()
        try:
            if not plan.one_at_a_time:
                return await self._serve(head, request, plan, address)
            async with self._book.turns.turn(self._wire.address, self._wire.gone):
                return await self._serve(head, request, plan, address)
        except Gone:
            self._say("the client left")
        except Lost:
            counters.lost += 1
            self._say("passed, and its response lost")
            self._wire.reset()
        except Ended as ended:
            await self._end(ended)
        except h11.LocalProtocolError as error:
            self._say(f"the server's response is invalid: {error}")
            await self._wire.hang_up()
        return False

    async def _serve(
        self, head: h11.Request, request: Request, plan: Plan, address: Address
    ) -> bool:
        if request.method == "CONNECT":
            return await self._connect(plan, address)
        return await self._pass(head, request, plan, address)

    async def _pass(
        self, head: h11.Request, request: Request, plan: Plan, address: Address
    ) -> bool:
        exchange = Exchange(
            self._client,
            self._wire,
            head,
            plan,
            target=request.target,
            host=address.authority,
            dial=lambda: self._dial(address),
            plan_answer=self._book.plan_answer,
            limits=self._book.limits,
            counters=self._book.counters,
        )
        origin = await exchange.run()
        if origin is not None:
            return await self._carry(origin, plan, "open")
        self._say("passed")
        if self._client.next_request():
            return True
        await self._wire.hang_up(linger=self._client.http.their_state is h11.SEND_BODY)
        return False

    async def _dial(self, address: Address) -> OriginSide:
        self._origin = await self._book.dial(address, self.touch)
        return self._origin

    async def _connect(self, plan: Plan, address: Address) -> bool:
        try:
            origin = await self._dial(address)
        except OSError as error:
            raise Ended(502, f"the origin is not there: {error}") from None
        await self._client.next_event()  # the end of the request
        await self._client.send(
            h11.Response(status_code=200, headers=[], reason=b"Connection established")
        )
        return await self._carry(origin, plan, "tunnel open")

    async def _carry(self, origin: OriginSide, plan: Plan, what: str) -> bool:
        self._tunnelling = True
        self._book.counters.tunnels += 1
        self._say(what)
        pumps = TunnelPumps(
            self._wire, origin, plan.tunnel, self._book.counters, self._book.changes
        )
        try:
            why = await pumps.run(self._client.http.trailing_data[0], origin.http.trailing_data[0])
            self._say(why)
            await self._wire.hang_up()
        except Killed as killed:
            self._book.counters.cut += 1
            self._say(str(killed))
            self.reset()
        except OSError as error:
            self._say(f"the server broke the connection: {error}")
            await self._wire.finish()
            self.reset()
        return False

    async def _answer(self, answer: Answer, why: str) -> bool:
        """Answer in place of the origin, and close."""
        self._book.counters.answered += 1
        self._say(f"answered {answer.status} ({why})")
        http = self._client.http
        if http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            head = self._asked is not None and self._asked.method == "HEAD"
            headers = [
                ("Content-Type", "text/html"),
                ("Content-Length", str(len(answer.body))),
                ("Connection", "close"),
                *answer.headers,
            ]
            await self._client.send(h11.Response(status_code=answer.status, headers=headers))
            if answer.body and not head:
                await self._client.send(h11.Data(data=answer.body))
            await self._client.send(h11.EndOfMessage())
        await self._wire.hang_up(linger=True)
        return False

    async def _end(self, ended: Ended) -> None:
        """End an exchange early."""
        self._book.counters.cut += ended.cut
        if not self._client.head_sent:
            await self._answer(Answer(ended.status, str(ended).encode()), str(ended))
            return
        self._say(str(ended))
        if ended.clean:
            with contextlib.suppress(h11.LocalProtocolError):  # it has a length: no clean end
                await self._client.send(h11.EndOfMessage())
        await self._wire.hang_up()

    async def _silent(self) -> None:
        """End a connection on which nothing passed for too long."""
        why = f"silent for {self._book.pacer.line.silence:g} s"
        if self._asked is not None and not self._tunnelling:
            await self._end(Ended(504, why, cut=True))
            return
        self._book.counters.cut += 1
        self._say(why)
        await self._wire.hang_up()

    async def _release(self) -> None:
        if self._origin is not None:
            self._origin.abort()
        try:
            if self._origin is not None:
                await self._origin.aclose()
        finally:
            await self._wire.aclose()

    def _say(self, what: str) -> None:
        asked = self._asked
        about = "" if asked is None else f" {asked.method} {asked.target}"
        upgrade = " (upgrade)" if asked is not None and asked.upgrade else ""
        logger.info("#%d%s%s: %s", self._number, about, upgrade, what)
        self._book.changes.tell()
