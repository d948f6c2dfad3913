"""Admission: from what a client says first to a session whose application has accepted it.

Knows: the registry, the application, and how long it may take to decide.
Must not know: transports, how an answer is sent.
"""

from __future__ import annotations

import asyncio
import logging
from urllib.parse import quote

from byway.errors import UNKNOWN, FrameError, PeerError
from byway.handshake import Hello
from byway.limits import Limits
from byway.live import LiveSession
from byway.server.application import Accepted, Application, ApplicationRun, Denied, websocket_scope
from byway.server.probe import Probes
from byway.server.registry import NOT_KNOWN, Hosted, Registry, SessionGone
from byway.server.who import Bind, Who, who_asks
from byway.transports.base import Scope

logger: logging.Logger = logging.getLogger("byway.server")


class Admission:
    """Lets clients in: to the session that they have, or to a new one.

    Attributes:
        registry: the sessions of this process.
    """

    def __init__(self, app: Application, limits: Limits, bind: Bind | None = None) -> None:
        """Admit to this application.

        Args:
            app: the application.
            limits: bounds.
            bind: says whose a request is. Only its opener's requests reach a session then.
        """
        self.registry: Registry = Registry(limits)
        self._probes = Probes(limits)
        self._app = app
        self._limits = limits
        self._bind = bind

    async def admit(
        self, scope: Scope, hello: Hello, *, ring: bool = False
    ) -> tuple[Hosted, Accepted] | Denied:
        """Find or open the session, and wait for the application's decision.

        Several attempts of one client may wait at once; the application runs once.

        Args:
            scope: of the call that asks. A new session's application sees what it says.
            hello: what the client said.
            ring: a new session is for somebody who only reads.

        Raises:
            PeerError: 403, 410, 429 or 503, see `Registry.find`; 504, if the application takes
                too long.
        """
        who = await who_asks(self._bind, scope)
        return await self._admit(scope, hello, who, ring=ring, again=True)

    async def _admit(
        self, scope: Scope, hello: Hello, who: Who, *, ring: bool, again: bool
    ) -> tuple[Hosted, Accepted] | Denied:
        # Nothing may wait between the two: two attempts of one client would run two handlers.
        found = self.registry.find(hello, who, ring=ring)
        if isinstance(found, Denied):
            return found
        hosted = found or self._open(scope, hello, who, ring=ring)
        decision = await self._decision(hosted)
        if isinstance(decision, Denied):
            self.registry.deny(hello, hosted, decision)
            if again and decision.may_retry(who.credentials, hosted.who.credentials):
                # It waited for the decision on another attempt, with other credentials. Once is
                # enough for a client: many with one key could keep each other waiting.
                return await self._admit(scope, hello, who, ring=ring, again=False)
            return decision
        if not hosted.live.attachments:
            hosted.live.start_window()
        return hosted, decision

    async def _decision(self, hosted: Hosted) -> Accepted | Denied:
        """Wait for the application's decision on a session."""
        timeout = self._limits.handshake_timeout
        try:
            async with asyncio.timeout(timeout):
                return await asyncio.shield(hosted.run.decision)
        except asyncio.CancelledError:
            if not hosted.live.attachments:
                hosted.live.start_window()  # whoever opened it may not come back
            raise
        except TimeoutError:
            hosted.live.abort(1006, "the application did not answer the handshake")
            raise PeerError(
                f"the application neither accepted nor refused within {timeout:g} s", status=504
            ) from None

    async def find(self, scope: Scope, hello: Hello, *, ring: bool = False) -> Hosted:
        """Find the session of a request that can open none.

        Raises:
            FrameError: it does not say which run of the handler it is for.
            PeerError: 403, or 410 as a `SessionGone`, see `Registry.find`.
        """
        if hello.instance is None and not ring:
            raise FrameError("a batch must name its instance")
        who = await who_asks(self._bind, scope)
        found = self.registry.find(hello, who, ring=ring)
        if not isinstance(found, Hosted):
            raise SessionGone(NOT_KNOWN, UNKNOWN)
        return found

    def _open(self, scope: Scope, hello: Hello, who: Who, *, ring: bool) -> Hosted:
        if hello.probe:
            probe = self._probes.admit(scope, who.address)
            return self.registry.open(hello, who, probe, limits=self._probes.limits)

        def start(live: LiveSession) -> ApplicationRun:
            logger.info(
                "session %s opened at %s", live.name, quote(scope["path"], errors="replace")
            )
            return ApplicationRun(self._app, websocket_scope(scope, hello.subprotocols), live)

        return self.registry.open(hello, who, start, ring=ring)
