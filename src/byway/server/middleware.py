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
from urllib.parse import quote

from byway.errors import FrameError, PeerError, UsageError
from byway.frames import Decoder, Frame
from byway.handshake import ACK_ANSWER, CONTENT_TYPE, SUBPROTOCOL, UP_ANSWER, Hello
from byway.hint import going_away
from byway.limits import MIN_PART, MIN_SECONDS, Limits
from byway.live import LiveSession
from byway.masking import SERVER_LOGGERS, mask_keys
from byway.negotiation.offer import Offer, dropped_offer, offered_subprotocols, stripped_handshake
from byway.server.admission import Admission
from byway.server.answers import answer, answer_denied, answer_error, application_headers
from byway.server.application import Application, Denied
from byway.server.bodies import Bodies, ClientLeft
from byway.server.body import check_head, parse_body, read_beginning
from byway.server.cors import is_preflight, preflight_headers
from byway.server.origin import OriginPolicy, Origins, Verdict
from byway.server.readers import ReaderPaths, Readers
from byway.server.registry import Hosted
from byway.server.shutdown import SignalWatch
from byway.server.told import Told
from byway.server.who import Bind, origin_of
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
        self._told = Told()
        self._admission = Admission(app, self.limits, bind)
        self._readers = Readers(readers, self._admission, self.limits)
        self._bodies = Bodies(self.limits)
        self._watch: SignalWatch | None = None
        self._draining: asyncio.Task[None] | None = None
        self._stopping: asyncio.Task[None] | None = None

    @property
    def sessions(self) -> int:
        """How many sessions live here now, probes not among them."""
        return len(self._admission.registry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI call."""
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        serve = self._own(scope)
        if serve is None:
            await self.app(scope, receive, send)
        else:
            if self._watch is None:
                self._listen()  # a framework that this is mounted in keeps the lifespan to itself
            verdict = await self._origins.judge(scope)
            if verdict.moves and scope["type"] == "websocket":
                serve = partial(self._move, verdict)
            send = _with_headers(send, verdict.headers)
            await _answering(serve, verdict, self._told, scope, receive, send)

    def _own(self, scope: Scope) -> Application | None:
        """Return what serves a call, if it is one of byway's own."""
        if scope["type"] == "websocket":
            if SUBPROTOCOL in scope.get("subprotocols", ()):
                return self._websocket
            return self._dropped if dropped_offer(scope["headers"]) else None
        if scope["type"] != "http":
            return None
        headers: Headers = scope["headers"]
        values = dict(headers)
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

    async def _read(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a reader without a client library."""
        await self._readers.serve(scope, receive, send)

    async def _preflight(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight of a request of the protocol."""
        await answer(scope, send, 204, preflight_headers(scope["headers"]), b"")

    async def _stripped(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a handshake that can become no WebSocket any more."""
        others = ", ".join(name for name in self._offer.names if name != "websocket")
        raise PeerError(
            f"the WebSocket's Upgrade was lost on the way; byway is here over {others or '-'}",
            status=426,
        )

    async def _dropped(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a handshake whose subprotocols were dropped.

        As a plain one it would run the application, and so would the client over HTTP.
        """
        raise PeerError("the WebSocket's Sec-WebSocket-Protocol was dropped on the way", status=400)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request of the protocol: read it whole, then answer it."""
        check_head(scope["method"], scope["headers"], self.limits)
        hello, frames = parse_body(await self._bodies.read(receive), self.limits)
        if hello.answer == ACK_ANSWER:
            await self._batch(scope, receive, send, hello, frames)
        else:
            await self._carry(scope, receive, send, hello, frames)

    async def _upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request whose body has no end: take what it brings as it comes."""
        check_head(scope["method"], scope["headers"], self.limits, mark=UP_ANSWER)
        decoder = Decoder(max_frame=self.limits.max_frame)
        hello, frames, more = await read_beginning(receive, decoder, self.limits)
        found = await self._admission.find(scope, hello)
        found.live.acknowledge(hello.received, hello.room)
        exchange = self._exchange(scope, receive, send, hello, found, None, [])
        await take_upload(exchange, found.live, decoder, frames, more=more)

    async def _batch(
        self, scope: Scope, receive: Receive, send: Send, hello: Hello, frames: list[Frame]
    ) -> None:
        """Take a batch to the session that it names."""
        found = await self._admission.find(scope, hello)
        _take(found.live, hello, frames)
        exchange = self._exchange(scope, receive, send, hello, found, None, [])
        await answer_batch(exchange, found.live, hello)

    async def _carry(
        self, scope: Scope, receive: Receive, send: Send, hello: Hello, frames: list[Frame]
    ) -> None:
        """Attach a carrier to the session that the client names, or to a new one."""
        transport = self._offer.transport(hello.answer)
        if (scope["type"] == "websocket") is not (transport.name == "websocket"):
            raise FrameError(f"{hello.answer!r} cannot be the answer here", status=406)
        admitted = await self._admission.admit(scope, hello)
        if isinstance(admitted, Denied):
            await answer_denied(scope, send, admitted)
            return
        hosted, accepted = admitted
        _take(hosted.live, hello, frames)
        opens = hello.instance is None
        headers = application_headers(accepted.headers) if opens else []
        exchange = self._exchange(
            scope, receive, send, hello, hosted, accepted.subprotocol, headers, opens=opens
        )
        try:
            await transport.serve(exchange, hosted.live, hello)
        except OSError:
            logger.debug("a client left while it was written to")
        if self._admission.registry.draining:
            # The server stops when its last call has returned, and would take the handler along.
            await asyncio.wait({hosted.run.task})

    def _exchange(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        hello: Hello,
        hosted: Hosted,
        subprotocol: str | None,
        headers: Headers,
        *,
        opens: bool = False,
    ) -> Exchange:
        return Exchange(
            scope=scope,
            receive=receive,
            send=send,
            limits=hosted.live.limits,
            instance=hosted.instance,
            transports=self._offer.names,
            subprotocol=subprotocol,
            headers=headers,
            promote=opens and self._origins.promotes(scope),
            text=hello.text,
        )

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a WebSocket that speaks byway."""
        hello = Hello.from_offers(scope["subprotocols"])
        assert hello is not None
        await self._carry(scope, receive, send, hello, [])

    async def _move(self, verdict: Verdict, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a WebSocket that may carry a session which its own origin opened, and open none."""
        hello = Hello.from_offers(scope["subprotocols"])
        assert hello is not None
        assert verdict.refusal is not None
        if hello.instance is None:
            raise verdict.refusal
        found = await self._admission.find(scope, hello)
        if found.who.origin != origin_of(scope):
            raise verdict.refusal
        # What names its instance opens nothing, even if the session ends just now.
        await self._carry(scope, receive, send, hello, [])

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


async def _answering(
    serve: Application,
    verdict: Verdict,
    told: Told,
    scope: Scope,
    receive: Receive,
    send: Send,
) -> None:
    """Serve a call, and answer what the peer does wrong, unless an answer has begun by then."""
    begun = False

    async def noting_send(event: Event) -> None:
        nonlocal begun
        begun = True
        await send(event)

    try:
        if scope["type"] == "websocket":
            await receive()  # websocket.connect
        await serve(verdict.pass_on(), receive, noting_send)
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
