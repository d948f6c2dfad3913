"""TLS: one `ssl.SSLContext` for every transport."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import pytest
import trustme

import byway
from tests.support.peers import connect, exchange
from tests.support.proxies import squid
from tests.support.servers import Server
from tests.support.tls import Authority, tls_server


@pytest.fixture(scope="module")
def server(authority: Authority) -> Iterator[Server]:
    """Serve the endpoint over TLS."""
    with tls_server("tests.apps.endpoint_app:app", authority) as one:
        yield one
    one.assert_quiet()


@pytest.mark.parametrize("scheme", ["https", "wss"])
async def test_every_transport_trusts_what_it_is_told_to(
    server: Server, authority: Authority, transport: str, scheme: str
) -> None:
    url = server.url("/echo", scheme=scheme)
    async with connect(url, transport, ssl=authority.context()) as channel:
        assert channel.transport == transport
        assert await exchange(channel, "hello", b"x" * 200_000) == ["hello", b"x" * 200_000]


async def test_the_handler_sees_a_secure_scheme(
    server: Server, authority: Authority, transport: str
) -> None:
    url = server.url("/info", scheme="https")
    async with connect(url, transport, ssl=authority.context()) as channel:
        assert '"scheme": "wss"' in str(await channel.receive())


async def test_every_transport_refuses_an_unknown_certificate(
    server: Server, transport: str
) -> None:
    stranger = ssl.create_default_context()
    trustme.CA().configure_trust(stranger)
    url = server.url("/echo", scheme="https")
    with pytest.raises(byway.NoTransport, match="(?i)certificate.verify.failed"):
        async with connect(url, transport, ssl=stranger, open_timeout=1.0):
            pass


async def test_without_ssl_the_systems_certificates_count(server: Server, transport: str) -> None:
    url = server.url("/echo", scheme="https")
    with pytest.raises(byway.NoTransport, match="(?i)certificate.verify.failed"):
        async with connect(url, transport, open_timeout=1.0):
            pass


async def test_a_certificate_of_another_name_is_refused(
    server: Server, authority: Authority, transport: str
) -> None:
    """The certificate says 127.0.0.1; what was asked for is localhost."""
    url = server.url("/echo", scheme="https").replace("127.0.0.1", "localhost")
    with pytest.raises(byway.NoTransport, match="(?i)certificate.verify.failed|mismatch"):
        async with connect(url, transport, ssl=authority.context(), open_timeout=1.0):
            pass


async def test_tls_passes_a_forward_proxy(
    server: Server, authority: Authority, transport: str
) -> None:
    with squid() as proxy:
        url = server.url("/echo", scheme="https")
        async with connect(url, transport, ssl=authority.context(), proxy=proxy.url()) as channel:
            assert await exchange(channel, "hello") == ["hello"]
        await proxy.access_log(f"CONNECT 127.0.0.1:{server.port}")
