"""The registry: the sessions of this process, the refused and the ended ones.

Knows: keys by their hashes, and how many of each there may be.
Must not know: requests, transports, what an application does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus
from secrets import compare_digest
from typing import Final

from byway.backplane import Backplane
from byway.errors import ELSEWHERE, ENDED, UNKNOWN, PeerError
from byway.handshake import Hello
from byway.keys import key_hash, new_instance, owner_of
from byway.limits import ServerLimits
from byway.runtime import LiveSession
from byway.server.application import ApplicationRun, Denied
from byway.server.counts import Counts
from byway.server.identity import Identity
from byway.server.lives import Hosted, Life, Lives, Record
from byway.server.process import process_name
from byway.server.quota import Quota
from byway.session import BYWAY, Peer

logger: logging.Logger = logging.getLogger("byway.server")

NOT_KNOWN: Final = "this server does not know this session"

BELONGS_ELSEWHERE: Final = (
    "this session belongs to another process: several serve this address without sharing "
    "sessions, or the server was restarted"
)


class SessionGone(PeerError):
    """The session asked for, or this run of its handler, is not here; `gone` says why."""

    def __init__(self, message: str, gone: str) -> None:
        """Keep what became of it."""
        super().__init__(message, status=410, gone=gone)


class Registry:
    """Sessions by the hash of their key.

    Attributes:
        draining: no new session is admitted any more.
        counts: what has been done here, for whoever wants to see it.
        backplane: is told what becomes of claimed sessions; None before there is one.
    """

    def __init__(self, limits: ServerLimits) -> None:
        """Start empty."""
        self.draining = False
        self.backplane: Backplane | None = None
        self.counts: Counts = Counts()
        self._limits = limits
        self._lives = Lives(limits)
        self._tasks: set[asyncio.Task[None]] = set()
        self._quota = Quota(limits)

    def __len__(self) -> int:
        """Count the sessions, probes not among them."""
        return self._lives.living

    @property
    def sessions(self) -> list[Hosted]:
        """The sessions of this moment."""
        return list(self._lives)

    def without_probes(self) -> list[Hosted]:
        """Return the sessions of this moment that are no probes. It may be called in any thread."""
        return [one for one in self._lives if not one.probe]

    def keeps(self, digest: bytes) -> bool:
        """Say whether a key is that of a session here, or of one that is remembered."""
        return digest in self._lives

    def find(
        self, hello: Hello, identity: Identity, *, peer: Peer = BYWAY
    ) -> Hosted | Denied | None:
        """Look a session up by its whole key.

        Args:
            hello: what the client said.
            identity: who asks.
            peer: what the client of this request is able to do.

        Returns:
            The session; the refusal that the same client has just got; or None, if the client
            asks for a new session and may have one.

        Raises:
            SessionGone: it asks for a session, or a run of the handler, that is not here, or for
                one that has ended.
            PeerError: 403, if the session is another user's; 429 or 503, if there is no room for
                a new one.
        """
        record = self._lives.records.get(key_hash(hello.key))
        hosted = None if record is None else record.hosted
        instance = hello.instance
        if hosted is not None:
            if identity.user is not None or hosted.opened_by.user is not None:
                _check_owner(identity, hosted.opened_by)
            own = instance is None or compare_digest(instance.encode(), hosted.instance.encode())
            if own and hosted.live.core.peer == peer:
                return hosted
        # A client may have opened its session here as well, without going on with it: what is here
        # says nothing of a run elsewhere.
        if instance is not None and owner_of(instance) not in (None, process_name()):
            raise SessionGone(BELONGS_ELSEWHERE, ELSEWHERE)
        if hosted is not None:
            if hosted.live.core.peer != peer:
                raise SessionGone(NOT_KNOWN, UNKNOWN)
            raise SessionGone("this session runs in another instance", UNKNOWN)
        if record is not None:
            now = asyncio.get_running_loop().time()
            refusal = record.refusal if record.refused_until > now else None
            if refusal is not None:
                if not refusal.may_retry(identity.credentials, record.opened_by.credentials):
                    _check_owner(identity, record.opened_by)
                    refusal.remembered = True
                    return refusal
            elif record.ended_until > now:
                raise SessionGone("this session has ended", ENDED)
        if hello.instance is not None:
            raise SessionGone(NOT_KNOWN, UNKNOWN)
        if self.draining:
            raise PeerError("the server is shutting down", status=503)
        if not hello.probe:
            self._quota.check(identity.address)
        return None

    def open(
        self,
        hello: Hello,
        identity: Identity,
        start: Callable[[LiveSession], ApplicationRun],
        *,
        peer: Peer = BYWAY,
        limits: ServerLimits | None = None,
        claimed: bool = False,
    ) -> Hosted:
        """Open a session, for which `find` returned None, and start its application.

        Args:
            hello: what the client said.
            identity: who asked for it.
            start: starts the application on the live session.
            peer: what the client is able to do.
            limits: bounds of the session where it has its own.
            claimed: the backplane has a claim for it.
        """
        digest = key_hash(hello.key)
        instance = new_instance(process_name())
        live = LiveSession(
            limits or self._limits,
            name=digest.hex()[:8],
            peer=peer,
            on_finished=lambda _: self._bury(digest),
            level=logging.DEBUG if hello.probe else logging.INFO,
        )
        if peer.has_uplink:
            live.expect_words()
        self._keep_no_more(digest)  # other credentials were asked for, and came
        run = start(live)
        self._tasks.add(run.task)
        run.task.add_done_callback(self._tasks.discard)
        hosted = Hosted(instance, live, run, identity, claimed, hello.probe)
        self._lives.begin(digest, hosted)
        if not hello.probe:
            self._quota.take(identity.address)
            run.task.add_done_callback(lambda _: self._leave_if_over(hosted))
        return hosted

    def _leave_if_over(self, hosted: Hosted) -> None:
        if hosted.run.task.done() and hosted.live.finished.is_set():
            self._quota.leave(hosted.opened_by.address)

    async def wait_for_handlers(self) -> None:
        """Wait until the applications' runs have ended; cancel what is late."""
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=self._limits.handler_timeout)
        for task in late:
            logger.warning(
                "%s was still running after the server had stopped, so it was cancelled",
                task.get_name(),
            )
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=self._limits.handler_timeout)

    def deny(self, hello: Hello, hosted: Hosted, denied: Denied) -> None:
        """Remember that the application refused this client, and let the session go."""
        record = self._lives.records.get(key_hash(hello.key))
        if record is None or record.hosted is not hosted:
            return
        self._lives.refuse(record, denied, asyncio.get_running_loop().time())
        hosted.live.abort(1006, "refused by the application")

    def accept(self, hello: Hello, hosted: Hosted) -> None:
        """Note that the application has accepted this client."""
        record = self._lives.records.get(key_hash(hello.key))
        if record is not None and record.hosted is hosted:
            record.life = Life.OPEN

    def _bury(self, digest: bytes) -> None:
        record = self._lives.records.get(digest)
        if record is None or (hosted := record.hosted) is None:
            return
        if not hosted.probe:
            self._leave_if_over(hosted)
            self.counts.ended.add(hosted.live.core)
        if hosted.claimed:
            self._give_up(digest, record)
        self._lives.end(digest, record, asyncio.get_running_loop().time())

    def _give_up(self, digest: bytes, record: Record) -> None:
        """Tell the backplane that a claimed session has ended."""
        backplane, refusal = self.backplane, record.refusal
        assert backplane is not None
        if refusal is not None and refusal.status == HTTPStatus.UNAUTHORIZED:
            # It may be asked for again, with other credentials: until then the claim stays.
            record.claim_timer = asyncio.get_running_loop().call_later(
                self._limits.refusal_age, self._end_claim, digest, record
            )
        else:
            backplane.ended(digest, refused=refusal is not None)

    def _end_claim(self, digest: bytes, record: Record) -> None:
        record.claim_timer = None
        now = self._lives.records.get(digest)
        if (now is None or now.hosted is None) and self.backplane is not None:
            self.backplane.ended(digest)

    def _keep_no_more(self, digest: bytes) -> bool:
        """Do not end a claim later; say whether that was to come."""
        record = self._lives.records.get(digest)
        if record is None or record.claim_timer is None:
            return False
        record.claim_timer.cancel()
        record.claim_timer = None
        return True

    def give_back(self, hello: Hello) -> bool:
        """Give back the claim of a key that may be asked for again, with other credentials.

        It is for an attempt with these that another process has handed over: only the process that
        got it may open the session, and it needs the claim.

        Args:
            hello: what the client said; `find` returned None for it.

        Returns:
            Whether there was such a claim.
        """
        digest = key_hash(hello.key)
        if self.backplane is None or not self._keep_no_more(digest):
            return False
        self._lives.forget(digest)
        self.backplane.release(digest)
        return True


def _check_owner(identity: Identity, opened_by: Identity) -> None:
    if not identity.owns(opened_by):
        # It comes before everything else that could be said of the session.
        raise PeerError("this request may not use this session", status=403)
