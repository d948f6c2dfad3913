"""The verdicts through real proxies: nginx as `make demo` runs it, and Squid as a forward proxy."""

from __future__ import annotations

from importlib import resources

import pytest

from byway import Report, diagnose
from byway.demo.processes import nginx
from tests.support.process import find_program
from tests.support.proxies import squid
from tests.support.servers import Server

NAME = "only-the-proxy-knows.test"
"""A name that nobody but the proxy can resolve."""


def outcomes(report: Report) -> list[str]:
    """Return the outcomes, in the order of the transports."""
    return [one.outcome for one in report.findings]


async def test_the_nginx_of_the_demonstration(doctor_server: Server) -> None:
    program = find_program("nginx")
    assert "proxy_pass" in resources.files("byway.demo").joinpath("nginx.conf").read_text()
    async with nginx(program, doctor_server.port) as port:
        report = await diagnose(f"http://127.0.0.1:{port}/websocket_handler", proxy=None)
    assert outcomes(report) == ["refused (426)", "works", "works", "works"], report
    socket = report.finding("websocket")
    assert "nginx takes it away" in socket.why
    assert "docs/how-to/nginx.md" in socket.advice
    assert report.preference == "stream, sse, poll"


async def test_squid_that_lets_everything_pass(doctor_server: Server) -> None:
    with squid(hosts=f"127.0.0.1 {NAME}\n") as proxy:
        report = await diagnose(f"http://{NAME}:{doctor_server.port}/chat", proxy=proxy.url())
    assert outcomes(report) == ["works"] * 4, report
    assert report.proxy == proxy.url()
    # The WebSocket goes through a tunnel, where nobody signs.
    assert report.finding("websocket").notes == ()
    assert report.finding("stream").notes == ("Its answers come through Squid.",)


@pytest.mark.parametrize(
    ("rules", "status", "said"),
    [
        ("acl CONNECT method CONNECT\nhttp_access deny CONNECT\n", 403, "port 443 only"),
        (
            "auth_param basic program /bin/false\nacl known proxy_auth REQUIRED\n"
            "acl CONNECT method CONNECT\nhttp_access deny CONNECT !known\n",
            407,
            "wants credentials",
        ),
    ],
    ids=["403", "407"],
)
async def test_squid_that_refuses_the_tunnel(
    doctor_server: Server, rules: str, status: int, said: str
) -> None:
    with squid(rules, hosts=f"127.0.0.1 {NAME}\n") as proxy:
        report = await diagnose(f"http://{NAME}:{doctor_server.port}/chat", proxy=proxy.url())
    assert outcomes(report) == [f"refused ({status})", "works", "works", "works"], report
    assert said in report.finding("websocket").why
    assert report.preference == "stream, sse, poll"


async def test_a_server_that_squid_cannot_reach(doctor_server: Server) -> None:
    with squid(hosts=f"127.0.0.1 {NAME}\n") as proxy:
        report = await diagnose("http://elsewhere.invalid/chat", proxy=proxy.url(), timeout=5.0)
    # 502 or 503, by what the name server answered to it.
    assert {one.evidence.status for one in report.findings[1:]} <= {502, 503}, report
    assert report.served is None
    assert "by Squid" in report.finding("poll").why
    assert "server is away" in report.finding("poll").why
