"""The benchmarks run, and say what they measured; how fast anything was is not tested here."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.peers import chart, pages
from benchmarks.peers.clients import CLIENTS
from benchmarks.peers.figures import BYTES, HANDSHAKE, TARGETS, Cell, Result
from benchmarks.peers.networks import PLACES
from benchmarks.several import figures as several
from benchmarks.several import machine
from benchmarks.several import page as several_page
from benchmarks.several.talk import Cost
from tests.support.process import ROOT


def made_up() -> Result:
    cells = {
        (variant, client, network): Cell([2.0, 3.0, 4.0])
        for variant in (BYTES, HANDSHAKE)
        for client in CLIENTS
        for network in PLACES
    }
    cells[BYTES, "sockjs", "mute"] = Cell([math.inf], none="> 150")
    cells[BYTES, "websockets", "mute"] = Cell([2.0, 3.0, math.inf], none="gives up")
    return Result(3, {"byway": "0.1.0"}, {}, 150.0, cells)


@pytest.mark.skipif(
    shutil.which("node") is None and os.environ.get("BYWAY_REQUIRE_PARTS") != "1",
    reason="node is not installed",
)
def test_settling_measures_each_client_and_each_transport_by_hand() -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.settling", "--json", "--networks", "flush-2s"),
            *("--wait", "1", "--echoes", "2"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr  # 1: a second is little to settle
    figures = json.loads(done.stdout)
    assert [(one["client"], one["transports"], one["talks"]) for one in figures] == [
        ("python", "stream", False),
        ("python", "sse", False),
        ("python", "poll", False),
        ("python", "", False),
        ("python", "", True),
        ("page", "", False),
        ("page", "", True),
    ]
    assert all(one["median"] > 0.04 for one in figures), "the round trip takes that long"


def test_a_run_measures_what_it_is_asked_for(tmp_path: Path) -> None:
    picture = tmp_path / "picture.svg"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.first_echo", "--json", "--rounds", "1"),
            *("--clients", "byway,websockets", "--networks", "black-hole,healthy"),
            *("--variants", "bytes", "--cap", "3", "--svg", picture),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr  # 1: this machine is too slow for a target
    result = json.loads(done.stdout)
    cells = {(cell["client"], cell["network"]): cell for cell in result["cells"]}
    assert set(cells) == {
        (client, network)
        for client in ("byway", "websockets")
        for network in ("healthy", "black-hole")
    }
    for key in (("byway", "healthy"), ("byway", "black-hole"), ("websockets", "healthy")):
        assert cells[key]["median"] >= 2, "a WebSocket and an echo take two round trips at least"
        assert len(cells[key]["times"]) == 1
    assert cells["websockets", "black-hole"]["median"] is None
    assert cells["websockets", "black-hole"]["none"] == "> 30"
    assert {(one["client"], one["network"]) for one in result["targets"]} == {
        ("byway", "healthy"),
        ("byway", "black-hole"),
    }
    assert done.returncode == int(not all(one["met"] for one in result["targets"]))
    assert ElementTree.parse(picture).getroot().tag.endswith("svg")


def test_targets_are_about_what_is_measured() -> None:
    assert {client for client, _ in TARGETS} <= set(CLIENTS)
    assert {network for _, network in TARGETS} <= set(PLACES)


def test_a_cell_says_why_no_echo_came() -> None:
    result = made_up()
    assert result.cells[BYTES, "byway", "mute"].text == "3.0 (2.0 – 4.0)"
    assert result.cells[BYTES, "sockjs", "mute"].text == "> 150"
    assert result.cells[BYTES, "websockets", "mute"].text == "3.0 (2.0 – gives up)"


def test_a_missed_target_is_said() -> None:
    result = made_up()
    assert [(client, network) for client, network, _, _, met in result.targets() if not met] == [
        ("byway", "healthy"),
        ("byway-remembered", "black-hole"),
    ]
    assert pages.plain(result).count("MISSED") == 2
    assert pages.markdown(result).count("**missed**") == 2


def test_what_could_not_be_measured_is_said() -> None:
    result = made_up()
    result.skipped["phoenix"] = "node is missing"
    assert "Not measured: phoenix (node is missing)." in pages.plain(result)
    assert "Not measured: phoenix (node is missing)." in pages.markdown(result)


def test_the_page_is_rewritten_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text((ROOT / "docs" / "benchmarks.md").read_text())
    pages.rewrite(page, made_up())
    once = page.read_text()
    pages.rewrite(page, made_up())
    assert page.read_text() == once
    assert pages.markdown(made_up()) in once


def test_the_picture_shows_every_client_in_every_network() -> None:
    root = ElementTree.fromstring(chart.svg(made_up()))
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    for client in CLIENTS.values():
        assert texts.count(client.label) == len(PLACES)
    dots = [e for e in root.iter() if e.tag.endswith("circle")]
    assert len(dots) == len(CLIENTS) * len(PLACES) - 1 + 1  # one crossed out, one in the legend


def cost(cpu: float, p50: float = 1e-4, push: float = 1000.0) -> Cost:
    return Cost(cpu, p50, push, (cpu,))


def made_up_hops(relayed: float = 160e-6, push: float = 900.0) -> several.Result:
    result = several.Result({"byway": "0.1.0"})
    one = several.Round(
        alone=cost(100e-6),
        again=cost(104e-6),
        owner=cost(101e-6),
        relayed=cost(relayed, 2e-4, push),
        echo=several.Bare(50e-6, 1e-4),
        fast_echo=several.Bare(20e-6, 5e-5),
        least=several.Bare(30e-6, 8e-5),
    )
    result.rounds["stream"] = [one]
    result.fleets["stream"] = [several.Fleet(100e-6, 150e-6, (2, 2, 2, 2))]
    result.memory = {1: [30_000.0], 4: [31_000.0]}
    result.opening = [40e-6]
    result.get = [30e-6]
    return result


def test_what_several_processes_cost_is_held_to_its_targets() -> None:
    found = {one.name: one for one in made_up_hops().targets()}
    assert all(one.met for one in found.values()), found
    assert found["`stream`, CPU of the hop"].median == pytest.approx(59 / 50)
    # 75 % of the calls are relayed, each of which costs 160/101: what 4 workers may cost, and 10 %.
    bound = found["`stream`, CPU of 4 workers to 1"].bound
    assert bound == pytest.approx(1.1 * (1 + 0.75 * (160 / 101 - 1)))
    missed = [one.name for one in made_up_hops(relayed=300e-6, push=700.0).targets() if not one.met]
    assert missed == ["`stream`, CPU of the hop", "`stream`, pushed through a relay"]
    assert several_page.plain(made_up_hops(push=700.0)).count("MISSED") == 1
    plain = several_page.plain(made_up_hops())
    assert "A bare GET at the pace of the openings, one at a time: 30 µs" in plain
    beyond = found["an opening beyond a bare GET, CPU of Redis"]
    assert beyond.median == pytest.approx(10)
    assert "0.60 ×" in several_page.plain(made_up_hops())  # bare forwarding, to the echo
    assert several_page.markdown(made_up_hops(push=700.0)).count("**missed**") == 1


def test_the_page_on_several_processes_is_rewritten_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "scale.md"
    page.write_text((ROOT / "docs" / "explanation" / "scale.md").read_text())
    several_page.rewrite(page, made_up_hops())
    once = page.read_text()
    several_page.rewrite(page, made_up_hops())
    assert page.read_text() == once
    assert several_page.markdown(made_up_hops()) in once


@pytest.mark.skipif(not machine.can_measure(), reason="only Linux tells what processes use")
def test_a_relayed_session_is_measured_beside_one_on_its_owner() -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.relay", "--quick", "--json", "--parts", "hops"),
            *("--transports", "stream"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr  # 1: it says that a target was missed
    result = json.loads(done.stdout)
    (one,) = result["rounds"]["stream"]
    assert len(one["relayed"]["shares"]) == 2
    assert all(share > 0 for share in one["relayed"]["shares"]), "both have something to do"
    assert len(one["owner"]["shares"]) == 1
    assert one["echo"]["cpu"] > 0
    assert one["fast_echo"]["cpu"] > 0
    assert done.returncode == int(not all(target["met"] for target in result["targets"]))
