"""Admission: from what a client says first to a session whose application has accepted it.

Knows: the registry, the application, and how long it may take to decide.
Must not know: transports, how an answer is sent.
"""

from __future__ import annotations

import asyncio
import logging
from urllib.parse import quote

from byway.errors import PeerError
from byway.handshake import Hello
from byway.limits import Limits
from byway.live import LiveSession
from byway.server.application import Accepted, Application, ApplicationRun, Denied, websocket_scope
from byway.server.probe import Probes
from byway.server.registry import Hosted, Registry
from byway.transports.base import Scope

logger: logging.Logger = logging.getLogger("byway.server")


class Admission:
    """Lets clients in: to the session that they have, or to a new one.

    Attributes:
        registry: the sessions of this process.
    """

    def __init__(self, app: Application, limits: Limits) -> None:
        """Admit to this application."""
        self.registry: Registry = Registry(limits)
        self._probes = Probes(limits)
        self._app = app
        self._limits = limits

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
            PeerError: 410 or 503, see `Registry.find`; 504, if the application takes too long;
                429, if there are too many probes.
        """
        found = self.registry.find(hello)
        if isinstance(found, Denied):
            return found
        hosted = found or self._open(scope, hello, ring=ring)
        timeout = self._limits.handshake_timeout
        try:
            async with asyncio.timeout(timeout):
                decision = await asyncio.shield(hosted.run.decision)
        except asyncio.CancelledError:
            if not hosted.live.attachments:
                hosted.live.start_window()  # whoever opened it may not come back
            raise
        except TimeoutError:
            hosted.live.abort(1006, "the application did not answer the handshake")
            raise PeerError(
                f"the application neither accepted nor refused within {timeout:g} s", status=504
            ) from None
        if isinstance(decision, Denied):
            self.registry.deny(hello, decision)
            return decision
        if not hosted.live.attachments:
            hosted.live.start_window()
        return hosted, decision

    def _open(self, scope: Scope, hello: Hello, *, ring: bool) -> Hosted:
        if hello.probe:
            return self.registry.open(hello, self._probes.admit(scope), limits=self._probes.limits)

        def start(live: LiveSession) -> ApplicationRun:
            logger.info("session %s opened at %s", live.name, quote(scope["path"]))
            return ApplicationRun(self._app, websocket_scope(scope, hello.subprotocols), live)

        return self.registry.open(hello, start, ring=ring)
