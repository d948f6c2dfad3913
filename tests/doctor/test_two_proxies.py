"""nginx behind nginx: the inner one takes `X-Accel-Buffering` for itself."""

from __future__ import annotations

from pathlib import Path

from byway import Report, Verdict, diagnose
from tests.support.process import free_port
from tests.support.proxies import nginx
from tests.support.servers import Server
from tests.support.tls import Authority

PASSED_ON = "proxy_pass_header X-Accel-Buffering;"
"""What docs/how-to/nginx.md says for the one next to the server."""


async def through_two(server: Server, authority: Authority, inner: str) -> Report:
    """Examine streams through one nginx with TLS before another.

    Args:
        server: the server.
        authority: who signs for the outer one.
        inner: more lines for the inner one.
    """
    port = free_port()
    outer = (
        f"listen 127.0.0.1:{port} ssl; ssl_certificate {authority.certificate_file};"
        f" ssl_certificate_key {authority.key_file};"
        " location / {{ proxy_pass http://127.0.0.1:{port}; }}"
    )
    location = f"location / {{ {inner} proxy_pass http://127.0.0.1:{server.port}; }}"
    with nginx(location) as near, nginx(outer.format(port=near.port)):
        return await diagnose(
            f"https://127.0.0.1:{port}/chat",
            proxy=None,
            ssl=authority.context(),
            transports="stream, poll",
        )


async def test_the_second_nginx_in_a_row_holds_answers_back(
    doctor_server: Server, tmp_path: Path
) -> None:
    report = await through_two(doctor_server, Authority(tmp_path), "")
    finding = report.finding("stream")
    assert finding.verdict is Verdict.BUFFERED, report
    assert PASSED_ON in finding.advice


async def test_with_the_header_passed_on_it_does_not(doctor_server: Server, tmp_path: Path) -> None:
    report = await through_two(doctor_server, Authority(tmp_path), PASSED_ON)
    assert report.finding("stream").verdict is Verdict.WORKS, report
