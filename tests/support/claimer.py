"""A process that claims many keys of a Redis, beside others that claim the same, and says whose.

    python -m tests.support.claimer URL NAME PROCESSES KEYS

It begins when so many processes are there, in an order of its own, and prints a JSON object:
the names of the owners, by key.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from hashlib import sha256

from byway.backplane import Link, Unavailable
from byway.backplane.redis import RedisBackplane

AT_ONCE = 50


async def serve(link: Link, payload: bytes) -> None:
    """Take no calls."""


async def main(url: str, name: str, processes: int, keys: int) -> None:
    """Claim the keys, each until it is known whose it is."""
    backplane = RedisBackplane(url).bind(name)
    await backplane.start(serve)
    while True:
        try:
            if len(await backplane.processes()) >= processes:
                break
        except Unavailable:
            pass
        await asyncio.sleep(0.05)  # nothing tells when they have come: look again
    owners: dict[int, str] = {}
    turns = asyncio.Semaphore(AT_ONCE)

    async def claim(number: int) -> None:
        async with turns:
            while number not in owners:
                try:
                    found = backplane.claim(sha256(b"%d" % number).digest())
                    assert asyncio.iscoroutine(found)
                    owners[number] = (await found).owner
                except Unavailable:
                    await asyncio.sleep(0.1)  # as a client does that is answered 503

    order = list(range(keys))
    random.Random(name).shuffle(order)
    await asyncio.gather(*(claim(one) for one in order))
    sys.stdout.write(f"claimed {json.dumps(owners)}\n")
    sys.stdout.flush()
    await backplane.aclose()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
