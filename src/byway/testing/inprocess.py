"""An application served inside the test: by uvicorn's protocols, without a port.

Knows: how uvicorn serves one connection, byway's client, and where an application's exceptions go.
Must not know: pytest, the rules of a network.

Each connection is a pair of connected sockets: byway's own client is at one end, uvicorn's
protocol for HTTP/1.1 and WebSockets at the other, both in the event loop of the test. Nothing
listens, except where a network shall stand between: that is a proxy on the loopback.
"""

from __future__ import annotations

import asyncio
import contextvars
import socket
import ssl as ssl_module
import traceback
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from byway.client import connect
from byway.errors import UsageError
from byway.http_library import httpx
from byway.server.application import Application
from byway.server.failures import HEARS
from byway.testing.network import Network
from byway.testing.plan import Rule
from byway.transports.base import Event, Receive, Scope, Send
from byway.transports.inside import let_in, let_out
from byway.transports.lookup import Names
from byway.transports.pool import pool

if TYPE_CHECKING:
    import uvicorn

GRACE: Final = 1.0
"""Seconds that the end of the block waits for a channel that was left open, then for the
application's calls. What goes on longer is cancelled."""

TURNS: Final = 5
"""Turns of the event loop until what was aborted is closed; asyncio needs two."""

CLIENT: Final = ("127.0.0.1", 50000)
"""The client's address, as the application sees it."""


