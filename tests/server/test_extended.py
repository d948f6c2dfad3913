"""A WebSocket over HTTP/2: what becomes of a session where there is none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

import byway
from tests.support.heads import heads
from tests.support.line import line
from tests.support.odd_http2 import DEEDS, MORE, odd_server
from tests.support.peers import connect, exchange
from tests.support.servers import Server, hypercorn
from tests.support.tls import Authority, tls_server


@pytest.fixture(autouse=True)
def http2_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask for it, as BYWAY_HTTP2=1 does."""
    monkeypatch.setattr("byway.transports.dial.WANTED", True)


@pytest.fixture(scope="module")
def server(authority: Authority) -> Iterator[Server]:
    """Serve the handlers with Hypercorn."""
    files = ("--keyfile", authority.key_file, "--certfile", authority.certificate_file)
    with hypercorn("tests.apps.endpoint_app:app", *map(str, files)) as one:
        yield one


@pytest.mark.parametrize("deed", [*DEEDS, *MORE])
async def test_where_none_comes_of_it_there_is_one_over_http11_at_once(
    endpoint_server: Server, authority: Authority, deed: str
) -> None:
    options = {"ssl": authority.context(), "memory": False}
    async with odd_server(endpoint_server.port, authority, deed) as odd:
        url = f"https://127.0.0.1:{odd.port}/echo"
        async with connect(url, "websocket", **options) as channel:
            assert await exchange(channel, "hello") == ["hello"]
            assert odd.chosen == ["h2", "http/1.1"]
            await odd.close()
            assert await exchange(channel, "again") == ["again"]
            # What has failed once is not tried again in a session.
            assert odd.chosen == ["h2", "http/1.1", "http/1.1"]


async def test_a_server_that_chooses_http11_is_asked_on_the_same_connection(
    authority: Authority,
) -> None:
    with tls_server("tests.apps.endpoint_app:app", authority) as one:
        async with line(one.port) as wire:
            async with connect(
                f"https://127.0.0.1:{wire.port}/echo", "websocket", ssl=authority.context()
            ) as channel:
                assert await exchange(channel, "hello") == ["hello"]
            assert wire.accepted == 1


async def test_a_refusal_of_the_application_is_not_asked_for_again(
    server: Server, authority: Authority
) -> None:
    async with heads(server.port, authority) as seen:
        with pytest.raises(byway.Refused) as caught:
            async with connect(
                f"https://127.0.0.1:{seen.port}/deny", "websocket", ssl=authority.context()
            ):
                pass
        assert (caught.value.status, caught.value.body) == (429, b"come back later")
        assert (len(seen.requests), seen.text) == (1, [])


async def test_nothing_stays_behind_of_an_attempt_that_is_given_up(
    server: Server, authority: Authority
) -> None:
    """Cancelled at any moment: before the settings have come, and while it is being answered."""
    for steps in range(0, 40, 3):
        connecting = connect(
            f"https://127.0.0.1:{server.port}/echo",
            "websocket",
            ssl=authority.context(),
            memory=False,
        )
        opening = asyncio.create_task(connecting.__aenter__())
        for _ in range(steps):
            await asyncio.sleep(0.001)  # a step of the network, not something to wait for
        opening.cancel()
        try:
            await opening
        except asyncio.CancelledError:
            continue
        await connecting.__aexit__(None, None, None)
