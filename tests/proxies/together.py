"""Does one thing with all proxies, several at a time, since most of it is waiting.

Knows: how many at a time, and how a test gets its own proxy's outcome.
Must not know: what is done.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final

import pytest

from tests.proxies.variants import Variant
from tests.proxies.world import Way, World

LAST_WORDS: Final = 0.5
"""Seconds that connections which were given up have for TLS's farewell; nothing tells of it."""

UNCLOSED: Final = [
    pytest.mark.filterwarnings(f"ignore:unclosed {what}:ResourceWarning")
    for what in ("<socket.socket", "transport <_SelectorSocketTransport")
]
"""For tests in which requests are given up at any moment. Where that is in the midst of a TLS
handshake, httpcore 1.0 leaves its connection to Python, which closes it and calls it unclosed: its
`start_tls` closes for an `Exception`, and `CancelledError` is none. Nothing else is passed over."""

Outcomes = Mapping[Variant, "BaseException | None"]


def together(
    world: World,
    variants: Iterable[Variant],
    do: Callable[[Way], Awaitable[None]],
    *,
    at_once: int,
) -> Outcomes:
    """Do it with each; return what each raised, for `settle`."""
    wanted = list(variants)
    for one in wanted:
        world.way(one)

    async def run() -> list[BaseException | None]:
        slots = asyncio.Semaphore(at_once)

        async def with_slot(variant: Variant) -> None:
            async with slots:
                await do(world.way(variant))

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