class InProcessServer(AbstractAsyncContextManager["InProcessServer"]):
    """Serves an ASGI application in the event loop of the test; nothing listens on a port.

    ::

        async with InProcessServer(app, transport="poll") as server:
            async with server.connect("/chat") as channel:
                await channel.send("hello")

    The application's lifespan runs around the block. An exception that the application raises, in
    a session as in a request, is raised where the block ends. Channels that are left open are
    closed there. Several servers may run at once. All belong to the event loop that they were
    entered in, which has to be asyncio's.

    Attributes:
        errors: what the application has raised so far.
    """

    def __init__(
        self,
        app: Application,
        *,
        transport: str | None = None,
        network: str | Rule | None = None,
        host: str = "testserver",
        raise_app_exceptions: bool = True,
    ) -> None:
        """Prepare; the block serves.

        Args:
            app: an application that byway is in: wrapped in `FallbackMiddleware`, by itself or as
                a middleware of its framework.
            transport: what `connect` uses, unless it is told otherwise; None for all, as they
                get through.
            network: a profile of `byway.testing.PROFILES`, or a rule, that stands between. The
                application then is on a port of 127.0.0.1, and so is the network.
            host: the host by which the application is called, where no network is named.
            raise_app_exceptions: False only collects in `errors` what the application raises.

        Raises:
            UsageError: uvicorn is missing, or `app` is no application.
        """
        if not callable(app):
            raise UsageError(f"an ASGI application is wanted, not {app!r}")
        try:
            import uvicorn
        except ImportError:
            raise UsageError(
                "serving inside a test needs uvicorn: pip install 'byway[server]'"
            ) from None
        self._app = app
        self._transport = transport
        self._network = network
        self._host = host
        self._raises = raise_app_exceptions
        self.errors: list[Exception] = []
        config = uvicorn.Config(self._watched, interface="asgi3", log_config=None, access_log=False)
        self._server: uvicorn.Server = uvicorn.Server(config)
        self._lifespan: Any = None
        self._lifespan_error: Exception | None = None
        self._url: str | None = None
        self._port = 0
        self._proxy: Network | None = None
        self._listener: asyncio.Server | None = None
        self._connects: list[connect] = []
        self._accepted: set[asyncio.Task[Any]] = set()
        self._transports: list[asyncio.BaseTransport] = []
        self._http: httpx.AsyncClient | None = None
        self._context = contextvars.copy_context()

    @property
    def url(self) -> str:
        """Its URL, without a path. Only byway's client finds it, where no network is named."""
        if self._url is None:
            raise UsageError("this server does not run: use it inside its `async with` block")
        return self._url

    @property
    def http(self) -> httpx.AsyncClient:
        """A client for the application's ordinary HTTP: ``await server.http.get("/login")``."""
        if self._http is None:
            plain = ssl_module.SSLContext(ssl_module.PROTOCOL_TLS_CLIENT)
            self._http = httpx.AsyncClient(
                transport=pool(Names(), ssl=plain, http2=False, proxy=None),
                base_url=self.url,
                trust_env=False,
            )
        return self._http

    def connect(self, path: str = "/", **options: Any) -> connect:
        """Return `byway.connect` for a path: ``async with server.connect("/chat") as channel``.

        Args:
            path: the path, with its query.
            options: more of `byway.connect`. By default it uses the server's transport, remembers
                nothing, and fails where byway is not served (``plain=False``).
        """
        if not path.startswith("/"):
            raise UsageError(f"a path begins with a slash, {path!r} does not")
        asked = {"transports": self._transport, "memory": False, "proxy": None, "plain": False}
        one = connect(self.url + path, **{**asked, **options})
        self._connects.append(one)
        return one

    async def __aenter__(self) -> InProcessServer:
        """Start the application.

        Raises:
            UsageError: it was entered before, or the event loop is not asyncio's.
            Exception: what the application's start-up raised.
        """
        if self._lifespan is not None:
            raise UsageError("this server was entered already; make a new one")
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            raise UsageError(
                "byway runs on asyncio: with anyio's plugin, let the fixture anyio_backend "
                "return 'asyncio'"
            ) from None
        self._context = contextvars.copy_context()
        self._context.run(HEARS.set, self._failed)
        config = self._server.config
        config.load()
        self._lifespan = config.lifespan_class(config)
        await self._loop.create_task(self._lifespan.startup(), context=self._context)
        if self._lifespan.should_exit:
            raise self._lifespan_error or RuntimeError("the application's lifespan did not start")
        await self._server.on_tick(0)  # sets the headers that each response has
        try:
            await self._open()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close what is open and stop the application.

        Raises:
            Exception: what the application has raised; an `ExceptionGroup` of several. An error of
                the block is its context. Where the block was cancelled, or ended by pytest, that
                goes on instead, with a note.
        """
        await self._close()
        if not self.errors or not self._raises:
            return
        one = self.errors[0]
        if len(self.errors) > 1:
            one = ExceptionGroup("the application raised several exceptions", self.errors)
        if isinstance(error, Exception) or error is None:
            raise one
        error.add_note("The application raised:\n" + _text(one))

    # Starting

    async def _open(self) -> None:
        """Make a way in: a network on the loopback, or one inside the process."""
        if self._network is None:
            self._port = let_in(self._host, self._connect_inside)
            self._url = f"http://{self._host}:{self._port}"
            return
        serve = self._loop.create_server(self._protocol, "127.0.0.1", 0)
        self._listener = await self._loop.create_task(serve, context=self._context)
        origin: int = self._listener.sockets[0].getsockname()[1]
        self._proxy = Network(origin, self._network)
        await self._proxy.__aenter__()
        self._url = self._proxy.url

    def _connect_inside(self) -> socket.socket:
        """Open a connection; called in the thread of whoever connects."""
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setblocking(False)
        try:
            self._loop.call_soon_threadsafe(self._accept, theirs)
        except RuntimeError as error:  # the event loop is closed
            ours.close()
            theirs.close()
            raise ConnectionRefusedError(str(error)) from error
        return ours

    def _accept(self, theirs: socket.socket) -> None:
        if self._url is None:
            theirs.close()
            return
        task = self._loop.create_task(
            self._loop.connect_accepted_socket(self._protocol, theirs), context=self._context
        )
        self._accepted.add(task)
        task.add_done_callback(self._accepted.discard)

    def _protocol(self) -> asyncio.Protocol:
        config = self._server.config
        kind: Any = config.http_protocol_class
        server = self._server.server_state
        protocol: asyncio.Protocol = kind(
            config=config, server_state=server, app_state=self._lifespan.state
        )
        made = protocol.connection_made

        def connection_made(transport: asyncio.BaseTransport) -> None:
            self._transports.append(transport)
            made(transport)

        protocol.connection_made = connection_made  # type: ignore[method-assign]
        return protocol

    # The application

    async def _watched(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application, and keep what it raises."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
            return
        scope["client"] = scope.get("client") or CLIENT
        if self._network is None:
            scope["server"] = (self._host, self._port)
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            self._failed(error)
            raise

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        stopping = False

        async def noting_receive() -> Event:
            nonlocal stopping
            event = await receive()
            stopping = event["type"] == "lifespan.shutdown"
            return event

        try:
            await self._app(scope, noting_receive, send)
        except Exception as error:
            # An application without a lifespan raises at once; then it is none of its failures.
            self._lifespan_error = error
            if stopping:
                self._failed(error)
            raise

    def _failed(self, error: Exception) -> None:
        if not any(one is error for one in self.errors):
            self.errors.append(error)

    # Stopping

    async def _close(self) -> None:
        await asyncio.gather(*(_leave(one) for one in self._connects))
        if self._http is not None:
            await self._http.aclose()
        inside, self._url = self._network is None, None
        if inside:
            let_out(self._host, self._port)
        if self._proxy is not None:
            await self._proxy.__aexit__(None, None, None)
        if self._listener is not None:
            self._listener.close()
        await asyncio.gather(*self._accepted, return_exceptions=True)
        await self._end_calls()
        await self._loop.create_task(self._lifespan.shutdown(), context=self._context)
        for transport in self._transports:
            transport.abort()  # type: ignore[attr-defined]
        for _ in range(TURNS):  # in which the loop closes their sockets
            await asyncio.sleep(0)

    async def _end_calls(self) -> None:
        """Let the application's calls end, and cancel those that go on."""
        state = self._server.server_state
        for connection in list(state.connections):
            connection.shutdown()
        if state.tasks:
            await asyncio.wait(list(state.tasks), timeout=GRACE)
        late = [task for task in state.tasks if not task.done()]
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=GRACE)


async def _leave(one: connect) -> None:
    """Close a channel that its test has left open, and do not wait long for it."""
    channel = one.channel
    if channel is None:
        return
    try:
        async with asyncio.timeout(GRACE):
            await channel.close(1001, "the test has ended")
    except TimeoutError:
        await channel.aclose()


def _text(error: Exception) -> str:
    return "".join(traceback.format_exception(error))
