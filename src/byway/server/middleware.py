"""The middleware: serves a WebSocket application over every transport.

Knows: whose a scope is, and the parts that serve it.
Must not know: how a call of any kind is served, sessions, what the application does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from byway.backplane import Backplane
from byway.backplane.choice import BackplaneSpec
from byway.errors import PeerError, UsageError
from byway.limits import MIN_PART, MIN_SECONDS, ServerLimits, server_limits
from byway.masking import SERVER_LOGGERS, mask_keys
from byway.negotiation.offer import Offer
from byway.server.admission import Admission
from byway.server.application import Application
from byway.server.bodies import Bodies, ClientLeft
from byway.server.call import Call
from byway.server.context import Context
from byway.server.denial import BODY, until_over
from byway.server.draining import Draining
from byway.server.entrances import find_entrance
from byway.server.identity import Bind
from byway.server.origin import OriginPolicy, Origins, Verdict
from byway.server.process_status import report_on
from byway.server.reader_forms import ReaderPaths
from byway.server.readers import Readers
from byway.server.refusal_log import RefusalLog
from byway.server.refusals import refuse, respond_to_nobody, with_headers
from byway.server.relayed_calls import RelayedCalls
from byway.server.sharing import Sharing
from byway.server.validation import check_application, check_loop
from byway.server.websocket import move_to_websocket
from byway.transports.base import Receive, Scope, Send


class FallbackMiddleware:
    """Serves the WebSocket routes of an ASGI application to clients that cannot use WebSockets.

    Plain WebSocket clients, and every HTTP request that is not byway's own, reach the
    application untouched. For a byway client the application is called with an ordinary ASGI
    `websocket` scope, whatever carries the messages.

    It belongs outside of middleware that buffers or compresses responses. One instance belongs to
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
        limits: ServerLimits | None = None,
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
                PermissionError, get 403.
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
            limits: bounds; see `ServerLimits`.

        Raises:
            UsageError: an argument is wrong.
        """
        check_application(app)
        mask_keys(*SERVER_LOGGERS)
        self.app = app
        self.limits: ServerLimits = server_limits(limits)
        if self.limits.part < MIN_PART:
            raise UsageError(f"ServerLimits.part must be at least {MIN_PART}")
        if min(self.limits.heartbeat, self.limits.silence, self.limits.window) < MIN_SECONDS:
            raise UsageError(
                f"ServerLimits.heartbeat, silence and window must be at least {MIN_SECONDS}"
            )
        offer, policy = Offer(transports), OriginPolicy(origins)
        admission = self._admission = Admission(app, self.limits, bind)
        counts = admission.registry.counts
        sharing = self._sharing = Sharing(backplane, name, app, bind, self.limits, counts)
        self._draining = Draining(admission.registry, sharing, self.limits)
        self._context = Context(
            app=app,
            limits=self.limits,
            offer=offer,
            origins=policy,
            admission=admission,
            sharing=sharing,
            draining=self._draining,
            readers=Readers(readers, admission, self.limits),
            bodies=Bodies(self.limits),
            refusal_log=RefusalLog(counts.refusals),
            counts=counts,
        )
        self._relayed = RelayedCalls(self._context)

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
        kind = scope["type"]
        if kind == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        if kind not in ("http", "websocket"):
            await self.app(scope, receive, send)  # of an extension, which has no headers
            return
        context, call = self._context, Call(scope, receive, send)
        entrance = find_entrance(call, context)
        if entrance is None:
            await self.app(scope, receive, send)
            return
        loop = self._sharing.loop()  # None at first, when under trio there is none to compare with
        is_settled = loop is not None and loop is asyncio.get_running_loop()
        if not (is_settled and self._draining.listens):
            await self._settle(scope)
        if self._sharing.active:
            self._sharing.place(scope, self._relayed)  # a session that opens here is found under it
        verdict: Verdict | None = None
        if b"origin" in call.values or b"sec-fetch-site" in call.values:  # a page made it
            verdict = await context.origins.judge(call)
            call.send = with_headers(send, verdict.headers)
        try:
            if kind == "websocket":
                await receive()  # websocket.connect
            if verdict is None:
                await entrance(call, context)
            else:
                call.go_on_with(verdict.pass_on())
                if verdict.moves and kind == "websocket":
                    assert verdict.refusal is not None
                    await move_to_websocket(call, context, verdict.refusal)
                else:
                    await entrance(call, context)
        except PeerError as error:
            page = None if verdict is None else verdict.refusal
            await refuse(call, error, context.refusal_log, page)
        except ClientLeft:
            await respond_to_nobody(call)
        if call.last_sent == BODY:
            await until_over(receive)

    async def _settle(self, scope: Scope) -> None:
        """Hear what stops the server, and share sessions, before the first call is served.

        Raises:
            UsageError: this is no asyncio loop, or the backplane cannot be used as it was set up.
        """
        if not self._draining.listens:
            check_loop()
            self._draining.listen(scope)
        joined = self._sharing.loop() is asyncio.get_running_loop()
        if not joined and not self._admission.registry.draining:
            await self._join()

    async def _join(self) -> None:
        """Share sessions over the backplane of the event loop that runs now.

        Raises:
            UsageError: it cannot be used as it was set up.
        """
        endpoints = self._sharing.find()
        report_on(self._admission.registry, endpoints.backplane)
        await endpoints.start()
        if self._sharing.loop() is not asyncio.get_running_loop():  # no other call has come first
            self._sharing.take(endpoints)
            self._admission.use(endpoints.backplane)

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

    async def drain(self) -> None:
        """Close every session with 1012 and admit no new one.

        It is called by itself on SIGINT and SIGTERM, where the server runs in the main thread;
        call it before you stop a server in another way. It returns when the clients have
        acknowledged, or after `limits.drain_timeout`, and the handlers have returned, or after
        `limits.handler_timeout`, when they are cancelled.
        """
        await self._draining.drain()
