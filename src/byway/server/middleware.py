"""The middleware: serves a WebSocket application over every transport.

Knows: which ASGI calls are byway's own, and the way of each through the server.
Must not know: how a transport carries frames, what the application does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from functools import partial
from random import uniform
from typing import Any
from urllib.parse import quote

from byway.backplane.choice import BackplaneSpec, resolve
from byway.errors import FrameError, PeerError, UsageError
from byway.frames import Decoder, Frame
from byway.handshake import (
    ACK_ANSWER,
    CONTENT_TYPE,
    SUBPROTOCOL,
    UP_ANSWER,
    Hello,
    owner_of,
    owner_of_reader,
)
from byway.hint import going_away
from byway.limits import MIN_PART, MIN_SECONDS, Limits
from byway.live import LiveSession
from byway.masking import SERVER_LOGGERS, mask_keys
from byway.negotiation.offer import Offer, dropped_offer, offered_subprotocols, stripped_handshake
from byway.server.admission import Admission, Elsewhere
from byway.server.answers import answer, answer_denied, answer_error, application_headers
from byway.server.application import Application, Denied
from byway.server.bodies import Bodies, ClientLeft
from byway.server.body import check_head, parse_body, read_beginning
from byway.server.call import Call, Serve
from byway.server.cors import is_preflight, preflight_headers
from byway.server.desk import Desk, desk_of, name_of
from byway.server.origin import OriginPolicy, Origins, Verdict
from byway.server.readers import ReaderPaths, Readers
from byway.server.registry import Hosted
from byway.server.relayed import HandedCall
from byway.server.relaying import NotHere, hand_over
from byway.server.shutdown import SignalWatch
from byway.server.told import Told
from byway.server.travel import pack_call, pack_user, unpack_user
from byway.server.who import Bind, origin_of, who_is
from byway.session import Intake
from byway.transports.base import Event, Exchange, Headers, Receive, Scope, Send
from byway.transports.uplink import answer_batch
from byway.transports.upload import take_upload

logger: logging.Logger = logging.getLogger("byway.server")


class FallbackMiddleware:
    """Serves the WebSocket routes of an ASGI application to clients that cannot use WebSockets.

    Plain WebSocket clients, and every HTTP request that is not byway's own, reach the
    application untouched. For a byway client the application is called with an ordinary ASGI
    `websocket` scope, whatever carries the messages.

    It belongs outside of middleware that buffers or compresses answers. One instance belongs to
    one event loop and one process.
    """

    def __init__(
        self,
        app: Application,
        *,
        transports: str | Iterable[str] | None = None,
        origins: Origins = (),
        bind: Bind | None = None,
        readers: ReaderPaths = (),
        backplane: BackplaneSpec = None,
        name: str | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Wrap an application.

        Args:
            app: any ASGI application.
            transports: names of the transports to offer, best first; all by default.
            origins: origins of other hosts whose pages may connect, such as
                ``https://app.example``; ``*`` allows all, whose cookies and `Authorization` the
                application does not get to see. A page of the server's own origin always may; how
                that is told stands in `docs/protocol.md`. Or
                a callable, plain or async, that is given the origin and the scope of each
                request of a page, the server's own among them, and returns True to allow it.
            bind: ties sessions to users: a callable, plain or async, that is given the scope of
                each request and handshake and returns whose it is (None: nobody's). Only requests
                of the user who opened a session reach it; others, and those for which it raises
                PermissionError, are answered 403.
            readers: paths where a plain GET is answered with what the handler sends, for
                readers without a client library (`curl -N`, `EventSource`); True for all.
            backplane: how the processes that serve one address share their sessions. By default
                the workers of one server (`--workers`) find each other by themselves.
                ``unix:DIR`` joins servers of one machine that name the same directory,
                ``redis://…`` and ``rediss://…`` those of several; or a
                `byway.backplane.Backplane`, or a callable that makes one, given the name of the
                process. False shares nothing. Where nothing is given, the environment variable
                ``BYWAY_BACKPLANE`` says the same (``off`` for False).
            name: tells this endpoint from others of its process, the same in all processes. By
                default the name of the application's class or function, and the `root_path`.
            limits: bounds; see `Limits`.

        Raises:
            UsageError: an argument is wrong.
        """
        mask_keys(*SERVER_LOGGERS)
        self.app = app
        self.limits: Limits = limits or Limits()
        if self.limits.part < MIN_PART:
            raise UsageError(f"a server's Limits.part must be at least {MIN_PART}")
        if min(self.limits.heartbeat, self.limits.silence, self.limits.window) < MIN_SECONDS:
            raise UsageError(
                f"a server's Limits.heartbeat, silence and window must be at least {MIN_SECONDS}"
            )
        self._offer = Offer(transports)
        self._origins = OriginPolicy(origins)
        self._backplane = resolve(backplane)
        self._name = name
        self._desk: Desk | None = None
        self._shares = False  # other processes know of its sessions
        self._places: dict[str, str] = {}
        self._told = Told()
        self._admission = Admission(app, self.limits, bind)
        self._readers = Readers(readers, self._admission, self.limits)
        self._bodies = Bodies(self.limits)
        self._watch: SignalWatch | None = None
        self._draining: asyncio.Task[None] | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._relays = False  # carriers of its sessions came over other processes

    @property
    def sessions(self) -> int:
        """How many sessions live here now, probes not among them."""
        return len(self._admission.registry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI call."""
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        call = Call(scope, receive, send)
        serve = self._own(call)
        if serve is None:
            await self.app(scope, receive, send)
        else:
            if self._watch is None:
                self._listen()  # a framework that this is mounted in keeps the lifespan to itself
            if self._desk is None or self._desk.loop is not asyncio.get_running_loop():
                await self._join()
            if self._shares:
                self._place(scope)  # a session that opens here is found under this name
            verdict = await self._origins.judge(scope)
            if verdict.moves and scope["type"] == "websocket":
                assert verdict.refusal is not None
                serve = partial(self._move, verdict.refusal)
            call.send = _with_headers(send, verdict.headers)
            await _answering(serve, verdict, self._told, call)

    async def _join(self) -> None:
        """Share sessions over the backplane of the event loop that runs now.

        Raises:
            UsageError: it cannot be used as it was set up.
        """
        desk = desk_of(self._backplane, self.limits)
        await desk.start()
        if self._desk is not desk:
            self._desk = desk
            desk.join(self)
            self._shares = not desk.backplane.alone
            self._admission.use(desk.backplane)
            self._places.clear()

    def _place(self, scope: Scope) -> str:
        """Return what calls for this endpoint are addressed to, in all processes."""
        root = "" if self._name is not None else scope.get("root_path", "")
        place = self._places.get(root)
        if place is None:
            assert self._desk is not None
            place = self._name or f"{name_of(self.app)} {root}"
            self._desk.take_place(place, self)
            self._places[root] = place
        return place

    def _own(self, call: Call) -> Serve | None:
        """Return what serves a call, if it is one of byway's own."""
        scope = call.scope
        if scope["type"] == "websocket":
            if SUBPROTOCOL in scope.get("subprotocols", ()):
                return self._websocket
            return self._dropped if dropped_offer(call.headers) else None
        if scope["type"] != "http":
            return None
        headers, values = call.headers, call.values
        if values.get(b"byway", b"").strip() == UP_ANSWER.encode():
            return self._upload
        if b"byway" in values or CONTENT_TYPE.encode() in values.get(b"content-type", b"").lower():
            return self._request
        if is_preflight(scope["method"], headers):
            return self._preflight
        read = self._readers.want(scope)
        if stripped_handshake(headers) and (read or SUBPROTOCOL in offered_subprotocols(headers)):
            return self._stripped
        return self._read if read else None

    async def drain(self) -> None:
        """Close every session with 1012 and admit no new one.

        It is called by itself on SIGINT and SIGTERM, where the server runs in the main thread;
        call it before you stop a server in another way. It returns when the clients have
        acknowledged, or after `limits.drain_timeout`, and the handlers have returned, or after
        `limits.handler_timeout`, when they are cancelled.
        """
        self._admission.registry.draining = True
        hosted = self._admission.registry.sessions
        if hosted:
            logger.info("draining: closing %d sessions with 1012", len(hosted))
        for one in hosted:
            # Not all at the same moment: whoever takes over would not bear it.
            one.live.close(1012, going_away(uniform(0, self.limits.drain_spread)))
            # A client that was told, and leaves, may find no way any more to acknowledge it.
            one.live.window = 0.0
            if one.live.core.is_ring and not one.live.attachments:
                one.live.let_go("no reader is there")
        # Who is not there now cannot be told.
        waits = [
            asyncio.ensure_future(one.live.finished.wait())
            for one in hosted
            if one.live.attachments
        ]
        if waits:
            _, late = await asyncio.wait(waits, timeout=self.limits.drain_timeout)
            for wait in late:
                wait.cancel()
        for one in hosted:
            one.live.abort(1012, "the server has gone away")
        await self._admission.registry.wait_for_handlers()

    # Each of these raises PeerError for what the peer does wrong, see `_answering`.

    async def _read(self, call: Call) -> None:
        """Serve a reader without a client library."""
        await self._readers.serve(call, self._hand_over_reader)

    async def _preflight(self, call: Call) -> None:
        """Answer a preflight of a request of the protocol."""
        await answer(call.scope, call.send, 204, preflight_headers(call.headers), b"")

    async def _stripped(self, call: Call) -> None:
        """Answer a handshake that can become no WebSocket any more."""
        others = ", ".join(name for name in self._offer.names if name != "websocket")
        raise PeerError(
            f"the WebSocket's Upgrade was lost on the way; byway is here over {others or '-'}",
            status=426,
        )

    async def _dropped(self, call: Call) -> None:
        """Answer a handshake whose subprotocols were dropped.

        As a plain one it would run the application, and so would the client over HTTP.
        """
        raise PeerError("the WebSocket's Sec-WebSocket-Protocol was dropped on the way", status=400)

    async def _request(self, call: Call) -> None:
        """Serve a request of the protocol: read it whole, then answer it."""
        check_head(call.scope["method"], call.headers, self.limits)
        body = await self._bodies.read(call.receive)
        hello, frames = parse_body(body, self.limits)
        if hello.answer == ACK_ANSWER:
            await self._batch(call, hello, frames, body)
        else:
            await self._carry(call, hello, frames, body)

    async def _upload(self, call: Call) -> None:
        """Serve a request whose body has no end: take what it brings as it comes."""
        check_head(call.scope["method"], call.headers, self.limits, mark=UP_ANSWER)
        decoder = Decoder(max_frame=self.limits.max_frame)
        hello, frames, more, body = await read_beginning(call.receive, decoder, self.limits)
        if (owner := self._owner(call, hello)) is not None:
            await self._hand_over(call, hello, owner, body, more=more)
            return
        found = await self._admission.find(call, hello)
        found.live.acknowledge(hello.received, hello.room)
        self._carried(call, found, hello)
        exchange = self._exchange(call, hello, found, None, [])
        await take_upload(exchange, found.live, decoder, frames, more=more)

    async def _batch(self, call: Call, hello: Hello, frames: list[Frame], body: bytes) -> None:
        """Take a batch to the session that it names."""
        if (owner := self._owner(call, hello)) is not None:
            await self._hand_over(call, hello, owner, body)
            return
        found = await self._admission.find(call, hello)
        _take(found.live, hello, frames)
        exchange = self._exchange(call, hello, found, None, [])
        await answer_batch(exchange, found.live, hello)

    async def _carry(
        self,
        call: Call,
        hello: Hello,
        frames: list[Frame],
        body: bytes = b"",
        *,
        moves: PeerError | None = None,
    ) -> None:
        """Attach a carrier to the session that the client names, or to a new one."""
        transport = self._offer.transport(hello.answer)
        if (call.scope["type"] == "websocket") is not (transport.name == "websocket"):
            raise FrameError(f"{hello.answer!r} cannot be the answer here", status=406)
        if (owner := self._owner(call, hello)) is not None:
            await self._hand_over(call, hello, owner, body, moves=moves)
            return
        try:
            admitted = await self._admission.admit(call, hello)
        except Elsewhere as elsewhere:
            await self._hand_over(call, hello, elsewhere.owner, body, moves=moves)
            return
        if isinstance(admitted, Denied):
            await answer_denied(call.scope, call.send, admitted)
            return
        hosted, accepted = admitted
        _take(hosted.live, hello, frames)
        opens = hello.instance is None
        headers = application_headers(accepted.headers) if opens else []
        self._carried(call, hosted, hello)
        exchange = self._exchange(call, hello, hosted, accepted.subprotocol, headers, opens=opens)
        try:
            await transport.serve(exchange, hosted.live, hello)
        except OSError:
            logger.debug("a client left while it was written to")
        if self._admission.registry.draining and call.relayed is None:
            # The server stops when its last call has returned, and would take the handler along.
            await asyncio.wait({hosted.run.task})

    def _carried(self, call: Call, hosted: Hosted, hello: Hello) -> None:
        if call.relayed is not None:
            call.relayed.carries(hosted.live, hello)
            self._relays = True

    # Sessions of other processes

    def _owner(self, call: Call, hello: Hello) -> str | None:
        """Return the process that a call is handed over to: that of the session which it names."""
        desk = self._desk
        if not self._shares or hello.instance is None or call.relayed is not None:
            return None
        assert desk is not None
        owner = owner_of(hello.instance)
        return None if owner == desk.backplane.name else owner

    async def _hand_over(
        self,
        call: Call,
        hello: Hello,
        owner: str,
        body: bytes,
        *,
        more: bool = False,
        moves: PeerError | None = None,
    ) -> None:
        """Have the process that a session belongs to serve a call."""
        assert self._desk is not None
        user = pack_user((await call.who(self._admission.bind)).user)
        told = None if moves is None else str(moves)
        await hand_over(
            self._desk,
            call,
            owner,
            pack_call(call.scope, self._place(call.scope), user, told),
            body=body,
            more=more,
            lasting=hello.answer not in (ACK_ANSWER, "poll"),
            drain_spread=self.limits.drain_spread,
        )

    async def _hand_over_reader(self, call: Call, hello: Hello) -> bool:
        """Have the process of a reader's session serve its call; False where it is this one."""
        desk, owner = self._desk, owner_of_reader(hello.key)
        if not self._shares or call.relayed is not None or owner is None:
            return False
        assert desk is not None
        if owner == desk.backplane.name:
            return False
        try:
            await self._hand_over(call, hello, owner, b"")
        except PeerError as error:
            if error.status in (410, 503):
                # An `EventSource` gives up for good on anything but 200: it gets a new session.
                raise NotHere(str(error)) from None
            raise
        return True

    async def serve_relayed(self, handed: HandedCall, told: dict[str, Any]) -> None:
        """Serve a call that another process hands over; its origin was judged there."""
        call = Call(handed.scope, handed.receive, handed.send, relayed=handed)
        call.known(who_is(call.scope, unpack_user(told["user"])))
        serve = self._own(call)
        if serve is None:
            raise ValueError("no call of byway's own")
        if (moves := told.get("moves")) is not None:
            serve = partial(self._move, PeerError(moves, status=403))
        await _answering(serve, Verdict(call.scope), self._told, call)

    def _exchange(
        self,
        call: Call,
        hello: Hello,
        hosted: Hosted,
        subprotocol: str | None,
        headers: Headers,
        *,
        opens: bool = False,
    ) -> Exchange:
        return Exchange(
            scope=call.scope,
            receive=call.receive,
            send=call.send,
            limits=hosted.live.limits,
            instance=hosted.instance,
            transports=self._offer.names,
            subprotocol=subprotocol,
            headers=headers,
            promote=opens and self._origins.promotes(call.scope),
            text=hello.text,
        )

    async def _websocket(self, call: Call) -> None:
        """Serve a WebSocket that speaks byway."""
        hello = Hello.from_offers(call.scope["subprotocols"])
        assert hello is not None
        await self._carry(call, hello, [])

    async def _move(self, refusal: PeerError, call: Call) -> None:
        """Serve a WebSocket that may carry a session which its own origin opened, and open none."""
        hello = Hello.from_offers(call.scope["subprotocols"])
        assert hello is not None
        if hello.instance is None:
            raise refusal
        if self._owner(call, hello) is None:
            found = await self._admission.find(call, hello)
            if found.who.origin != origin_of(call.scope):
                raise refusal
        # What names its instance opens nothing, even if the session ends just now.
        await self._carry(call, hello, [], moves=refusal)

    # Lifespan

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the lifespan through, and hear the signals that end it."""
        # A test suite may serve one application again and again.
        self._admission.registry.draining = False
        self._draining = None
        self._listen()

        async def watching_receive() -> Event:
            event = await receive()
            if event["type"] == "lifespan.shutdown":
                if self._watch is not None:
                    self._watch.remove()
                await self.drain()  # the application's own shutdown comes after its handlers
            return event

        await self.app(scope, watching_receive, send)

    def _listen(self) -> None:
        self._watch = SignalWatch(asyncio.get_running_loop(), self._signalled)
        self._watch.install()

    def _signalled(self, let_stop: Callable[[], None]) -> None:
        if self._draining is None:
            self._draining = asyncio.ensure_future(self.drain())
        self._stopping = asyncio.ensure_future(self._stop(self._draining, let_stop))

    async def _stop(self, draining: asyncio.Task[None], let_stop: Callable[[], None]) -> None:
        """Let the server stop when the clients know: whoever polls just then has to reach it."""
        await asyncio.wait({draining}, timeout=self.limits.drain_timeout)
        let_stop()


def _with_headers(send: Send, added: Iterable[tuple[bytes, bytes]]) -> Send:
    if not added:
        return send

    async def sending(event: Event) -> None:
        if event["type"] == "http.response.start":
            event = {**event, "headers": [*event.get("headers", []), *added]}
        await send(event)

    return sending


async def _answering(serve: Serve, verdict: Verdict, told: Told, call: Call) -> None:
    """Serve a call, and answer what the peer does wrong, unless an answer has begun by then."""
    scope, send = call.scope, call.send
    begun = False

    async def noting_send(event: Event) -> None:
        nonlocal begun
        begun = True
        await send(event)

    try:
        if scope["type"] == "websocket":
            await call.receive()  # websocket.connect
        call.scope, call.send = verdict.pass_on(), noting_send
        await serve(call)
    except PeerError as error:
        client = scope.get("client")
        level, text = told.line(error, verdict.refusal)
        logger.log(
            level,
            "refused %s %s from %s: %d %s",
            scope.get("method", "WebSocket"),
            quote(
                scope["path"], errors="replace"
            ),  # a line break in it would make a line of the log
            quote(str(client[0]), safe=":.") if client else "unknown",
            error.status,
            text,
        )
        if not begun:
            await answer_error(scope, send, error)
    except ClientLeft:
        logger.debug("a client left before its request was whole")
        # Nobody reads it, but middleware outside of this one takes no answer for a fault.
        await answer(scope, send, 400, [], b"")


def _take(live: LiveSession, hello: Hello, frames: list[Frame]) -> None:
    live.acknowledge(hello.received, hello.room)
    live.feed(Intake(ordered=False), frames)
