"""What endpoints of one event loop share: it stays bounded, and goes with the loop."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest

from byway.backplane import NoBackplane
from byway.errors import UsageError
from byway.limits import ServerLimits
from byway.server import sharing
from byway.server.counts import Counts
from byway.server.loop_endpoints import LoopEndpoints, endpoints_of_loop
from byway.server.sharing import Sharing


class Target:
    """An endpoint."""

    async def serve_relayed(self, handed: Any, told: dict[str, Any]) -> None:
        """Serve nothing."""

    def serve_request(self, link: Any, request: Any) -> None:
        """Serve nothing."""


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Be an application."""


def shares(target: Target, endpoints: LoopEndpoints) -> Sharing:
    one = Sharing(False, None, app, None, ServerLimits(), Counts())
    one.take(endpoints)
    one.place({"root_path": "/first"}, target)
    return one


@pytest.mark.parametrize("leaves", [True, False])
def test_an_event_loop_that_is_closed_is_kept_by_nobody(leaves: bool) -> None:
    """A test suite has hundreds of them."""

    async def serve() -> weakref.ref[asyncio.AbstractEventLoop]:
        one = Sharing(False, None, app, None, ServerLimits(), Counts())
        one.take(one.find())
        if leaves:
            await one.leave()
        return weakref.ref(asyncio.get_running_loop())

    loop = asyncio.run(serve())
    gc.collect()
    assert loop() is None


async def test_paths_with_a_parameter_take_a_bounded_number_of_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The `root_path` of `Mount("/{room}", endpoint)` says whatever a client wants."""
    monkeypatch.setattr(sharing, "ROOTS", 5)
    endpoints = endpoints_of_loop(False, ServerLimits())
    target, another = Target(), Target()
    one = shares(target, endpoints)
    called = {one.place({"root_path": f"/{room}"}, target) for room in range(50)}
    assert len(called) == 50  # each process says the same, whatever it has seen before
    assert len(one._places) == len(endpoints._named) == 5
    assert all(endpoints.find(name) is target for name in called)
    assert endpoints.find("another.app /1") is None
    # The mounts that were seen before keep what is theirs.
    other = Sharing(False, None, app, None, ServerLimits(), Counts())
    other.take(endpoints)
    assert endpoints.find(other.place({"root_path": "/other"}, another)) is another
    for room in range(50, 54):
        other.place({"root_path": f"/{room}"}, another)
    with pytest.raises(UsageError, match="give each its own name="):
        other.place({"root_path": "/54"}, another)


async def test_what_was_given_for_one_desk_leads_to_no_other() -> None:
    """It is known by its id, which a later one could have, were it not kept."""
    seen = [endpoints_of_loop(lambda name: NoBackplane(name), ServerLimits()) for _ in range(20)]
    assert len(set(map(id, seen))) == len(seen)
