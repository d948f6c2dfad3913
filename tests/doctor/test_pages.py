"""The doctor says what a page of the URL's own origin would be told."""

from __future__ import annotations

import pytest

from byway import Verdict, diagnose
from byway.doctor.page import page_headers
from byway.http_library import httpx
from tests.support.proxies import nginx
from tests.support.servers import Server, uvicorn

UPGRADES = """
location / {{
    proxy_pass http://127.0.0.1:{port};
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection "upgrade";
    {more}
}}
"""
ORIGIN = ("origin", "http://127.0.0.1:8000")
SAME = ("sec-fetch-site", "same-origin")


@pytest.mark.parametrize(
    ("url", "transport", "headers"),
    [
        ("http://127.0.0.1:8000/a", "stream", [ORIGIN, SAME]),
        ("http://127.0.0.1:8000/a", "websocket", [ORIGIN]),
        ("http://[::1]:8000/a", "poll", [("origin", "http://[::1]:8000"), SAME]),
        ("http://localhost/a", "poll", [("origin", "http://localhost"), SAME]),
        ("https://app.example:443/a?b", "sse", [("origin", "https://app.example"), SAME]),
        ("http://app.example/a", "sse", [("origin", "http://app.example")]),
        ("http://10.0.0.1/a", "sse", [("origin", "http://10.0.0.1")]),
    ],
)
def test_it_says_what_browsers_say(
    url: str, transport: str, headers: list[tuple[str, str]]
) -> None:
    assert page_headers(httpx.URL(url), transport) == headers


async def test_a_websocket_that_a_page_has_to_be_moved_to(doctor_server: Server) -> None:
    with nginx(UPGRADES.format(port=doctor_server.port, more="")) as proxy:
        report = await diagnose(proxy.url("/echo"), proxy=None)
        assert {one.verdict for one in report.findings} == {Verdict.WORKS}
        (note,) = [one for one in report.finding("websocket").notes if "page" in one]
        assert "opens over HTTP" in note
        assert "proxy_set_header Host $http_host;" in note
        for name in ("stream", "sse", "poll"):
            assert not report.finding(name).evidence.page_refused
        assert "refused" not in report.summary
        # As somebody else's page it would be refused, and that is what was asked for.
        other = await diagnose(
            proxy.url("/echo"), proxy=None, headers={"origin": "https://evil.example"}
        )
        assert not other.works


async def test_with_the_line_for_nginx_there_is_nothing_to_say(doctor_server: Server) -> None:
    more = "proxy_set_header Host $http_host;"
    with nginx(UPGRADES.format(port=doctor_server.port, more=more)) as proxy:
        report = await diagnose(proxy.url("/echo"), proxy=None, transports="websocket, poll")
    assert not [note for one in report.findings for note in one.notes if "page" in note]


async def test_a_server_that_refuses_its_own_pages_works_for_others() -> None:
    with uvicorn("tests.apps.secure_app:checked") as server:
        report = await diagnose(server.url("/echo"), proxy=None)
    assert report.works
    for one in report.findings:
        assert one.verdict is Verdict.WORKS, str(report)
        assert one.evidence.page_refused
        assert any("Pages of the URL's own origin are refused (403)" in note for note in one.notes)
    assert "pages of this origin are refused" in report.summary
    assert "page_refused" in report.finding("poll").as_json()["evidence"]
