"""A handler, served over every transport.

Run it: uvicorn examples.endpoint_server:app
Try it: python examples/client.py http://127.0.0.1:8000/
Or:     curl -N http://127.0.0.1:8000/
"""

from byway import Channel, Endpoint


async def echo(channel: Channel) -> None:
    """Greet the client, and send back what it sends."""
    await channel.accept()
    await channel.send("hello")
    async for message in channel:
        await channel.send(message)


app = Endpoint(echo)
