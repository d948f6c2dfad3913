"""A client that gets through, over whatever transport that takes.

Run it: python examples/client.py http://127.0.0.1:8000/
"""

import asyncio
import sys

import byway


async def main(url: str) -> None:
    """Say something and print what comes back."""
    async with byway.connect(url) as channel:
        print("connected over", channel.transport)
        print(await channel.receive())
        await channel.send("are you there?")
        print(await channel.receive())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
