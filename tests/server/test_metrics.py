"""What Prometheus reads of real servers, of one process and of two workers."""

from __future__ import annotations

import subprocess
import sys
from contextlib import AsyncExitStack

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

import byway
from tests.support.servers import Server, uvicorn
from tests.support.several import workers

FAMILIES = {
    *("byway_sessions", "byway_carriers", "byway_messages", "byway_bytes", "byway_relayed_calls"),
    *("byway_links", "byway_claims", "byway_refusals", "byway_owner_gone"),
    *("byway_directory_seconds", "byway_conflicts", "byway_unheard_processes", "byway_process"),
}
"""Without the `_total` and `_info` that the format adds."""

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def scrape(server: Server, path: str = "/metrics") -> tuple[set[str], Samples]:
    """Return the families at an address, and their samples by name and labels but the process."""
    async with httpx.AsyncClient(trust_env=False) as http:
        response = await http.get(server.url(path))
    assert response.status_code == 200, response.text
    names: set[str] = set()
    found: Samples = {}
    for family in text_string_to_metric_families(response.text):
        names.add(family.name.removesuffix("_info"))
        for sample in family.samples:
            labels = frozenset((k, v) for k, v in sample.labels.items() if k != "process")
            key = (sample.name, labels)
            found[key] = found.get(key, 0) + sample.value
    return names, found


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((name, frozenset(labels.items())), 0.0)


@pytest.mark.parametrize("path", ["/metrics", "/own"])
async def test_a_real_scrape_tells_what_a_process_has_done(path: str) -> None:
    with uvicorn("tests.apps.metrics_app:app") as server:
        async with byway.connect(server.url("/"), transports=["stream"], memory=False) as channel:
            for text in ("12345", "", "x" * 50_000):
                await channel.send(text)
                assert await channel.receive() == text
            _, during = await scrape(server, path)
        with pytest.raises(byway.Refused):
            async with byway.connect(server.url("/no"), transports=["poll"], memory=False):
                pass
        async with httpx.AsyncClient(trust_env=False) as http:
            wrong = await http.post(server.url("/"), headers={"byway": "1"}, content=b"?")
        names, after = await scrape(server, path)
    assert names == FAMILIES
    assert value(during, "byway_sessions") == 1
    assert value(during, "byway_carriers", transport="stream") == 1
    assert value(after, "byway_sessions") == 0
    for samples in (during, after):  # what has ended is added up, nothing is counted twice
        for way in ("in", "out"):
            assert value(samples, "byway_messages_total", way=way) == 3
            assert value(samples, "byway_bytes_total", way=way) == 50_005
    assert value(after, "byway_refusals_total", status="403") == 1, "the handler's"
    assert wrong.is_client_error
    assert value(after, "byway_refusals_total", status=str(wrong.status_code)) == 1, "byway's own"
    assert value(after, "byway_unheard_processes") == 0


async def test_whichever_worker_is_scraped_tells_of_all() -> None:
    with workers("tests.apps.metrics_app:app", count=2) as server:
        async with AsyncExitStack() as stack:
            for _ in range(6):
                channel = await stack.enter_async_context(
                    byway.connect(server.url("/"), transports=["poll"], memory=False)
                )
                for _ in range(5):
                    await channel.send("12345")
                    assert await channel.receive() == "12345"
            scrapes = [(await scrape(server))[1] for _ in range(5)]
    for samples in scrapes:
        assert value(samples, "byway_sessions") == 6
        assert value(samples, "byway_messages_total", way="in") == 30
        assert value(samples, "byway_claims_total", result="mine") == 6
        pids = {dict(labels)["pid"] for name, labels in samples if name == "byway_process_info"}
        assert len(pids) == 2
    assert value(scrapes[-1], "byway_relayed_calls_total", role="relay") > 0
    server.assert_quiet()


async def test_only_reading_is_served() -> None:
    with uvicorn("tests.apps.metrics_app:app") as server:
        async with httpx.AsyncClient(trust_env=False) as http:
            head = await http.head(server.url("/metrics"))
            assert (head.status_code, head.content) == (200, b"")
            assert int(head.headers["content-length"]) > 100
            assert (await http.post(server.url("/metrics"))).status_code == 405
            openmetrics = {"accept": "application/openmetrics-text; version=1.0.0"}
            response = await http.get(server.url("/metrics"), headers=openmetrics)
    assert response.headers["content-type"].startswith("application/openmetrics-text")
    assert response.text.endswith("# EOF\n")


def test_without_prometheus_client_the_import_says_what_to_install() -> None:
    code = "import sys; sys.modules['prometheus_client'] = None\nimport byway.metrics"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 1
    assert "pip install 'byway[metrics]'" in done.stderr.splitlines()[-1]
