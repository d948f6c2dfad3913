"""The middleware: serves a WebSocket application over every transport.

Knows: which ASGI calls are byway's own, and the way of each through the server.
Must not know: how a transport carries frames, what the application does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from byway.errors import FrameError, PeerError
from byway.frames import Frame
from byway.handshake import ACK_ANSWER, SUBPROTOCOL, Hello
from byway.limits import Limits
from byway.live import LiveSession
from byway.negotiation.offer import Offer, offered_subprotocols, stripped_handshake
from byway.server.admission import Admission
from byway.server.answers import answer, answer_denied, answer_error, application_headers
from byway.server.application import Application, Denied
from byway.server.body import ClientLeft, check_head, parse_body, read_body
from byway.server.origin import OriginPolicy, is_preflight
from byway.server.readers import ReaderPaths, Readers
from byway.server.registry import Hosted
from byway.server.shutdown import SignalWatch
from byway.session import Intake
from byway.transports.base import Event, Exchange, Headers, Receive, Scope, Send
from byway.transports.uplink import answer_batch

logger = logging.getLogger("byway.server")


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
        transports: Iterable[str] | None = None,
        origins: Iterable[str] = (),
        readers: ReaderPaths = (),
        limits: Limits | None = None,
    ) -> None:
        """Wrap an application.

        Args:
            app: any ASGI application.
            transports: names of the transports to offer, best first; all by default.
            origins: origins of other hosts whose pages may connect, such as
                ``https://app.example``; ``*`` allows all, without credentials. A page of the
                server's own host always may.
            readers: paths where a plain GET is answered with what the handler sends, for
                readers without a client library (`curl -N`, `EventSource`); True for all.
            limits: bounds; see `Limits`.

        Raises:
            UsageError: an argument is wrong.
        """
        self.app = app
        self.limits = limits or Limits()
        self._offer = Offer(transports)
        self._origins = OriginPolicy(origins)
        self._admission = Admission(app, self.limits)
        self._readers = Readers(readers, self._admission, self.limits)
        self._watch: SignalWatch | None = None
        self._draining: asyncio.Task[None] | None = None

    @property
    def sessions(self) -> int:
        """How many sessions live here now."""
        return len(self._admission.registry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI call."""
        kind = scope["type"]
        if kind == "http":
            await self._http(scope, receive, send)
        elif kind == "websocket" and SUBPROTOCOL in scope.get("subprotocols", ()):
            await self._websocket(scope, receive, send)
        elif kind == "lifespan":
            await self._lifespan(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def drain(self) -> None:
        """Close every session with 1012 and admit no new one.

        It is called by itself on SIGINT and SIGTERM, where the server runs in the main thread;
        call it before you stop a server in another way. It returns when the clients have
        acknowledged, or after `limits.drain_timeout`.
        """
        self._admission.registry.draining = True
        hosted = self._admission.registry.sessions
        if not hosted:
            return
        logger.info("draining: closing %d sessions with 1012", len(hosted))
        for one in hosted:
            one.live.close(1012, "the server is going away")
        waits = [asyncio.ensure_future(one.live.finished.wait()) for one in hosted]
        _, late = await asyncio.wait(waits, timeout=self.limits.drain_timeout)
        for wait in late:
            wait.cancel()
        for one in hosted:
            one.live.abort(1012, "the server has gone away")

    # HTTP

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: Headers = scope["headers"]
        names = {name for name, _ in headers}
        ours = b"byway" in names or (
            b"application/byway" in dict(headers).get(b"content-type", b"").lower()
        )
        if ours:
            await self._request(scope, receive, self._with_cors(headers, send))
        elif is_preflight(scope["method"], headers):
            await self._preflight(scope, send)
        elif stripped_handshake(headers) and (
            self._readers.want(scope) or SUBPROTOCOL in offered_subprotocols(headers)
        ):
            others = ", ".join(name for name in self._offer.names if name != "websocket")
            error = PeerError(
                f"the WebSocket's Upgrade was lost on the way; byway is here over {others or '-'}",
                status=426,
            )
            _log(scope, error)
            await answer_error(scope, send, error)
        elif self._readers.want(scope):
            await self._read(scope, receive, self._with_cors(headers, send))
        else:
            await self.app(scope, receive, send)

    async def _read(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._origins.check(scope["headers"])
            await self._readers.serve(scope, receive, send)
        except PeerError as error:
            _log(scope, error)
            await answer_error(scope, send, error)

    async def _preflight(self, scope: Scope, send: Send) -> None:
        headers: Headers = scope["headers"]
        try:
            self._origins.check(headers)
        except PeerError as error:
            _log(scope, error)
            await answer_error(scope, send, error)
        else:
            await answer(scope, send, 204, self._origins.preflight_headers(headers), b"")

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request of the protocol: read it whole, then answer it."""
        started = False

        async def noting_send(event: Event) -> None:
            nonlocal started
            started = True
            await send(event)

        try:
            self._origins.check(scope["headers"])
            check_head(scope["method"], scope["headers"], self.limits)
            hello, frames = parse_body(await read_body(receive, self.limits), self.limits)
            if hello.answer == ACK_ANSWER:
                await self._batch(scope, receive, noting_send, hello, frames)
            else:
                await self._carry(scope, receive, noting_send, hello, frames)
        except PeerError as error:
            _log(scope, error)
            if not started:
                await answer_error(scope, send, error)
        except ClientLeft:
            logger.debug("a client left before its request was whole")

    async def _batch(
        self, scope: Scope, receive: Receive, send: Send, hello: Hello, frames: list[Frame]
    ) -> None:
        """Take a batch to the session that it names."""
        if hello.instance is None:
            raise FrameError("a batch must name its instance")
        found = self._admission.registry.find(hello)
        if not isinstance(found, Hosted):
            raise PeerError("this session is not known here", status=410)
        _take(found.live, hello, frames)
        exchange = self._exchange(scope, receive, send, found, None, [])
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
        headers = application_headers(accepted.headers) if hello.instance is None else []
        exchange = self._exchange(scope, receive, send, hosted, accepted.subprotocol, headers)
        await transport.serve(exchange, hosted.live, hello)

    def _exchange(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        hosted: Hosted,
        subprotocol: str | None,
        headers: Headers,
    ) -> Exchange:
        return Exchange(
            scope=scope,
            receive=receive,
            send=send,
            limits=self.limits,
            instance=hosted.instance,
            transports=self._offer.names,
            subprotocol=subprotocol,
            headers=headers,
        )

    def _with_cors(self, headers: Headers, send: Send) -> Send:
        added = self._origins.cors_headers(headers)
        if not added:
            return send

        async def sending(event: Event) -> None:
            if event["type"] == "http.response.start":
                event = {**event, "headers": [*event.get("headers", []), *added]}
            await send(event)

        return sending

    # WebSocket

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a WebSocket that speaks byway."""
        answered = False

        async def noting_send(event: Event) -> None:
            nonlocal answered
            answered = True
            await send(event)

        await receive()  # websocket.connect
        try:
            self._origins.check(scope["headers"])
            hello = Hello.from_offers(scope["subprotocols"])
            assert hello is not None
            await self._carry(scope, receive, noting_send, hello, [])
        except PeerError as error:
            _log(scope, error)
            if not answered:
                await answer_error(scope, send, error)
        except OSError:
            logger.debug("a WebSocket client left while it was written to")

    # Lifespan

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the lifespan through, and hear the signals that end it."""
        self._watch = SignalWatch(asyncio.get_running_loop(), self._signalled)
        self._watch.install()

        async def watching_receive() -> Event:
            event = await receive()
            if event["type"] == "lifespan.shutdown":
                if self._watch is not None:
                    self._watch.remove()
                await self.drain()
            return event

        await self.app(scope, watching_receive, send)

    def _signalled(self) -> None:
        if self._draining is None:
            self._draining = asyncio.ensure_future(self.drain())


def _take(live: LiveSession, hello: Hello, frames: list[Frame]) -> None:
    live.acknowledge(hello.received, hello.room)
    live.feed(Intake(ordered=False), frames)


def _log(scope: Scope, error: PeerError) -> None:
    client = scope.get("client")
    logger.warning(
        "refused %s %s from %s: %d %s",
        scope.get("method", "WebSocket"),
        scope["path"],
        client[0] if client else "unknown",
        error.status,
        error,
    )
