"""`byway doctor`: what it prints, its exit status, and what it leaves behind."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import byway
from byway.doctor.alone import CONNECTIONS
from byway.testing import NetworkThread
from tests.support.process import ROOT, free_port
from tests.support.servers import Server
from tests.support.tls import Authority, tls_server

DOCTOR = [sys.executable, "-m", "byway", "doctor"]


def doctor(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run(
        [*DOCTOR, *arguments],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        env={**os.environ, "COLUMNS": "100", **env},
    )


def test_a_table_says_what_gets_through(doctor_server: Server) -> None:
    with NetworkThread(doctor_server.port, "refuse-403") as network:
        done = doctor(f"{network.url}/chat", "--proxy", "none")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"transport +verdict +opened +round trip +response", lines[2])
    assert re.fullmatch(r"websocket +refused \(403\) +- +- +403.*", lines[3])
    assert re.match(r"stream +works +\d+ ms +\d+ ms +200", lines[4])
    assert "To do: Ask whoever runs the proxy" in done.stdout
    assert "(BYWAY_TRANSPORTS or transports=): stream, sse, poll" in " ".join(lines)
    assert done.stderr == ""
    assert max(map(len, lines)) <= 100


def test_one_object_is_printed_for_programs(doctor_server: Server) -> None:
    with NetworkThread(doctor_server.port, "buffer-all") as network:
        done = doctor(f"{network.url}/chat", "--json", "--proxy", "none")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["served"] is True
    assert report["works"] is True
    assert report["preference"] == "websocket, poll"
    verdicts = {one["transport"]: one["verdict"] for one in report["findings"]}
    assert verdicts == {
        "websocket": "works",
        "stream": "buffered",
        "sse": "buffered",
        "poll": "works",
    }
    evidence = report["findings"][0]["evidence"]
    assert evidence["opened"] < evidence["proven"]
    assert evidence["echoed"] == 128 * 1024


def test_the_exit_status_says_that_nothing_works() -> None:
    done = doctor(f"http://127.0.0.1:{free_port()}/", "--proxy", "none")
    assert done.returncode == 1
    assert "unreachable" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ftp://app.example"], "must begin with http"),
        (["http://app.example", "-H", "no colon, but a secret"], "NAME: VALUE"),
        (["http://app.example", "-H", "Content-Length: 5"], "set by the transports"),
        (["http://app.example", "--timeout", "0"], "timeout must be more than 0"),
        (["http://app.example", "--transports", "smoke"], "unknown transport 'smoke'"),
        (["https://app.example", "--ca", "/nonexistent"], "certificates cannot be read"),
        (["https://app.example", "--key", "/nonexistent"], "--key needs --cert"),
        (["http://a..b/"], "invalid host name"),
        (["http://xn--/"], "invalid host name"),
        (["http://app.example", "--proxy", "http://127.0.0.1:99999"], "invalid port"),
        (["http://app.example", "--insecure"], "not https"),
        ([], "required: URL"),
    ],
)
def test_wrong_use_is_told(arguments: list[str], said: str) -> None:
    done = doctor(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr


def test_certificates_headers_and_transports_are_taken(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    trusted = tmp_path / "ca.pem"
    authority.write_trust(trusted)
    with tls_server("tests.apps.doctor_app:app", authority) as server:
        url = server.url("/chat", scheme="wss")

        def visit(*trust: str) -> subprocess.CompletedProcess[str]:
            wanted = ["--proxy", "none", "--transports", "poll,websocket", "-H", "X-A: b"]
            return doctor(url, *wanted, *trust)

        with ThreadPoolExecutor() as threads:  # most of the time each waits
            ways = [[], ["--ca", str(trusted)], ["--insecure"]]
            refused, *trusting = threads.map(lambda way: visit(*way), ways)
        assert refused.returncode == 1
        assert "--ca" in refused.stdout
        for done in trusting:
            assert done.returncode == 0, done.stdout
            assert [line.split()[:2] for line in done.stdout.splitlines()[3:5]] == [
                ["poll", "works"],
                ["websocket", "works"],
            ]


def test_the_proxy_of_the_environment_is_used_unless_told_otherwise(doctor_server: Server) -> None:
    dead = f"http://127.0.0.1:{free_port()}"
    url = doctor_server.url("/chat")
    through = doctor(url, "--transports", "poll", HTTP_PROXY=dead)
    assert through.returncode == 1
    assert f"through the proxy {dead}" in through.stdout
    assert doctor(url, "--transports", "poll", "--proxy", "none", HTTP_PROXY=dead).returncode == 0


def test_progress_is_shown_on_a_terminal_only(doctor_server: Server) -> None:
    parent, child = pty.openpty()
    seen: list[bytes] = []

    def read() -> None:
        try:
            while piece := os.read(parent, 4096):
                seen.append(piece)
        except OSError:
            pass  # the other end is closed

    reader = threading.Thread(target=read)
    reader.start()
    with subprocess.Popen(
        [*DOCTOR, doctor_server.url("/chat"), "--proxy", "none", "--transports", "poll"],
        stdout=subprocess.PIPE,
        stderr=child,
        text=True,
    ) as process:
        os.close(child)
        printed, _ = process.communicate(timeout=40)
    reader.join(10)
    os.close(parent)
    assert process.returncode == 0
    assert b"poll: opening" in b"".join(seen)
    assert b"poll: watching" in b"".join(seen)
    assert b"".join(seen).endswith(b"\r\x1b[K")
    assert "\x1b" not in printed


def test_interrupted_before_anything_was_found_it_prints_nothing() -> None:
    with NetworkThread(1, "black-hole-buffered") as network:
        command = [*DOCTOR, f"{network.url}/chat", "--proxy", "none", "--timeout", "60"]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            network.until(lambda one: one.counters.upgrades >= 1, timeout=30)
            process.send_signal(signal.SIGINT)
            printed, said = process.communicate(timeout=20)
    assert (process.returncode, printed) == (130, "")
    assert said == "\nbyway: interrupted\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_an_interrupted_run_leaves_nothing_behind(
    number: signal.Signals, doctor_server: Server
) -> None:
    with NetworkThread(doctor_server.port) as network:
        command = [*DOCTOR, f"{network.url}/chat", "--proxy", "none", "--idle", "60"]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            # The first probe, those that ask who else is there, and then two for the watch.
            network.until(lambda one: one.counters.upgrades >= 3 + CONNECTIONS, timeout=30)
            process.send_signal(number)
            printed, said = process.communicate(timeout=20)
        assert process.returncode == 130
        # What was found by then.
        assert re.search(r"^websocket +works", printed, re.M), printed
        assert re.search(r"^poll +works", printed, re.M), printed
        assert said == "\nbyway: interrupted\n"
        network.until(lambda one: one.connections == 0, timeout=15)


def test_the_page_has_every_verdict_and_option() -> None:
    page = (ROOT / "docs" / "reference" / "doctor.md").read_text()
    for verdict in byway.Verdict:
        assert re.search(rf"^\| `{verdict.value}", page, re.M), verdict
    options = set(re.findall(r"--[a-z]+", doctor("--help").stdout)) - {"--help", "--header"}
    assert not [one for one in options if f"`{one}" not in page]
