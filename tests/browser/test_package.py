"""What npm gets: the right files, which Node imports by name and TypeScript understands."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

import byway.browser
from tests.support.process import find_program, part_is_missing

ROOT = Path(__file__).resolve().parents[2]
BROWSER = ROOT / "browser"
TOOLS = BROWSER / "tools"

PROGRAM = """
import fallback, { BywaySocket } from "byway"
import { BywaySocket as Small } from "byway/min"
for (const one of [BywaySocket, Small]) {
  const options = { transports: "stream, poll", openTimeout: 1 }
  const socket = new one("ws://127.0.0.1:9/", ["chat"], options)
  const { transports, plain, transport, failure, url } = socket.report()
  console.log(JSON.stringify([one.name, one.OPEN, url, transport, failure, plain, transports]))
  socket.close()
}
console.log(JSON.stringify(fallback === BywaySocket && !(BywaySocket === Small)))
"""

TYPED = """
import { BywaySocket, type BywayOptions, type BywayReport, type Transport } from "byway";
import Small from "byway/min";

const options: BywayOptions = { transports: "stream", patience: { sse: 1 } };
const socket: WebSocket = new BywaySocket("/live", ["chat"], options);
socket.onmessage = ({ data }) => console.log(data);
const small = new Small(new URL("https://example.test/live"));
const used: Transport | null = small.transport;
const report: BywayReport = small.report();
small.addEventListener("transport", ({ detail }) => console.log(detail satisfies Transport));
console.log(used, report.plain);
const undo: () => void = BywaySocket.install({ memory: false });
undo();
// @ts-expect-error there is no such option
new BywaySocket("/live", [], { transport: "stream" });
// @ts-expect-error there is no such transport
new BywaySocket("/live", [], { transports: ["smoke"] });
"""


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command; return what it printed."""
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=50
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """Pack it; return the tarball, and the files in it."""
    folder = tmp_path_factory.mktemp("packed")
    npm = find_program("npm")
    told = run(npm, "pack", "--json", "--pack-destination", folder, cwd=BROWSER)
    (one,) = json.loads(told)
    return folder / one["filename"], one["files"]


@pytest.fixture(scope="module")
def project(
    packed: tuple[Path, list[dict[str, Any]]], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Install it in a project of its own."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    npm = find_program("npm")
    run(npm, "install", "--offline", "--no-audit", "--no-fund", packed[0], cwd=folder)
    return folder


def test_these_files_are_in_it(packed: tuple[Path, list[dict[str, Any]]]) -> None:
    files = {one["path"] for one in packed[1]}
    wanted = {
        "byway.js",
        "byway.min.js",
        "byway.global.js",
        "byway.d.ts",
        "LICENSE",
        "README.md",
        "package.json",
    }
    assert files == wanted


def test_the_licence_is_the_projects() -> None:
    assert (BROWSER / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_the_version_is_the_projects() -> None:
    version = json.loads((BROWSER / "package.json").read_text())["version"]
    assert f'version = "{version}"' in (ROOT / "pyproject.toml").read_text()
    assert byway.browser.read().startswith(f"/*! byway {version}, MIT */".encode())


def test_node_imports_both_by_name(project: Path) -> None:
    (project / "program.js").write_text(PROGRAM)
    node = find_program("node")
    *told, same = map(json.loads, run(node, "program.js", cwd=project).splitlines())
    untried = [{"transport": one, "verdict": "not tried"} for one in ("stream", "poll")]
    wanted = ["BywaySocket", 1, "ws://127.0.0.1:9/", None, None, False, untried]
    assert told == [wanted, wanted]
    assert same


def test_typescript_understands_it(project: Path) -> None:
    compiler = TOOLS / "node_modules" / "typescript" / "bin" / "tsc"
    if not compiler.exists():
        part_is_missing("TypeScript is not installed (make test does it)")
    (project / "typed.ts").write_text(TYPED)
    options = "--strict --noEmit --target es2022 --module nodenext --lib es2022,dom,dom.iterable"
    run(find_program("node"), compiler, *options.split(), "typed.ts", cwd=project)


def test_no_name_is_shortened_that_others_know() -> None:
    names = set(json.loads((TOOLS / "names.json").read_text()))
    types = re.sub(r"/\*.*?\*/", "", (BROWSER / "byway.d.ts").read_text(), flags=re.DOTALL)
    assert not names & set(re.findall(r"(\w+)\??[:(]", types))
    page = (ROOT / "docs" / "protocol.md").read_text()
    hello = page[page.index("`HELLO` is a JSON object") : page.index("Unknown fields")]
    opening = page[page.index("## OPEN") : page.index("count as an\n`ACK`")]
    on_the_wire = set(re.findall(r"`(\w+)`", hello + opening))
    assert {"session", "received", "heartbeat", "subprotocol"} <= on_the_wire
    assert not names & on_the_wire
    text = (BROWSER / "byway.js").read_text()
    assert not [one for one in names if not re.search(rf"\b{one}\b", text)], "no longer there"
