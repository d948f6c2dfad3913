"""Networks in which one family of addresses is a black hole: packets go out, nothing comes back.

Real ones, in a namespace: `dual.test` has an address of IPv6 that nothing answers for, which the
system wants to be tried first, and one of IPv4 at which the server is.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.namespaces import Namespace, join, namespace
from tests.support.process import START_TIMEOUT, running
from tests.support.servers import LOG_CONFIG
from tests.support.tls import Authority

HOLE, HERE = "2001:db8::2", "192.0.2.1"

NAMES = {
    "dual.test": f"{HOLE} {HERE}",
    "more.test": f"{HOLE} 2001:db8::3 {HERE}",
    "other.test": f"192.0.2.2 {HOLE} {HERE}",
    "wrong.test": f"{HOLE} {HERE}",
    "gone.test": f"{HOLE} 192.0.2.2",
    "proxy.test": f"{HOLE} 127.0.0.1",
}


@dataclass
class Net:
    """The network: a namespace with servers in it, and a client that is told what to do."""

    client: subprocess.Popen[str]
    port: int
    tls_port: int
    mute_port: int
    authority: Authority

    def open(self, url: str, **asked: Any) -> dict[str, Any]:
        """Let the client open a session; return what it says."""
        ports = {"port": self.port, "tls": self.tls_port, "mute": self.mute_port}
        assert self.client.stdin is not None
        assert self.client.stdout is not None
        self.client.stdin.write(json.dumps({"url": url.format(**ports), **asked}) + "\n")
        self.client.stdin.flush()
        found: dict[str, Any] = json.loads(self.client.stdout.readline())
        return found


@contextmanager
def client_in(space: Namespace) -> Iterator[subprocess.Popen[str]]:
    """Run a client in a network. It ends with its input, and so with this process."""
    with subprocess.Popen(
        space.command(sys.executable, "-m", "tests.support.opening"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    """Make the network, and serve in it."""
    folder = tmp_path_factory.mktemp("net")
    authority = Authority(folder, "dual.test", "localhost")
    with namespace() as space:
        join(space, "out", space, "far")
        space.ip(f"addr add {HERE}/24 dev out")
        space.ip("addr add 2001:db8::1/64 dev out nodad")
        for address in (HOLE, "2001:db8::3", "192.0.2.2"):
            space.black_hole(address, "out")
        space.hosts(folder, NAMES)
        serve = [sys.executable, "-m", "uvicorn", "tests.apps.endpoint_app:app"]
        serve += ["--host", "0.0.0.0", "--port", "0", "--log-config", str(LOG_CONFIG)]
        files = [f"--ssl-keyfile={authority.key_file}"]
        files += [f"--ssl-certfile={authority.certificate_file}"]
        mute = "import socket as s; o = s.create_server(('0.0.0.0', 0)); print('port', o."
        mute += "getsockname()[1], flush=True); kept = [o.accept() for _ in range(999)]"
        with (
            running(space.start(*serve)) as plain,
            running(space.start(*serve, *files)) as tls,
            running(space.start(sys.executable, "-c", mute)) as silent,
            client_in(space) as client,
        ):
            ready = re.compile(r"(?:on https?://[^:]+:|^port )(\d+)")
            ports = [
                int(one.log.wait(ready.pattern, timeout=START_TIMEOUT)[1])
                for one in (plain, tls, silent)
            ]
            yield Net(client, ports[0], ports[1], ports[2], authority)


@pytest.mark.parametrize("name", ["dual.test", "more.test", "other.test"])
async def test_the_other_family_is_tried_beside_it(net: Net, transport: str, name: str) -> None:
    told = net.open(f"http://{name}:{{port}}/echo", transports=transport, open_timeout=10)
    assert told.get("transport") == transport, told
    assert told["echo"] == "hello"
    assert told["seconds"] < 5  # one second where the machine is quick; TCP alone takes 130
    assert told["left"] == 0


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/echo", "https://localhost:{tls}/echo"])
async def test_so_it_is_to_a_proxy(net: Net, transport: str, url: str) -> None:
    more = {"authority": str(net.authority.authority_file)} if "https" in url else {}
    told = net.open(url, transports=transport, open_timeout=10, proxy="proxy.test", **more)
    assert told.get("transport") == transport, told
    assert told["seconds"] < 5
    assert told["left"] == 0


async def test_certificates_are_for_the_name_that_was_asked_for(net: Net, transport: str) -> None:
    authority = str(net.authority.authority_file)
    told = net.open(
        "https://dual.test:{tls}/echo",
        transports=transport,
        open_timeout=10,
        authority=authority,
    )
    assert told.get("transport") == transport, told
    told = net.open(
        "https://wrong.test:{tls}/echo",
        transports=transport,
        open_timeout=10,
        authority=authority,
    )
    assert {one[1] for one in told["attempts"]} == {"certificate"}
    assert told["left"] == 0


async def test_never_connected_is_told_from_never_answered(net: Net, transport: str) -> None:
    told = net.open("http://gone.test:{port}/echo", transports=transport, open_timeout=1.5)
    assert [one[1] for one in told["attempts"]] == ["connect-timeout"], told
    assert re.search("never connected", told["attempts"][0][2])
    assert told["report"][0][0] == "unreachable"
    assert re.search("It never connected", told["report"][0][1])
    assert told["left"] == 0
    told = net.open("http://dual.test:{mute}/echo", transports=transport, open_timeout=1.5)
    assert [one[1] for one in told["attempts"]] == ["timeout"], told
    assert "never connected" not in told["attempts"][0][2]
    assert told["report"][0][0] == "silent"
    assert told["left"] == 0


async def test_a_tls_handshake_that_is_not_answered_was_connected(net: Net, transport: str) -> None:
    told = net.open("https://dual.test:{mute}/echo", transports=transport, open_timeout=1.5)
    assert [one[1] for one in told["attempts"]] == ["timeout"], told


async def test_the_doctor_tells_them_apart_too(net: Net) -> None:
    found = net.open("http://gone.test:{port}/echo", doctor=1.5)["report"]
    assert {one[0] for one in found.values()} == {"unreachable"}, found
    assert all("It never connected" in one[1] for one in found.values())
    found = net.open("http://dual.test:{mute}/echo", doctor=1.5)["report"]
    assert {one[0] for one in found.values()} == {"silent"}, found
    found = net.open("http://dual.test:{port}/echo", doctor=8)["report"]
    assert found["websocket"][0] == "works", found


async def test_a_name_server_that_does_not_answer_is_neither(
    net: Net, transport: str, tmp_path: Path
) -> None:
    with namespace() as space:
        join(space, "out", space, "far")
        space.ip("addr add 192.0.2.1/24 dev out")
        space.black_hole("192.0.2.53", "out")
        for name, text in (
            ("resolv.conf", "nameserver 192.0.2.53\n"),
            ("nsswitch.conf", "hosts: files dns\n"),
        ):
            (tmp_path / name).write_text(text)
            space.run("mount", "--bind", tmp_path / name, f"/etc/{name}")
        with client_in(space) as client:
            one = Net(client, net.port, net.tls_port, net.mute_port, net.authority)
            told = one.open("http://slow.example:{port}/", transports=transport, open_timeout=1.5)
    assert [one[1] for one in told["attempts"]] == ["name-timeout"], told
    assert told["report"][0][0] == "unreachable"
    assert re.search("No DNS server responded", told["report"][0][1])
