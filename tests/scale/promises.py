"""What the design promises, held against a run that has come to rest.

P1 the handler of a key runs at most once (checked where it runs). P2 nothing is lost, doubled or
reordered (checked at each message). P3 nothing stalls, and no session ends while its owner lives
and faults are shorter than the window. P4 a clear end, soon, when it has died. P5 nothing of
another session. P6 who is refused gets that refusal, wherever it asks.

Knows: the promises.
Must not know: how they are kept.
"""

from __future__ import annotations

from tests.scale.client import Client
from tests.scale.faults import Faults
from tests.scale.figures import PATIENCE, REFUSAL, SETTLE, WINDOW
from tests.scale.life import NOBODY, Living, is_refused
from tests.scale.world import Violation, World

LATEST = 60.0
"""Seconds within which everybody learns that the owner has died, whatever else goes wrong."""

REST = 75.0
"""Seconds without faults, after which everything has come to rest."""


def hold(world: World, faults: Faults, ended: list[Client]) -> None:
    """Compare.

    Args:
        world: at rest.
        faults: that there were.
        ended: clients that had ended before it became quiet.

    Raises:
        Violation: a promise was broken.
    """
    for client in world.clients:
        world.statistics["clients"] += 1
        if client.left:
            world.statistics["left"] += 1
        elif is_refused(client.key):
            _refused(world, faults, client)
        elif client.owner is None:
            _never_opened(world, faults, client)
        elif client.owner.alive and not client.owner.frozen:
            _goes_on(world, client, client.owner)
        else:
            _learns(world, client, client.owner, early=client in ended)


def _never_opened(world: World, faults: Faults, client: Client) -> None:
    world.statistics["never opened"] += 1
    if client.ended is None:
        raise Violation(f"P3: {client.key} neither opens nor ends")
    when, why = client.ended
    if faults.deaths:
        return
    if why.startswith("no carrier"):
        since = when - WINDOW / 2
        kinds = ("pause", "refuse", "full")
        if world.calm(since - SETTLE, when) and world.spared(since, when, kinds):
            raise Violation(f"P3: {client.key} was not let in, though nobody died: {why}")
    elif why.startswith("503"):
        # It may only be told to come back where something is wrong for longer than openings wait.
        if NOBODY in why and when < client.began + PATIENCE - 1.0:
            raise Violation(f"P3: {client.key} was told to come back at once: {why}")
        if "no room" not in why and world.spared(client.began - PATIENCE, when):
            raise Violation(f"P3: {client.key} was told to come back: {why}")
    else:
        raise Violation(f"P3: {client.key} was not let in, though nobody died: {why}")


def _refused(world: World, faults: Faults, client: Client) -> None:
    world.statistics["refused"] += 1
    if client.ended is None:
        raise Violation(f"P6: {client.key} is neither refused nor ended")
    when, why = client.ended
    runs = world.runs.get(client.key)
    if why == "403" or faults.deaths or not runs:
        return
    process, since = runs[0]
    if why.startswith("410") and when < since + REFUSAL and world.lost_at < client.began:
        raise Violation(f"P6: {client.key} was refused on {process.name}, but told {why}")


def _goes_on(world: World, client: Client, owner: Living) -> None:
    if client.ended is not None:
        raise Violation(f"P3: {client.key} ended although its owner lives: {client.ended}")
    session = owner.runs.get(client.key)
    if session is None:
        raise Violation(f"P3: {client.key} goes on without a session")
    if session.got != client.sent or client.got != session.sent:
        up, down = f"{session.got} of {client.sent}", f"{client.got} of {session.sent}"
        raise Violation(f"P3: {client.key} stalls: up {up}, down {down}")
    world.statistics["survived"] += 1
    world.statistics["messages"] += client.sent + session.sent


def _learns(world: World, client: Client, owner: Living, *, early: bool) -> None:
    if client.ended is None:
        raise Violation(f"P4: {client.key} has not learnt that its owner has died")
    when, why = client.ended
    took = when - owner.died
    world.statistics["ended, owner dead"] += 1
    if took > LATEST:
        raise Violation(f"P4: {client.key} learnt after {took:.0f} s: {why}")
    if took < 0:
        raise Violation(f"P3: {client.key} ended although its owner lived: {client.ended}")
    limit = _promised(world, owner)
    if took > limit:
        raise Violation(f"P4: {client.key} learnt after {took:.0f} s instead of {limit}: {why}")
    if limit < LATEST and not why.startswith("410"):
        raise Violation(f"P4: {client.key} got no clear end: {why}")


def _promised(world: World, owner: Living) -> float:
    """Return within how many seconds of its death its clients are told, if all else is well."""
    died = owner.died
    if not world.calm(died - 60.0, died + 45.0):
        return LATEST
    if not world.spared(died - 9.0, died) or not world.spared(died + 0.001, died + 45.0):
        return LATEST
    if world.setting.meeting == "workers":  # the lock of a frozen process is held
        return LATEST if owner.frozen else 3.0
    return 45.0 if owner.frozen or owner.vanished else 20.0
