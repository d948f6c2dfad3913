"""Causes that a status alone does not name, on the real thing."""

from __future__ import annotations

import asyncio

import pytest

import byway
from byway import Verdict, diagnose
from byway.transports import refusal
from tests.support.servers import Server, uvicorn


@pytest.mark.parametrize(("path", "status"), [("/chat", 404), ("/both", 405)])
async def test_middleware_inside_of_a_router(path: str, status: int) -> None:
    with uvicorn("tests.apps.inside_app:app") as server:
        report = await diagnose(server.url(path), proxy=None)
    assert report.finding("websocket").verdict is Verdict.WORKS, report
    for name in ("stream", "sse", "poll"):
        finding = report.finding(name)
        assert finding.outcome == f"refused ({status})", report
        assert "inside a router" in finding.why
        assert "wrap the whole application" in finding.advice


async def test_it_says_that_the_application_was_not_asked(doctor_server: Server) -> None:
    report = await diagnose(doctor_server.url("/no/such/path"), proxy=None, transports="poll")
    assert report.works
    assert "Whether your application accepts this path was not tested." in report.summary


async def answering(
    head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answer a request with this head, and then say nothing for ever."""
    try:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        await writer.drain()
        await reader.read()
    finally:
        writer.close()


async def test_an_endless_200_of_somebody_else_is_reported_as_what_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(refusal, "REFUSAL_TIMEOUT", 0.2)
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
    server = await asyncio.start_server(lambda r, w: answering(head, r, w), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}/"
        report = await diagnose(url, proxy=None, transports="poll")
        with pytest.raises(byway.NoTransport, match="status 200 without a Byway") as caught:
            async with byway.connect(url, proxy=None, transports="poll", open_timeout=3.0):
                pass
    assert caught.value.attempts[0].status == 200
    finding = report.finding("poll")
    assert finding.verdict is Verdict.NO_BYWAY, report
    assert finding.evidence.status == 200
    assert "200" in finding.why


@pytest.mark.parametrize("transport", ["websocket", "poll"])
async def test_a_proxy_that_wants_more_than_basic_is_told(transport: str) -> None:
    head = (
        b"HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: NTLM\r\n"
        b"proxy-authenticate: Negotiate\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    )
    server = await asyncio.start_server(lambda r, w: answering(head, r, w), "127.0.0.1", 0)
    async with server:
        proxy = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        url = "http://app.example/"
        report = await diagnose(url, proxy=proxy, transports=transport)
        with pytest.raises(byway.NoTransport, match="asks for NTLM, Negotiate") as caught:
            async with byway.connect(url, proxy=proxy, transports=transport, open_timeout=5.0):
                pass
    assert "byway supports Basic" in str(caught.value)
    finding = report.finding(transport)
    assert "NTLM, Negotiate" in finding.why
    assert "byway supports Basic only" in finding.why
    assert "user:password" not in finding.advice
