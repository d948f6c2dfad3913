"""`byway demo`: the rows, the exit status, and what an interrupted run leaves behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from byway.demo.text import read_lines
from byway.negotiation import DEFAULT_ORDER
from tests.support.process import ROOT, find_program

DEMO = [sys.executable, "-m", "byway", "demo"]


def demo(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*DEMO, *arguments],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        env={**os.environ, **env},
    )


@pytest.fixture
def text(tmp_path: Path) -> str:
    path = tmp_path / "text.txt"
    path.write_text("one\n\n  three \N{SNOWMAN}\n" * 50, encoding="utf-8")
    return str(path)


def test_every_line_comes_back_over_every_transport_and_path(text: str) -> None:
    find_program("nginx")
    done = demo("--json", "--file", text)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    rows = {(row["path"], row["transport"]): row for row in result["rows"]}
    assert set(rows) == {
        *(("direct", name) for name in DEFAULT_ORDER),
        *(("nginx", name) for name in (*DEFAULT_ORDER, "any")),
        *(("workers", name) for name in DEFAULT_ORDER),
    }
    refused = rows.pop(("nginx", "websocket"))
    assert "426" in refused["refused"]
    assert refused["expected"]
    for row in rows.values():
        assert (row["sent"], row["returned"], row["refused"]) == (150, 150, ""), row
    # On a busy machine a stream may take longer than its patience to open.
    assert rows["nginx", "any"]["chosen"] in ("stream", "sse")
    page = result["page"]
    assert page["error"] == ""
    assert page["messages"] == 10
    names = {one.name for one in (ROOT / "src/byway/demo/page").iterdir()}
    assert page["files"] == len(names) + 2  # the module that it imports, and its settings


def test_the_table_names_the_figures(text: str) -> None:
    done = demo("--file", text, "--transports", "stream,poll")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^stream +direct +[\d.]+ ms +[\d.]+ ms +[\d,]+ +150/150$", done.stdout, re.M)
    assert "Every line came back, in order.\n" in done.stdout
    assert done.stdout.endswith("in your browser yourself, run: byway demo --open\n")


def test_without_nginx_its_rows_say_so_and_the_rest_runs(text: str, tmp_path: Path) -> None:
    code = (
        "import sys, byway.demo.run as run\n"
        "run.find_nginx = lambda: None\n"
        "from byway.cli import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "demo", "--json", "--file", text, "--transports", "stream"],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert [(row["path"], row["returned"]) for row in rows] == [
        ("direct", 150),
        ("nginx", 0),
        ("nginx", 0),
        ("workers", 150),
    ]
    assert all("not installed" in row["refused"] for row in rows[1:3])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--file", "/nonexistent"], "cannot be read"),
        (["--transports", "smoke"], "unknown transport 'smoke'"),
        (["--port", "0"], "--port and --no-browser work only with --open"),
        (["--no-browser"], "--port and --no-browser work only with --open"),
        (["--open", "--port", "65536"], "'65536' is not a port"),
        (["--open", "--file", "x"], "--file works only without --open"),
    ],
)
def test_wrong_use_is_told(arguments: list[str], said: str) -> None:
    done = demo(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "number",
    [signal.SIGINT, signal.SIGTERM, signal.SIGHUP],
    ids=["SIGINT", "SIGTERM", "SIGHUP"],
)
def test_an_interrupted_run_leaves_no_process(number: signal.Signals) -> None:
    with subprocess.Popen(
        DEMO, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("websocket"):
                break  # the servers run
        children = child_commands(process.pid)
        process.send_signal(number)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "interrupted" in said
    assert "Traceback" not in said
    assert children, "no server was running"
    assert not [pid for pid in children if alive(pid)]


def child_commands(parent: int) -> list[int]:
    """Return the children of a process, from Linux's /proc."""
    path = Path(f"/proc/{parent}/task/{parent}/children")
    return [int(pid) for pid in path.read_text().split()]


def alive(pid: int) -> bool:
    """Say whether a process still runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_default_text_is_a_real_one() -> None:
    lines = read_lines(None)
    assert len(lines) > 100
    assert any("PYTHON SOFTWARE FOUNDATION" in line.upper() for line in lines)


def test_the_demo_configuration_forwards_no_upgrade() -> None:
    config = (ROOT / "src/byway/demo/nginx.conf").read_text()
    assert "proxy_pass" in config
    assert not re.search(r"^[^#]*(upgrade|proxy_http_version)", config, re.I | re.M)
