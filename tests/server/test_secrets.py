"""Keys are in no log, no error and no URL, whoever logs, at the level DEBUG."""

from __future__ import annotations

import logging
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import byway
from byway import http_library
from byway.keys import new_key
from tests.server.intruder import ENTRANCES, Intruder, Known, known
from tests.support import servers
from tests.support.peers import connect, exchange
from tests.support.relay import relay
from tests.support.servers import Server, hypercorn, uvicorn
from tests.support.tls import Authority
from tests.support.wire import PROTOCOL_HEADERS, hello_frame, http_client

DEBUG_CONFIG = Path(servers.__file__).with_name("debug_log_config.json")
EVENTS = {"accept": "text/event-stream"}


@pytest.fixture(scope="module", params=["uvicorn", "wsproto", "hypercorn"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Serve with each server, which logs all that it can."""
    app = "tests.apps.endpoint_app:app"
    if request.param == "hypercorn":
        config = f"json:{DEBUG_CONFIG}"
        running = hypercorn(app, "--access-logfile", "-", "--log-config", config)
    else:
        ws = "auto" if request.param == "uvicorn" else request.param
        options = ("--access-log", "--log-config", str(DEBUG_CONFIG), "--ws", ws)
        running = uvicorn(app, *options, level="trace")
    with running as one:
        yield one


def secrets_of(key: str) -> list[str]:
    """Return what must not be seen of a key: any piece that would shorten a search."""
    return [key[start : start + 8] for start in range(len(key) - 7)]


def seen(key: str, lines: list[str]) -> list[str]:
    """Return the lines in which a piece of the key stands."""
    return [line for line in lines if any(piece in line for piece in secrets_of(key))]


async def test_a_session_of_any_kind_leaves_its_key_in_no_log(
    server: Server, transport: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Opened, cut, gone on with and closed: what the server logs, and what the client does."""
    caplog.set_level(logging.DEBUG)
    async with relay(server.port) as between:
        async with connect(between.url("/echo"), transport) as channel:
            session = known(channel)
            assert await exchange(channel, "log:one") == ["log:one"]
            between.cut()
            assert await exchange(channel, "log:two") == ["log:two"]
    await server.log.seen("said two")
    mine = [record.getMessage() for record in caplog.records]
    assert any("byway.session" in record.name for record in caplog.records), "else nothing is shown"
    assert not seen(session.key, mine)
    assert not seen(session.key, server.log.lines)
    heads = b"\n".join(between.heads).decode()
    first_lines = [line for line in heads.splitlines() if line.endswith("HTTP/1.1")]
    assert first_lines, "else nothing is shown"
    assert not seen(session.key, first_lines), "no URL holds it"


async def test_a_password_in_a_url_is_in_no_log_of_the_clients(
    endpoint_server: Server, transport: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither as it is, as httpx logs URLs, nor as websockets logs headers."""
    caplog.set_level(logging.DEBUG)
    url = endpoint_server.url("/echo").replace("//", "//somebody:sesame@")
    async with connect(url, transport) as channel:
        assert await exchange(channel, "x") == ["x"]
    library = "websockets.client" if transport == "websocket" else http_library.httpx.__name__
    lines = [one.getMessage() for one in caplog.records if one.name == library]
    shown = "authorization: ..." if transport == "websocket" else "//...@127.0.0.1"
    assert any(shown in line.lower() for line in lines), "else nothing is shown"
    assert "sesame" not in caplog.text
    assert b64encode(b"somebody:sesame").decode() not in caplog.text


async def test_a_websocket_over_http2_leaves_its_key_in_no_log_either(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library that codes the heads of HTTP/2 logs them, on both sides."""
    monkeypatch.setattr("byway.transports.dial.WANTED", True)
    caplog.set_level(logging.DEBUG)
    authority = Authority(tmp_path)
    options = ["--keyfile", authority.key_file, "--certfile", authority.certificate_file]
    options += ["--log-config", f"json:{DEBUG_CONFIG}"]
    with hypercorn("tests.apps.proxied_app:app", *map(str, options)) as server:
        url = server.url("/version", scheme="https")
        async with connect(url, "websocket", ssl=authority.context(), memory=False) as channel:
            assert await channel.receive() == "HTTP/2"
            key = known(channel).key
        lines = [f"{record.name}: {record.getMessage()}" for record in caplog.records]
        for log in (lines, server.log.lines):
            assert any("hpack.hpack: " in line for line in log), "else nothing is shown"
            assert not seen(key, log)
            assert not any("header block to" in line or "Decoding b" in line for line in log)


async def test_the_servers_log_says_what_was_asked(server: Server) -> None:
    """The counterpart: its log is on, and the handshake is in it where the server logs headers."""
    async with connect(server.url("/echo"), "stream"):
        pass
    await server.log.seen('"POST /echo')


@pytest.mark.parametrize("entrance", ENTRANCES)
async def test_no_error_holds_the_key_that_it_is_about(
    server: Server, http: httpx.AsyncClient, entrance: str
) -> None:
    session = Known(new_key(), "noinstance")
    _, text = await Intruder(server, http, {"origin": "https://evil.example"}).attempt(
        entrance, session
    )
    assert not seen(session.key, [text])
    if not entrance.startswith("join"):
        # On a connection of its own: Hypercorn closes one where it answered before the body came.
        async with http_client() as another:
            status, text = await Intruder(server, another).attempt(entrance, session)
        assert status == 410
        assert not seen(session.key, [text])
    assert not seen(session.key, server.log.lines)


async def test_a_key_that_is_refused_is_not_repeated(
    server: Server, http: httpx.AsyncClient
) -> None:
    for key in ("abcdefghijklmnopqrstuvwxyz", "secretsecretsecretsecret", "s3cret/" + new_key()):
        answer = await http.post(
            server.url("/echo"), content=hello_frame(session=key), headers=PROTOCOL_HEADERS
        )
        assert answer.status_code == 400
        assert not seen(key, [answer.text])
        assert not seen(key, server.log.lines)


async def test_a_readers_key_is_only_in_what_the_reader_gets(http: httpx.AsyncClient) -> None:
    """Its ids hold it, so the next request's `Last-Event-ID` does: the application sees none."""
    with uvicorn(
        "tests.apps.origins_app:named", "--access-log", "--log-config", str(DEBUG_CONFIG)
    ) as one:
        key = new_key()
        headers = EVENTS | {"last-event-id": f"{key}.3"}
        async with http.stream("GET", one.url("/info"), headers=headers) as answer:
            lines = answer.aiter_lines()
            text = ""
            while '"headers"' not in text:
                text += await anext(lines)
        assert "text/event-stream" in text, "the application is told the headers"
        assert not seen(key, [text, *one.log.lines])


async def test_errors_of_a_client_do_not_hold_its_key(
    plain_server: Server, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = new_key()
    monkeypatch.setattr(sys.modules["byway.client.connect"], "new_key", lambda: key)
    url = plain_server.url("/nothing-here")
    with pytest.raises(byway.ConnectError) as caught:
        async with connect(url, transport, open_timeout=2.0):
            pass
    chain: list[str] = []
    error: BaseException | None = caught.value
    while error is not None:
        chain.append(f"{error!r} {error}")
        error = error.__cause__ or error.__context__
    assert not seen(key, chain)
