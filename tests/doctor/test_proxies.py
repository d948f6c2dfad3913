"""The verdicts through real proxies: nginx as `make demo` runs it, and Squid as a forward proxy."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import resources

import pytest

from byway import Report, diagnose
from byway.demo.processes import nginx
from tests.support.process import find_program
from tests.support.proxies import squid
from tests.support.servers import Server

NAME = "only-the-proxy-knows.test"
"""A name that nobody but the proxy can resolve."""

TIMEOUT = 5.0
"""Seconds of a visit: what never answers takes all of them."""


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
    assert "nginx removes it" in socket.why
    assert "docs/how-to/nginx.md" in socket.advice
    assert report.preference == "stream, sse, poll"


@dataclass(frozen=True)
class Visit:
    """The doctor's visit to a server behind a Squid.

    Attributes:
        rules: of Squid's configuration.
        url: the server, None for the one under test.
    """

    rules: str = ""
    url: str | None = None


OPEN, ELSEWHERE = Visit(), Visit(url="http://elsewhere.invalid/chat")

REFUSING = Visit("acl CONNECT method CONNECT\nhttp_access deny CONNECT\n")

ASKING = Visit(
    "auth_param basic program /bin/false\nacl known proxy_auth REQUIRED\n"
    "acl CONNECT method CONNECT\nhttp_access deny CONNECT !known\n"
)

Reports = dict[Visit, tuple[str, Report]]


@pytest.fixture(scope="module")
def reports(doctor_server: Server) -> Reports:
    """Make all visits at once, since each is mostly waiting; give the proxy's URL with each."""

    async def one(visit: Visit, proxy: str) -> tuple[str, Report]:
        url = visit.url or f"http://{NAME}:{doctor_server.port}/chat"
        return proxy, await diagnose(url, proxy=proxy, timeout=TIMEOUT)

    async def all_of_them() -> Reports:
        visits = (OPEN, ELSEWHERE, REFUSING, ASKING)
        with ExitStack() as stack:
            proxies = [
                stack.enter_context(squid(visit.rules, hosts=f"127.0.0.1 {NAME}\n")).url()
                for visit in visits
            ]
            made = await asyncio.gather(*map(one, visits, proxies))
        return dict(zip(visits, made, strict=True))

    return asyncio.run(all_of_them())


def test_squid_that_lets_everything_pass(reports: Reports) -> None:
    proxy, report = reports[OPEN]
    assert outcomes(report) == ["works"] * 4, report
    assert report.proxy == proxy
    # The WebSocket goes through a tunnel, where nobody signs.
    assert report.finding("websocket").notes == ()
    assert report.finding("stream").notes == ("Its responses come through Squid.",)


@pytest.mark.parametrize(
    ("visit", "status", "said"),
    [(REFUSING, 403, "port 443 only"), (ASKING, 407, "requires credentials")],
    ids=["403", "407"],
)
def test_squid_that_refuses_the_tunnel(
    reports: Reports, visit: Visit, status: int, said: str
) -> None:
    _, report = reports[visit]
    assert outcomes(report) == [f"refused ({status})", "works", "works", "works"], report
    assert said in report.finding("websocket").why
    assert report.preference == "stream, sse, poll"


def test_a_server_that_squid_cannot_reach(reports: Reports) -> None:
    _, report = reports[ELSEWHERE]
    # 502 or 503, by what the name server answered to it.
    assert {one.evidence.status for one in report.findings[1:]} <= {502, 503}, report
    assert report.served is None
    assert "from Squid" in report.finding("poll").why
    assert "server is down" in report.finding("poll").why
