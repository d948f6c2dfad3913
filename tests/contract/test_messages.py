"""The contract: what a message is, over every transport and in every framework."""

from __future__ import annotations

import asyncio
import secrets

import pytest
import websockets

import byway
from tests.contract.conftest import Contract
from tests.support.peers import connect, exchange
from tests.support.servers import uvicorn

TEXTS = {
    "plain": "hello",
    "empty": "",
    "line feed": "two\nlines",
    "carriage return": "two\rlines",
    "both": "two\r\nlines",
    "only breaks": "\r\n\r\n\n\n\r\r",
    "leading and trailing breaks": "\nmiddle\n",
    "nul": "a\x00b",
    "astral": "𝒽𝑒𝓁𝓁𝑜 🛣️ 𐍈",
    "separators": "a\u2028b\u2029c\x85d\x0be\x0cf",
    "byte order mark": "\ufeffmarked",
    "like an event": "data: x\nid: 1\nevent: frames\nretry: 1\n: comment",
    "leading spaces": "  two spaces",
    "json": '{"a": "\\u0000"}',
    "last code point": "\U0010ffff",
}

BINARIES = {
    "plain": b"hello",
    "every byte": bytes(range(256)),
    "no utf-8": b"\xff\xfe\x80",
    "like a frame": b"\x04\x00\x00\x00\x02\x03\xe8",
}

FRAMEWORKS = ("bareasgi", "starlette")
"""Applications that see one session at a time, and do not notice how many of them there are. They
are asked for fewer than the endpoint, on which all frameworks' sessions run."""


async def test_texts_arrive_as_they_were(contract: Contract) -> None:
    async with contract.connect("/echo") as channel:
        assert await exchange(channel, *TEXTS.values()) == list(TEXTS.values())


async def test_each_text_alone_arrives_as_it_was(contract: Contract) -> None:
    """Alone on its carrier a text may travel in another form than in a burst."""
    async with contract.connect("/echo") as channel:
        for name, text in TEXTS.items():
            assert (name, *await exchange(channel, text)) == (name, text)


async def test_binary_data_arrives_as_it_was(contract: Contract) -> None:
    async with contract.connect("/echo") as channel:
        assert await exchange(channel, *BINARIES.values()) == list(BINARIES.values())


async def test_text_and_binary_data_keep_their_kind_and_order(contract: Contract) -> None:
    messages: list[str | bytes] = ["a", b"a", "", "b", b"\n", "\n", b"c", "\r"]
    async with contract.connect("/echo") as channel:
        assert await exchange(channel, *messages) == messages


async def test_an_empty_binary_message_is_a_message(contract: Contract) -> None:
    """All but bareASGI 4.4.1 get it, see the next test."""
    async with contract.connect("/echo") as channel:
        await channel.send(b"")
        if contract.application == "bareasgi":
            assert await channel.receive() is None
            assert channel.code == 1011
        else:
            assert await channel.receive() == b""
            assert await exchange(channel, "and on") == ["and on"]


async def test_an_empty_binary_message_fails_in_bareasgi_as_it_does_without_byway(
    transport: str,
) -> None:
    """bareASGI 4.4.1 takes empty binary data for the lack of it and looks for a text.

    It is the same exception of the same handler; only its close code is better with byway, 1011
    where uvicorn cuts the connection of a handler that failed.
    """
    with uvicorn("tests.apps.bareasgi_app:plain") as plain:
        async with websockets.connect(plain.url("/echo", scheme="ws"), proxy=None) as socket:
            await socket.send(b"")
            with pytest.raises(websockets.ConnectionClosed):
                await socket.recv()
    with uvicorn("tests.apps.bareasgi_app:app") as wrapped:
        async with connect(wrapped.url("/echo"), transport) as channel:
            await channel.send(b"")
            assert await channel.receive() is None
    assert plain.tracebacks() == wrapped.tracebacks() == ["KeyError: 'text'"]


async def test_a_lone_surrogate_is_refused_and_the_channel_goes_on(contract: Contract) -> None:
    async with contract.connect("/echo") as channel:
        with pytest.raises(byway.UsageError, match="surrogate"):
            await channel.send("half \ud83d of a character")
        assert await exchange(channel, "whole 🛣") == ["whole 🛣"]


async def test_what_is_no_message_is_refused_and_the_channel_goes_on(contract: Contract) -> None:
    async with contract.connect("/echo") as channel:
        with pytest.raises(byway.UsageError, match="int"):
            await channel.send(1)  # type: ignore[arg-type]
        assert await exchange(channel, "one") == ["one"]


@pytest.mark.parametrize("kind", ["text", "binary"])
async def test_a_message_of_one_mebibyte_goes_each_way(contract: Contract, kind: str) -> None:
    data = secrets.token_bytes(1024 * 1024)
    message: str | bytes = data if kind == "binary" else data.hex()[: 1024 * 1024]
    async with contract.connect("/echo") as channel:
        assert await exchange(channel, message, "after") == [message, "after"]


async def test_a_long_text_is_not_cut_inside_a_character(contract: Contract) -> None:
    message = "x" + "🛣" * 50_000  # no part of a power of two ends between two characters
    async with contract.connect("/echo") as channel:
        assert await exchange(channel, message) == [message]


async def test_ten_thousand_messages_each_way_at_once_keep_their_order(contract: Contract) -> None:
    count = 10_000
    async with contract.connect(f"/push?count={count}") as channel:

        async def send() -> None:
            for number in range(count):
                await channel.send(f"up {number}")

        sending = asyncio.create_task(send())
        received = [await channel.receive() for _ in range(count)]
        await sending
        assert received == [f"down {number}" for number in range(count)]
        assert await channel.receive() == "in order"


async def test_a_slow_reader_makes_the_other_side_wait_and_loses_nothing(
    contract: Contract,
) -> None:
    """More than both inboxes hold is sent before the first message is read."""
    count, size = 128, 64 * 1024
    async with contract.connect("/echo") as channel:
        sending = asyncio.create_task(_send_numbered(channel, count, size))
        done, _ = await asyncio.wait({sending}, timeout=0.3)
        assert not done, "8 MiB went into outbox, inbox, outbox and inbox of 1 MiB each"
        for number in range(count):
            message = await channel.receive()
            assert isinstance(message, bytes)
            assert (message[:4], len(message)) == (number.to_bytes(4, "big"), size)
        await sending


async def _send_numbered(channel: byway.Channel, count: int, size: int) -> None:
    for number in range(count):
        await channel.send(number.to_bytes(4, "big") + bytes(size - 4))


async def test_many_sessions_at_a_time(contract: Contract) -> None:
    count = 200 if contract.application not in FRAMEWORKS else 40
    all_open = asyncio.Barrier(count)

    async def one(number: int) -> list[str | bytes | None]:
        # Two hundred handshakes of TLS take a while on a busy machine.
        async with contract.connect("/echo", open_timeout=40.0) as channel:
            await channel.send(f"first of {number}")
            first = await channel.receive()
            await all_open.wait()
            await channel.send(f"second of {number}")
            return [first, await channel.receive()]

    got = await asyncio.gather(*map(one, range(count)))
    assert got == [[f"first of {number}", f"second of {number}"] for number in range(count)]


async def test_a_cancelled_receive_loses_nothing(contract: Contract) -> None:
    async with contract.connect("/echo") as channel:
        waiting = asyncio.create_task(channel.receive())
        await asyncio.sleep(0)  # let it begin to wait
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await exchange(channel, "kept") == ["kept"]


async def test_the_channel_names_its_transport(contract: Contract) -> None:
    async with contract.connect("/echo") as channel:
        assert channel.transport == contract.transport
