"""Cookies that a response has set come back over every transport, resumed and in a new session."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import cast

import pytest

import byway
from byway.client.reconnect import Reconnect
from byway.http_library import httpcore
from tests.support.heads import heads
from tests.support.odd_http2 import odd_server
from tests.support.peers import connect, exchange
from tests.support.relay import relay
from tests.support.servers import Server, hypercorn
from tests.support.tls import Authority

OWN = [("cookie", "token=secret-t; way=old"), ("x-mine", "1")]


def cookies(head: bytes) -> list[list[str]]:
    """Return what stands in the Cookie headers of a head."""
    return [
        line.partition(":")[2].strip().split("; ")
        for line in head.decode().splitlines()
        if line.lower().startswith("cookie:")
    ]


@pytest.fixture
def quick_return(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no session wait for the next."""
    monkeypatch.setattr(Reconnect, "ended", lambda *_, **__: 0.0)


@pytest.fixture(scope="module")
def http2(authority: Authority) -> Iterator[Server]:
    """Serve over HTTP/2."""
    files = ("--keyfile", authority.key_file, "--certfile", authority.certificate_file)
    with hypercorn("tests.apps.endpoint_app:app", *map(str, files)) as one:
        yield one


async def test_what_opened_a_session_is_brought_when_it_is_resumed(
    endpoint_server: Server, transport: str
) -> None:
    async with relay(endpoint_server.port) as between:
        url = between.url("/cookies")
        async with connect(url, transport, headers=OWN, memory=False) as channel:
            assert json.loads(str(await channel.receive())) == ["token=secret-t; way=old"]
            before = len(between.heads)
            between.cut()
            await channel.send("close")
            assert await channel.receive() is None
            assert channel.code == 1012, "the session went on, and its handler closed it"
            assert len(between.heads) > before
            for head in between.heads[before:]:
                assert cookies(head) == [["token=secret-t", "way=s1"]]


async def test_a_new_session_of_the_same_loop_brings_them(
    endpoint_server: Server, transport: str, quick_return: None
) -> None:
    async with relay(endpoint_server.port) as between:
        came = await two_sessions(between.url("/cookies"), transports=[transport], headers=OWN)
        assert came == [["token=secret-t; way=old"], ["token=secret-t; way=s1"]]
        assert all(len(cookies(head)) == 1 for head in between.heads)


@pytest.mark.parametrize("transport", ["websocket", "stream"])
async def test_so_it_is_over_http2(
    http2: Server,
    authority: Authority,
    transport: str,
    quick_return: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("byway.transports.dial.WANTED", True)
    async with heads(http2.port, authority) as seen:
        came = await two_sessions(
            f"https://127.0.0.1:{seen.port}/cookies",
            transports=[transport],
            ssl=authority.context(),
        )
        assert came == [[], ["way=s1"]]
        assert not seen.text, "all of it was HTTP/2"


async def test_the_refusal_of_a_websocket_over_http2_counts_too(
    endpoint_server: Server, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("byway.transports.dial.WANTED", True)
    async with odd_server(endpoint_server.port, authority, "refuses") as odd:
        url = f"https://127.0.0.1:{odd.port}/cookies"
        async with connect(url, "websocket", ssl=authority.context(), memory=False) as channel:
            assert odd.chosen == ["h2", "http/1.1"]
            assert json.loads(str(await channel.receive())) == ["way=odd"]


async def test_another_connect_brings_none(endpoint_server: Server) -> None:
    for _ in range(2):
        async with connect(endpoint_server.url("/cookies"), memory=False) as channel:
            assert json.loads(str(await channel.receive())) == []


async def test_they_are_in_no_log_and_not_in_the_memory(
    endpoint_server: Server, transport: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    file = tmp_path / "memory.json"
    async with relay(endpoint_server.port) as between:
        memory = byway.Memory(file)
        url = between.url("/cookies")
        async with connect(url, transport, headers=OWN, memory=memory) as channel:
            await channel.receive()
            for _ in range(500):
                if file.exists():
                    break
                await asyncio.sleep(0.02)  # it is kept once the carrier is proven; nothing says so
            between.cut()
            await channel.send("close")
            assert await channel.receive() is None
        sent = b"".join(between.heads)
    assert b"way=s1" in sent, "else nothing is shown"
    library = "websockets.client" if transport == "websocket" else f"{httpcore.__name__}.http11"
    assert any(record.name == library for record in caplog.records), "else nothing is shown"
    for text in (caplog.text, file.read_text()):
        assert "way=s1" not in text
        assert "secret-t" not in text


async def two_sessions(url: str, **options: object) -> list[list[str]]:
    """Return the cookies with which two sessions of one loop opened."""
    came: list[list[str]] = []
    connecting = byway.connect(
        url,
        proxy=None,
        memory=False,
        reconnect=True,
        **options,  # type: ignore[arg-type]
    )
    sessions = connecting.__aiter__()
    async with aclosing(cast("AsyncGenerator[byway.Channel]", sessions)):
        async for channel in sessions:
            came.append(json.loads(str(await channel.receive())))
            if len(came) == 2:
                break
            await exchange(channel, "close")
    return came
