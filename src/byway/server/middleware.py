"""The middleware: serves a WebSocket application over every transport.

Knows: which ASGI calls are byway's own, and the way of each through the server.
Must not know: how a transport carries frames, what the application does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from functools import partial
from typing import Any

from byway.backplane import Backplane, Link
from byway.backplane.choice import BackplaneSpec
from byway.errors import FrameError, PeerError, UsageError
from byway.frames import Decoder, Frame
from byway.handshake import ACK_ANSWER, CONTENT_TYPE, SUBPROTOCOL, UP_ANSWER, Hello
from byway.limits import MIN_PART, MIN_SECONDS, Limits
from byway.live import LiveSession
from byway.masking import SERVER_LOGGERS, mask_keys
from byway.negotiation.offer import Offer, dropped_offer, offered_subprotocols, stripped_handshake
from byway.server.admission import Admission
from byway.server.application import Application, Denied
from byway.server.bodies import Bodies
from byway.server.body import check_head, parse_body, read_beginning
from byway.server.call import Call, Serve
from byway.server.call_frame import unpack_user
from byway.server.cors import is_preflight, preflight_headers
from byway.server.draining import Draining
from byway.server.identity import Bind, identity_of, origin_of
from byway.server.origin import OriginPolicy, Origins, Verdict
from byway.server.owner_call import OwnedCall
from byway.server.owner_request import respond
from byway.server.process_status import report_on
from byway.server.reader_forms import ReaderPaths
from byway.server.readers import Readers
from byway.server.refusal_log import RefusalLog
from byway.server.registry import Hosted
from byway.server.request_frame import RequestFrame
from byway.server.responses import application_headers, send_denial, send_response
from byway.server.serving import serve_call, with_headers
from byway.server.sharing import Sharing
from byway.server.validation import check_application, check_loop
from byway.session import Intake
from byway.transports.base import Exchange, Headers, Receive, Scope, Send
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
            app: any ASGI application (ASGI 3).
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
                readers without a client library (`curl -N`, `EventSource`); True for all. A reader
                that names no preference in `Accept` gets lines, or events where the path is told
                so: ``{"/news": "events"}``, or ``"events"`` for all paths.
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
        check_application(app)
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
        self._admission = Admission(app, self.limits, bind)
        self._counts = self._admission.registry.counts
        self._refusal_log = RefusalLog(self._counts.refusals)
        self._sharing = Sharing(backplane, name, app, bind, self.limits, self._counts)
        self._draining = Draining(self._admission.registry, self._sharing, self.limits)
        self._readers = Readers(readers, self._admission, self.limits)
        self._bodies = Bodies(self.limits)

    @property
    def sessions(self) -> int:
        """How many sessions live here now, probes not among them."""
        return len(self._admission.registry)

    @property
    def backplane(self) -> Backplane | None:
        """What it shares sessions over; None before the server has started."""
        return self._sharing.backplane

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI call."""
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)  # of an extension, which has no headers
            return
        call = Call(scope, receive, send)
        serve = self._own(call)
        if serve is None:
            await self.app(scope, receive, send)
        else:
            if not self._draining.listens:
                check_loop()
                self._draining.listen(scope)
            if not self._sharing.joined and not self._admission.registry.draining:
                await self._join()
            if self._sharing.active:
                self._sharing.place(scope, self)  # a session that opens here is found under it
            verdict = await self._origins.judge(scope)
            if verdict.moves and scope["type"] == "websocket":
                assert verdict.refusal is not None
                serve = partial(self._move, verdict.refusal)
            call.send = with_headers(send, verdict.headers)
            await serve_call(serve, verdict, self._refusal_log, call)

    async def _join(self) -> None:
        """Share sessions over the backplane of the event loop that runs now.

        Raises:
            UsageError: it cannot be used as it was set up.
        """
        endpoints = self._sharing.find()
        report_on(self._admission.registry, endpoints.backplane)
        await endpoints.start()
        if not self._sharing.joined:  # no other call has come first
            self._sharing.take(endpoints)
            self._admission.use(endpoints.backplane)

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
        await self._draining.drain()

    # Each of these raises PeerError for what the peer does wrong, see `serve_call`.

    async def _read(self, call: Call) -> None:
        """Serve a reader without a client library."""

        async def hand_over(call: Call, hello: Hello) -> bool:
            return await self._sharing.hand_over_reader(call, hello, self)

        await self._readers.serve(call, hand_over)

    async def _preflight(self, call: Call) -> None:
        """Answer a preflight of a request of the protocol."""
        await send_response(call.scope, call.send, 204, preflight_headers(call.headers), b"")

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
        if (owner := self._sharing.owner(call, hello)) is not None:
            await self._sharing.hand_over(call, hello, owner, self, body, more=more)
            return
        found = await self._admission.find(call, hello)
        found.live.acknowledge(hello.received, hello.room)
        self._carried(call, found, hello)
        exchange = self._exchange(call, hello, found, None, [])
        await take_upload(exchange, found.live, decoder, frames, more=more)

    async def _batch(self, call: Call, hello: Hello, frames: list[Frame], body: bytes) -> None:
        """Take a batch to the session that it names."""
        if (owner := self._sharing.owner(call, hello)) is not None:
            await self._sharing.hand_over(call, hello, owner, self, body)
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
        if (owner := self._sharing.owner(call, hello)) is not None:
            await self._sharing.hand_over(call, hello, owner, self, body, moves=moves)
            return
        admit = partial(self._admission.admit, call, hello)
        admitted = await self._sharing.let_in(admit, call, hello, self, body, moves=moves)
        if admitted is None:
            return
        if isinstance(admitted, Denied):
            self._counts.refusals[admitted.status] += 1
            await send_denial(call.scope, call.send, admitted)
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
            self._sharing.relayed = True

    async def serve_relayed(self, handed: OwnedCall, told: dict[str, Any]) -> None:
        """Serve a call that another process hands over; its origin was judged there."""
        self._counts.taken_over += 1
        call = Call(handed.scope, handed.receive, handed.send, relayed=handed)
        call.known(identity_of(call.scope, unpack_user(told["user"])))
        serve = self._own(call)
        if serve is None:
            raise ValueError("no call of byway's own")
        if (moves := told.get("moves")) is not None:
            serve = partial(self._move, PeerError(moves, status=403))
        await serve_call(serve, Verdict(call.scope), self._refusal_log, call)

    def serve_request(self, link: Link, request: RequestFrame) -> Coroutine[Any, Any, None] | None:
        """Serve a whole request that another process hands over."""
        self._counts.taken_over += 1
        self._sharing.relayed = True
        return respond(link, request, self._admission.registry, self._offer, self.limits)

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
        if self._sharing.owner(call, hello) is None:
            found = await self._admission.find(call, hello)
            if found.opened_by.origin != origin_of(call.scope):
                raise refusal
        # What names its instance opens nothing, even if the session ends just now.
        await self._carry(call, hello, [], moves=refusal)

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the lifespan through, and hear what ends it."""
        event = await receive()  # lifespan.startup
        try:
            check_loop()
            self._draining.begin()
            await self._join()
        except UsageError as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await self._draining.lifespan(self.app, scope, event, receive, send)


def _take(live: LiveSession, hello: Hello, frames: list[Frame]) -> None:
    live.acknowledge(hello.received, hello.room)
    live.feed(Intake(ordered=False), frames)
