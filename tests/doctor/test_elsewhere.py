"""URLs where no byway is served, or nothing at all: each has a verdict of its own."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve

from byway import Report, UsageError, Verdict, diagnose
from byway.testing import Network
from tests.support.process import free_port
from tests.support.servers import Server, uvicorn
from tests.support.tls import Authority, tls_server

TIMEOUT = 3.0


@pytest.fixture(scope="module")
def plain_server() -> Iterator[Server]:
    """Serve the Starlette application without byway."""
    with uvicorn("tests.apps.starlette_app:plain") as server:
        yield server


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[str]:
    """Answer every request with these bytes; give the address."""

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve_one, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def response(status: str, *headers: str, body: str = "") -> bytes:
    """Make an answer."""
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "Connection: close"]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


async def look(url: str, **options: object) -> Report:
    """Send the doctor there, by no proxy."""
    wanted: dict[str, object] = {"proxy": None, "timeout": TIMEOUT, **options}
    return await diagnose(url, **wanted)  # type: ignore[arg-type]


def verdicts(report: Report) -> set[Verdict]:
    """Return the verdicts that there are."""
    return {one.verdict for one in report.findings}


async def test_a_port_where_nobody_listens() -> None:
    report = await look(f"http://127.0.0.1:{free_port()}/")
    assert verdicts(report) == {Verdict.UNREACHABLE}
    assert report.served is None
    assert not report.works
    assert "Nothing accepts connections" in report.findings[0].why


async def test_a_name_that_nobody_knows() -> None:
    report = await look("http://unknown.invalid/chat")
    assert verdicts(report) == {Verdict.UNREACHABLE}
    assert "host name of the server cannot be resolved" in report.findings[-1].why


async def test_a_certificate_that_is_not_trusted(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with tls_server("tests.apps.doctor_app:app", authority) as server:
        url = server.url("/chat", scheme="https")
        report = await look(url)
        assert verdicts(report) == {Verdict.UNREACHABLE}
        assert {one.evidence.trouble for one in report.findings} == {"certificate"}
        assert "--ca" in report.summary
        trusting = await look(url, ssl=authority.context())
        assert verdicts(trusting) == {Verdict.WORKS}


async def test_a_server_without_tls_where_tls_is_asked_for(plain_server: Server) -> None:
    report = await look(plain_server.url("/echo", scheme="https"))
    assert verdicts(report) == {Verdict.UNREACHABLE}
    assert {one.evidence.trouble for one in report.findings} == {"tls"}


async def test_a_server_that_speaks_something_else() -> None:
    async with answering(b"SSH-2.0-OpenSSH_9.2\r\n") as url:
        report = await look(url)
    assert verdicts(report) == {Verdict.REFUSED}
    assert report.served is None
    assert not report.works


async def test_an_application_without_byway_but_with_a_websocket(plain_server: Server) -> None:
    report = await look(plain_server.url("/echo"))
    assert verdicts(report) == {Verdict.NO_BYWAY}
    assert report.served is False
    assert not report.works
    socket = report.finding("websocket")
    assert "A WebSocket opened" in socket.why
    assert "connect() uses it as a plain WebSocket" in socket.advice
    assert "404" in report.finding("poll").why


async def test_a_path_of_an_application_where_there_is_no_websocket(plain_server: Server) -> None:
    report = await look(plain_server.url("/page"))
    assert report.served is False
    assert verdicts(report) == {Verdict.NO_BYWAY}
    assert "not served at this URL" in report.summary


async def test_a_plain_websocket_server() -> None:
    async def echo(socket: ServerConnection) -> None:
        async for message in socket:
            await socket.send(message)

    async with serve(echo, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        report = await look(f"ws://127.0.0.1:{port}/")
    assert report.served is False
    assert "connect() uses it as a plain WebSocket" in report.finding("websocket").advice
    # That library closes the connection of whatever is no GET.
    assert {one.verdict for one in report.findings[1:]} <= {Verdict.NO_BYWAY, Verdict.REFUSED}
    assert not report.works


@pytest.mark.parametrize(
    ("answer", "verdict", "said"),
    [
        (
            response("200 OK", "Content-Type: text/html", body="<h1>Welcome to our hotel</h1>"),
            Verdict.NO_BYWAY,
            "login page of the network",
        ),
        (
            response("302 Found", "Location: https://login.example/start?token=secret"),
            Verdict.NO_BYWAY,
            "got a redirect (302) to https://login.example",
        ),
        (response("404 Not Found", "Server: nginx"), Verdict.NO_BYWAY, "404 from nginx"),
        (response("405 Not Allowed", "Allow: GET"), Verdict.NO_BYWAY, "405, without a sign"),
        (
            response("401 Unauthorized", 'WWW-Authenticate: Basic realm="x"'),
            Verdict.REFUSED,
            "requires credentials (Basic)",
        ),
        (
            response("403 Forbidden", "Server: envoy"),
            Verdict.REFUSED,
            "got status 403 from Envoy",
        ),
        (
            response("407 Proxy Authentication Required", "Proxy-Authenticate: Basic realm=y"),
            Verdict.REFUSED,
            "The proxy requires credentials (Basic)",
        ),
        (
            response("502 Bad Gateway", "Via: 1.1 cache (squid/5.7)"),
            Verdict.REFUSED,
            "502 from Squid",
        ),
        (
            response("511 Network Authentication Required"),
            Verdict.REFUSED,
            "requires a login first",
        ),
    ],
    ids=["200", "302", "404", "405", "401", "403", "407", "502", "511"],
)
async def test_what_answers_in_the_place_of_byway(
    answer: bytes, verdict: Verdict, said: str
) -> None:
    async with answering(answer) as url:
        report = await look(f"{url}/chat")
    assert verdicts(report) == {verdict}
    assert report.served is (False if verdict is Verdict.NO_BYWAY else None)
    assert not report.works
    for one in report.findings:
        assert said in f"{one.why} {one.advice}"
    assert "secret" not in f"{report}{report.as_json()}"


async def test_what_a_server_does_not_offer(doctor_server: Server) -> None:
    with uvicorn("tests.apps.doctor_app:some") as server:
        report = await look(server.url("/chat"))
    by_name = {one.transport: one.verdict for one in report.findings}
    assert by_name == {
        "websocket": Verdict.NOT_OFFERED,
        "stream": Verdict.WORKS,
        "sse": Verdict.NOT_OFFERED,
        "poll": Verdict.WORKS,
    }
    assert report.preference == "stream, poll"


async def test_nothing_secret_is_in_a_report(doctor_server: Server) -> None:
    secret = "hunter2-hunter2"
    headers = {"authorization": f"Bearer {secret}", "cookie": f"id={secret}"}
    async with Network(doctor_server.port) as network:
        address = network.url.removeprefix("http://")
        report = await look(
            f"http://me:{secret}@{address}/chat?token={secret}",
            headers=headers,
            proxy=f"http://me:{secret}@{address}",
            transports="stream, poll",
        )
        assert network.counters.requests > 0
    assert report.works, report
    assert secret not in f"{report}{report!r}{report.as_json()}"
    assert report.url == f"http://{address}/chat?…"
    assert report.proxy == f"http://{address}"


async def test_a_proxy_that_is_not_there(doctor_server: Server) -> None:
    proxy = f"http://me:hunter2@127.0.0.1:{free_port()}"
    report = await look(doctor_server.url("/chat"), proxy=proxy)
    assert verdicts(report) == {Verdict.UNREACHABLE}
    assert "address and port of the proxy" in report.findings[0].why
    assert "hunter2" not in f"{report}{report!r}"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"timeout": 0}, "timeout"),
        ({"idle": -1}, "idle"),
        ({"transports": "smoke"}, "unknown transport"),
        ({"ssl": ssl.create_default_context()}, "not https"),
        ({"headers": {"x": "ü"}}, "printable ASCII"),
    ],
)
async def test_wrong_use_is_told(options: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        await look("http://app.example/", **options)
