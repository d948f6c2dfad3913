"""Does one thing with all proxies, several at a time, since most of it is waiting.

Knows: how many at a time, and how a test gets its own proxy's outcome.
Must not know: what is done.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Final, TypeVar

from tests.proxies.clients import Client, Opener
from tests.proxies.variants import Variant
from tests.proxies.world import Way, World

LAST_WORDS: Final = 0.5
"""Seconds that connections which were given up have for TLS's farewell; nothing tells of it."""

Outcomes = Mapping[Variant, "BaseException | None"]


T = TypeVar("T")


@asynccontextmanager
async def all_of(openers: Iterable[Opener]) -> AsyncIterator[list[Client]]:
    """Start several clients."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(one()) for one in openers]


def together(
    world: World,
    variants: Iterable[Variant],
    do: Callable[[T, Way], Awaitable[None]],
    *,
    at_once: int,
    using: Callable[[], AbstractAsyncContextManager[T]],
) -> Outcomes:
    """Do it with each; return what each raised, for `settle`.

    Args:
        world: where they run.
        variants: which proxies.
        do: called with what is used, and the way through a proxy.
        at_once: with how many at a time.
        using: starts what is used in the event loop of all this.
    """
    wanted = list(variants)
    for one in wanted:
        world.way(one)

    async def run() -> list[BaseException | None]:
        slots = asyncio.Semaphore(at_once)
        async with using() as used:

            async def with_slot(variant: Variant) -> None:
                async with slots:
                    await do(used, world.way(variant))

            outcomes = await asyncio.gather(*map(with_slot, wanted), return_exceptions=True)
            await asyncio.sleep(LAST_WORDS)
            return outcomes

    outcomes = asyncio.run(run())
    gc.collect()  # here, where what httpcore has left is passed over
    return dict(zip(wanted, outcomes, strict=True))


def settle(outcomes: Outcomes, variant: Variant) -> None:
    """Raise what was raised at one of them."""
    if (error := outcomes[variant]) is not None:
        raise error
