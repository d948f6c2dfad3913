"""connect(): the client's one entrance.

Knows: what a caller may ask for, and which of its two kinds of channel comes of it.
Must not know: how transports are tried or carry frames, what a channel does.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import ssl as ssl_module
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Final

from byway.channel import Channel, header_list
from byway.client.address import check_tls, endpoint_url, proxy_for
from byway.client.loading import in_thread, loaded
from byway.client.reconnect import Reconnect
from byway.errors import (
    PLAIN,
    CarrierLost,
    ConnectError,
    NoTransport,
    UsageError,
)
from byway.handshake import PROBE, Open, valid_subprotocol
from byway.http_library import check_library, httpx, library_name
from byway.keys import name_of, new_key
from byway.limits import MAX_PART, ClientLimits, client_limits
from byway.negotiation import Memory, Preference
from byway.negotiation.memory import SHARED
from byway.transports.request_head import check_head, room

if TYPE_CHECKING:
    from byway.client.channels import ClientChannel, PlainChannel
    from byway.runtime import LiveCarrier
    from byway.transports.cookies import Cookies
    from byway.transports.dial import Dial
    from byway.transports.plain import Plain


logger: logging.Logger = logging.getLogger("byway.client")

LASTING: Final = 10.0
"""Seconds after which a session that is lost counts as one that had worked."""

MEMORY_TIMEOUT: Final = 1.0
"""Seconds that the end of a session waits for the file of the memory, which may hang."""


class connect(AbstractAsyncContextManager["Channel"]):
    """Connect to an endpoint, over the first transport that gets through.

    ::

        async with byway.connect("https://example.org/chat") as channel:
            await channel.send("hello")
            async for message in channel:
                ...

    Leaving the block closes the channel with 1000, or with 1011 where an exception leaves it,
    and waits until the server has acknowledged everything. A server without byway is served as
    a plain WebSocket, without resuming.

    With ``reconnect=True`` it gives a new session each time that one was lost::

        async for channel in byway.connect("https://example.org/chat", reconnect=True):
            await channel.send("subscribe")
            async for message in channel:
                ...
    """

    def __init__(
        self,
        url: str,
        *,
        transports: Preference | str | Iterable[str] | None = None,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
        subprotocols: Iterable[str] = (),
        ssl: ssl_module.SSLContext | None = None,
        proxy: str | bool | None = True,
        open_timeout: float = 20.0,
        close_timeout: float = 10.0,
        on_transport: Callable[[str], None] | None = None,
        memory: Memory | bool = True,
        reconnect: bool = False,
        plain: bool = True,
        limits: ClientLimits | None = None,
    ) -> None:
        """Check what is asked for. Nothing is sent before the block is entered.

        Args:
            url: of the WebSocket endpoint; ``ws(s)`` and ``http(s)`` mean the same.
            transports: the transports to try, best first: names, a text such as
                ``"websocket, stream; patience=0.5, poll"``, or a `Preference`. By default what
                the environment's `BYWAY_TRANSPORTS` says, else all. One that is much slower than
                another of them is not used for its place in the list.
            headers: headers to add to every request and handshake; not those that a transport
                sets itself, such as `Host` and `Content-Type` (`byway.channel.OWN_HEADERS`). A
                `Cookie` is sent together with those that responses set; of two with one name, the
                response's is sent.
            subprotocols: what to offer to the application, best first.
            ssl: certificates and TLS settings; the system's by default.
            proxy: URL of a proxy; True for the environment's (`HTTPS_PROXY`, `HTTP_PROXY`,
                `ALL_PROXY`, `NO_PROXY`); None for none.
            open_timeout: seconds that all attempts together may take.
            close_timeout: seconds to wait for the server to acknowledge the close.
            on_transport: called with the name of the transport when another one comes into use,
                the first included. It must not block; its exceptions are logged.
            memory: what worked in earlier sessions, which the next begins with: a `Memory`, which
                may be kept in a file; True for the one that this process shares; False for none.
            reconnect: ``async for channel in connect(…, reconnect=True)`` gives one session after
                another; see `__aiter__`.
            plain: whether to go on as a plain WebSocket where the server does not speak byway: no
                other transport, and nothing is resumed. With False such an attempt has failed.
            limits: bounds; see `ClientLimits`.

        Raises:
            UsageError: an argument is wrong, or `BYWAY_HTTP` names a library that is not installed.
        """
        check_library()
        if not isinstance(plain, bool):
            raise UsageError(f"plain must be a bool, not {plain!r}")
        self._plain = plain
        self._reconnect = reconnect
        self._url = endpoint_url(url)
        self._preference = (
            Preference.from_environment() if transports is None else Preference.of(transports)
        )
        self._headers = header_list(headers)
        if isinstance(subprotocols, str):
            raise UsageError(f"subprotocols must be a list: write [{subprotocols!r}]")
        try:
            self._subprotocols = tuple(subprotocols)
        except TypeError:
            raise UsageError(
                f"subprotocols must be a list of names, not {subprotocols!r}"
            ) from None
        given: tuple[object, ...] = self._subprotocols
        for name in given:
            if not isinstance(name, str) or not valid_subprotocol(name):
                raise UsageError(f"subprotocol {name!r} is not a token of RFC 9110")
        if PROBE in self._subprotocols:
            raise UsageError(
                f"the subprotocol {PROBE!r} is reserved for byway: use byway.diagnose()"
            )
        check_tls(self._url, ssl)
        self._ssl = ssl
        self._proxy = proxy_for(self._url, proxy)
        self._open_timeout = _seconds("open_timeout", open_timeout)
        self._close_timeout = _seconds("close_timeout", close_timeout)
        if on_transport is not None and not callable(on_transport):
            raise UsageError(f"on_transport must be a function, not {on_transport!r}")
        if _is_async(on_transport):
            raise UsageError(
                "on_transport must be a plain function: byway does not await a coroutine"
            )
        self._on_transport = on_transport
        if not isinstance(memory, Memory | bool):
            raise UsageError(f"memory must be a byway.Memory or a bool, not {memory!r}")
        self._memory = memory if isinstance(memory, Memory) else SHARED if memory else None
        self._limits = client_limits(limits)
        if self._limits.max_frame < MAX_PART:
            raise UsageError(f"ClientLimits.max_frame must be at least {MAX_PART}")
        check_head(self._url, self._headers, self._subprotocols, self._limits)
        # The sessions of `reconnect` go on with one another's: a load balancer's server is one.
        self._cookies: Cookies | None = None
        self._channel: ClientChannel | PlainChannel | None = None

    @property
    def channel(self) -> ClientChannel | PlainChannel | None:
        """The channel of the block that runs; None outside of it."""
        return self._channel

    def __aiter__(self) -> AsyncIterator[Channel]:
        """Give one session after another, as long as they end for reasons that may pass.

        A session that survives a change of its network is no new one. A new turn of the loop is a
        new session, of which the server's handler knows nothing: what the last one had not
        acknowledged may or may not have arrived. There is no other after the block closed the
        channel, or the server did with a code that says that the same would come of it, such as
        1000 or 1008 (`byway.client.reconnect.CODES` has the others). Between two sessions there is
        a pause: the one that the server asks for with 1012, or with `Retry-After` where the process
        that had the session has ended, else up to a second, and more with each time in vain, up to
        a minute, with full jitter.

        Leaving the loop early closes the channel, once the iterator is closed; wrap it in
        `contextlib.aclosing` where that must not wait for the garbage collector.

        Raises:
            UsageError: `reconnect` was not asked for.
            Refused: the application refused a session.
        """
        if not self._reconnect:
            raise UsageError("to iterate over sessions, write connect(…, reconnect=True)")
        return self._sessions()

    async def _sessions(self) -> AsyncIterator[Channel]:
        loop = asyncio.get_running_loop()
        again = Reconnect()
        while True:
            began = loop.time()
            try:
                channel = await self.__aenter__()
            except NoTransport as error:
                pause = again.failed(error.retry_after)
                logger.info("no session: %s; trying again in %.1f s", _line(error), pause)
                await asyncio.sleep(pause)
                continue
            try:
                yield channel
            finally:
                closed_here = channel.closed_here or channel.code is None
                await self.__aexit__(None, None, None)
            lasted = loop.time() - began >= LASTING
            asked = channel.retry_after
            wait = again.ended(channel.code, channel.reason, lasted=lasted, retry_after=asked)
            if closed_here or wait is None:
                return
            logger.info("a session ended with %s; opening another in %.1f s", channel.code, wait)
            await asyncio.sleep(wait)

    async def __aenter__(self) -> ClientChannel | PlainChannel:
        """Open the channel.

        Raises:
            Refused: the application refused it.
            NoTransport: no transport got through. Responses that may be over in a moment (429,
                502, 503, 504, 511 and web pages in byway's place) are tried again until
                `open_timeout`, unless their `Retry-After` is later than that; byway's own 410
                once, with another session key.
        """
        if self._channel is not None:
            raise UsageError("this connect() has been used already: call connect() again")
        await loaded()
        # What follows has been imported.
        from byway.client.channels import ClientChannel, PlainChannel
        from byway.client.driver import Driver
        from byway.runtime import LiveSession
        from byway.transports.cookies import Cookies
        from byway.transports.dial import Dial

        key = new_key()
        url = httpx.URL(str(self._url))
        if self._cookies is None:
            most = room(self._url, self._headers, self._subprotocols, self._limits)
            self._cookies = Cookies(url, most)
        if self._ssl is None and self._url.scheme == "https":
            self._ssl = await in_thread(ssl_module.create_default_context)

        def make_dial(
            on_open: Callable[[Open, LiveCarrier, httpx.Headers], None],
            on_plain: Callable[[Plain], Awaitable[None]],
        ) -> Dial:
            return Dial(
                url=url,
                headers=self._headers,
                ssl=self._ssl,
                proxy=self._proxy,
                key=key,
                subprotocols=self._subprotocols,
                limits=self._limits,
                on_open=on_open,
                on_plain=on_plain if self._plain else _refuse_plain,
                cookies=self._cookies,
            )

        live = LiveSession(self._limits, name=name_of(key))
        logger.debug("session %s: HTTP requests are made with %s", live.name, library_name())
        driver = Driver(
            live,
            self._preference,
            make_dial,
            open_timeout=self._open_timeout,
            on_transport=self._on_transport,
            memory=self._memory,
        )
        try:
            await driver.open()
        except ConnectError as error:
            error.report = driver.report()
            raise
        if driver.plain is not None:
            self._channel = PlainChannel(driver, driver.plain, self._close_timeout)
        else:
            self._channel = ClientChannel(driver, self._close_timeout)
        return self._channel

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the channel and let go of everything."""
        channel, self._channel = self._channel, None
        assert channel is not None
        if kind is not None and issubclass(kind, asyncio.CancelledError | KeyboardInterrupt):
            await channel.aclose()
        else:
            await channel.close(1000 if kind is None else 1011)
            if self._memory is not None:
                await self._memory.flush(MEMORY_TIMEOUT)


def _seconds(name: str, value: object) -> float:
    """Return a number of seconds.

    Raises:
        UsageError: it is none, or not more than 0.
    """
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise UsageError(f"{name} must be a number of seconds, not {value!r}")
    try:
        number = float(value)
    except OverflowError:
        raise UsageError(f"{name} is too large") from None
    if not number > 0:  # nor is NaN
        raise UsageError(f"{name} must be more than 0 seconds")
    return number


async def _refuse_plain(plain: Plain) -> None:
    """Fail an attempt that has met a server without byway, where `plain=False`."""
    raise CarrierLost(
        "a WebSocket opened whose server does not speak byway (plain=False)", trouble=PLAIN
    )


def _is_async(function: object) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - an object's own, which may be async
    )


def _line(error: NoTransport) -> str:
    """Return the first line of an error's message."""
    return str(error).partition("\n")[0]
