"""Admission: from what a client says first to a session whose application has accepted it.

Knows: the registry, the backplane's claims, the application, and how long it may take to decide.
Must not know: transports, how a response is sent.
"""

from __future__ import annotations

import asyncio
import logging
from urllib.parse import quote

from byway.backplane import Backplane, Claim, Unavailable
from byway.errors import ENDED, UNKNOWN, FrameError, PeerError
from byway.handshake import Hello
from byway.keys import key_hash
from byway.limits import ServerLimits
from byway.runtime import LiveSession
from byway.server.application import Accepted, Application, ApplicationRun, Denied, websocket_scope
from byway.server.call import Call
from byway.server.call_frame import check_user
from byway.server.claims import AGAIN, Claims, undecided
from byway.server.identity import Bind, Identity
from byway.server.lives import Hosted
from byway.server.probe import Probes
from byway.server.process import process_name
from byway.server.registry import NOT_KNOWN, Registry, SessionGone
from byway.session import BYWAY, Peer
from byway.transports.base import Scope

logger: logging.Logger = logging.getLogger("byway.server")


class Elsewhere(Exception):
    """Another process is the owner of the session asked for.

    Attributes:
        owner: its name.
    """

    def __init__(self, owner: str) -> None:
        """Keep its name."""
        super().__init__(owner)
        self.owner = owner


