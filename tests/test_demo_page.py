"""`byway demo --open`, and what stands behind its page; see tests/browser for the page itself."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from byway.demo.controls import State
from byway.demo.look import look
from byway.demo.machine import Machine
from byway.demo.tally import Tally
from byway.negotiation import DEFAULT_ORDER
from byway.testing import PROFILES

OPEN = [sys.executable, "-m", "byway", "demo", "--open"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_it_goes_on_until_it_is_ended(number: signal.Signals) -> None:
    # There is no screen, so no browser is looked for; and none is started by this test.
    env = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    with subprocess.Popen(
        [*OPEN, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().removeprefix("The page is at ").strip()
            assert "Ctrl-C" in process.stdout.readline()
            assert "No browser was found" in process.stdout.readline()
            answer = httpx.get(url, trust_env=False)
            assert answer.status_code == 200
            process.send_signal(number)
            rest, said = process.communicate(timeout=20)
        except BaseException:
            process.kill()  # else leaving the block waits for it, and it goes on after the test
            raise
    assert (process.returncode, rest, said) == (0, "", "")
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)


def test_a_taken_port_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [*OPEN, "--no-browser", "--port", str(port)],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 2
    assert f"port {port} cannot be listened on" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


async def test_the_look_without_a_browser_names_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("byway.demo.site.MODULE", "/byway/gone.js")
    seen = await look(DEFAULT_ORDER)
    assert "404" in seen.error


@pytest.mark.parametrize("transports", [DEFAULT_ORDER, ("poll",)])
async def test_the_look_without_a_browser(transports: tuple[str, ...]) -> None:
    seen = await look(transports)
    assert (seen.error, seen.messages) == ("", 10)


def test_the_tally_knows_lost_from_doubled_from_late() -> None:
    tally = Tally()
    for number in (1, 2, 5, 4, 4, 1):
        tally.note(number)
    assert tally.as_json() == {"received": 6, "lost": 1, "doubled": 2, "reordered": 1}
    tally.settle(7)
    assert tally.lost == 3
    tally.note(8)
    assert (tally.lost, tally.reordered) == (3, 1)
    tally.note(6)
    assert (tally.lost, tally.reordered) == (2, 2)


def test_the_figures_are_those_of_proc(tmp_path: Path) -> None:
    def write(busy: int, idle: int, received: int) -> None:
        (tmp_path / "net").mkdir(exist_ok=True)
        (tmp_path / "stat").write_text(f"cpu  {busy} 0 0 {idle} 0 0 0 0 0 0\ncpu0 1 2 3 4\n")
        (tmp_path / "meminfo").write_text("MemTotal: 100 kB\nMemFree: 1 kB\nMemAvailable: 60 kB\n")
        heads = "Inter-| Receive\n face |bytes\n"
        line = "{}: {} 1 0 0 0 0 0 0 {} 1 0 0 0 0 0 0\n"
        (tmp_path / "net" / "dev").write_text(
            heads + line.format("lo", 5, 5) + line.format("eth0", received, 7)
        )

    write(10, 10, 1000)
    machine = Machine(tmp_path)
    write(40, 20, 3000)
    figures = machine.figures()
    assert figures["cpu"] == 0.75
    assert (figures["memory"], figures["memoryTotal"]) == (40 * 1024, 100 * 1024)
    assert figures["networkIn"] > 0
    assert figures["networkOut"] == figures["loopback"] == 0


def test_where_there_is_no_proc_its_figures_are_left_out(tmp_path: Path) -> None:
    figures = Machine(tmp_path / "missing").figures()
    assert set(figures) <= {"load1", "load5", "load15"}


def test_every_state_is_made_of_profiles() -> None:
    asked = {"websocket": "swallow", "buffered": True, "slow": True, "cutting": True}
    state = State().changed(asked)
    assert state.profiles == ["black-hole", "buffer-all", "rtt-100"]
    assert set(state.profiles) <= set(PROFILES)
    assert state.changed({"websocket": "refuse", "buffered": False}).profiles == [
        "refuse-403",
        "rtt-100",
    ]
    assert State().profiles == []