class GivenBack(PeerError):
    """The claim was given back just now: the process that has handed the call over may open."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("this key may be asked for again", status=503, retry_after=AGAIN)


class Admission:
    """Lets clients in: to the session that they have, or to a new one.

    It is the port between a request and its session. An opening asks the backplane whose its key
    is; that may have to be awaited. Then `enter`, a plain function, finds the session or opens it:
    nothing can wait between the two, or attempts of one client would run several handlers.

    Attributes:
        registry: the sessions of this process.
    """

    def __init__(self, app: Application, limits: ServerLimits, bind: Bind | None = None) -> None:
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
        self.bind: Bind | None = bind
        self._claims: Claims | None = None  # while no session is shared, nothing is asked

    def use(self, backplane: Backplane) -> None:
        """Share the sessions with the processes of a backplane."""
        self.registry.backplane = backplane
        self._claims = None
        if not backplane.alone:
            timeout = self._limits.handshake_timeout
            self._claims = Claims(backplane, timeout, self.registry.keeps)

    async def admit(
        self, call: Call, hello: Hello, *, peer: Peer = BYWAY
    ) -> tuple[Hosted, Accepted] | Denied:
        """Find or open the session, and wait for the application's decision.

        Several attempts of one client may wait at once; the application runs once.

        Args:
            call: the call that asks. A new session's application sees what its scope says.
            hello: what the client said.
            peer: what the client of a new session is able to do. A reader's key is this process'
                own.

        Raises:
            Elsewhere: another process is the owner of the session, or of the key.
            PeerError: 403, 410, 429 or 503, see `Registry.find`; 503 too, if nobody can say now
                whose the key is; 500, if `bind` says what cannot be shared; 504, if the
                application takes too long.
        """
        identity = await call.identity(self.bind)
        if hello.instance is not None:  # most calls go on with a session that was accepted
            found = self.registry.find(hello, identity, peer=peer)
            if isinstance(found, Hosted) and (accepted := found.run.accepted) is not None:
                if not found.live.carriers:
                    found.live.start_window()
                return found, accepted
        return await self._admit(call, hello, identity, peer=peer, again=True)

    async def _admit(
        self, call: Call, hello: Hello, identity: Identity, *, peer: Peer, again: bool
    ) -> tuple[Hosted, Accepted] | Denied:
        if self._claims is None and call.relayed is None:
            found: Hosted | Denied = self.enter(call, hello, identity, peer=peer)
        else:
            found = await self._enter_shared(call, hello, identity, peer=peer)
        if not isinstance(found, Hosted):
            return found
        hosted = found
        decision = await self._decision(hosted)
        if isinstance(decision, Denied):
            self.registry.deny(hello, hosted, decision)
            if again and decision.may_retry(identity.credentials, hosted.opened_by.credentials):
                # It waited for the decision on another attempt, with other credentials. Once is
                # enough for a client: many with one key could keep each other waiting.
                return await self._admit(call, hello, identity, peer=peer, again=False)
            return decision
        self.registry.accept(hello, hosted)
        if not hosted.live.carriers:
            hosted.live.start_window()
        return hosted, decision

    def enter(
        self,
        call: Call,
        hello: Hello,
        identity: Identity,
        *,
        peer: Peer = BYWAY,
        claimed: bool = False,
    ) -> Hosted | Denied:
        """Find the session, or open it at once: it is no coroutine, so nothing waits in between.

        Args:
            call: the call that asks.
            hello: what the client said.
            identity: who asks.
            peer: what the client of a new session is able to do.
            claimed: the backplane has given this process the claim for a new session.

        Raises:
            PeerError: see `Registry.find`.
        """
        found = self.registry.find(hello, identity, peer=peer)
        if found is None:
            return self._open(call.scope, hello, identity, peer=peer, claimed=claimed)
        return found

    async def _enter_shared(
        self, call: Call, hello: Hello, identity: Identity, *, peer: Peer
    ) -> Hosted | Denied:
        """Find or open a session that the processes of a backplane share."""
        found = self.registry.find(hello, identity, peer=peer)
        if found is not None:
            return found
        if call.relayed is not None:
            return await self._find_relayed(hello, identity, peer=peer)
        check_user(identity.user)
        if not peer.has_uplink:
            return self.enter(call, hello, identity, peer=peer)  # nobody else knows its key
        assert self._claims is not None
        digest = key_hash(hello.key)
        try:
            asked = self._claims.ask(digest)
        except Unavailable as error:
            raise undecided(str(error)) from None
        if isinstance(asked, Claim):
            try:
                return self._enter_as(asked, call, hello, identity)
            finally:
                self._claims.give_back(asked, digest)
        with asked:
            claim = await asked.wait()
            return self._enter_as(claim, call, hello, identity)

    def _enter_as(
        self, claim: Claim, call: Call, hello: Hello, identity: Identity
    ) -> Hosted | Denied:
        """Do what a claim says; no coroutine either."""
        if claim.owner and claim.owner != process_name():
            raise Elsewhere(claim.owner)
        if not claim.ended:
            return self.enter(call, hello, identity, claimed=True)
        found = self.registry.find(hello, identity)
        if found is None:
            raise SessionGone("this session has ended", ENDED)
        return found

    async def _find_relayed(
        self, hello: Hello, identity: Identity, *, peer: Peer
    ) -> Hosted | Denied:
        """Find the session that an opening asks for which another process has handed over.

        It opens none: a claim is never taken over, and the call's own process has what a scope
        holds that cannot travel. Where this process is just about to open it, it waits for that.

        Raises:
            GivenBack: it was refused here, and may be asked for again with these credentials.
            PeerError: 503, if it is not here; see also `Registry.find`.
        """
        if self._claims is not None:
            while await self._claims.held(key_hash(hello.key)):
                found = self.registry.find(hello, identity, peer=peer)
                if found is not None:
                    return found
        if peer.has_uplink and hello.instance is None and self.registry.give_back(hello):
            raise GivenBack
        raise undecided("its process is opening it now, or has just given it up")

    async def _decision(self, hosted: Hosted) -> Accepted | Denied:
        """Wait for the application's decision on a session."""
        timeout = self._limits.handshake_timeout
        try:
            async with asyncio.timeout(timeout):
                return await asyncio.shield(hosted.run.decision)
        except asyncio.CancelledError:
            if not hosted.live.carriers:
                hosted.live.start_window()  # whoever opened it may not come back
            raise
        except TimeoutError:
            hosted.live.abort(1006, "the application did not respond to the handshake")
            raise PeerError(
                f"the application neither accepted nor refused within {timeout:g} s", status=504
            ) from None

    async def find(self, call: Call, hello: Hello, *, peer: Peer = BYWAY) -> Hosted:
        """Find the session of a request that can open none.

        Raises:
            FrameError: it does not say which run of the handler it is for.
            PeerError: 403, or 410 as a `SessionGone`, see `Registry.find`.
        """
        if hello.instance is None and peer.has_uplink:
            raise FrameError("a batch must name its instance")
        identity = await call.identity(self.bind)
        found = self.registry.find(hello, identity, peer=peer)
        if not isinstance(found, Hosted):
            raise SessionGone(NOT_KNOWN, UNKNOWN)
        return found

    def _open(
        self, scope: Scope, hello: Hello, identity: Identity, *, peer: Peer, claimed: bool
    ) -> Hosted:
        if hello.probe:
            probe = self._probes.admit(scope, identity.address)
            limits = self._probes.limits
            return self.registry.open(hello, identity, probe, limits=limits, claimed=claimed)

        def start(live: LiveSession) -> ApplicationRun:
            logger.info(
                "session %s opened at %s", live.name, quote(scope["path"], errors="replace")
            )
            return ApplicationRun(self._app, websocket_scope(scope, hello.subprotocols), live)

        return self.registry.open(hello, identity, start, peer=peer, claimed=claimed)
