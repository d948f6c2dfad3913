"""Network namespaces as tests use them: cables carry, black holes say nothing, names are local."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support.namespaces import join, namespace

ASK = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=float(sys.argv[3])).close()
    print("open")
except OSError as error:
    print(type(error).__name__)
"""
"""Connects, and prints what came of it."""


def test_a_cable_carries_and_a_black_hole_says_nothing(tmp_path: Path) -> None:
    with namespace() as here, namespace() as there:
        join(here, "out", there, "in")
        here.ip("addr add 192.0.2.1/24 dev out")
        here.ip("addr add 2001:db8::1/64 dev out nodad")
        there.ip("addr add 192.0.2.2/24 dev in")
        here.black_hole("2001:db8::2", "out")
        here.hosts(tmp_path, {"server.test": "192.0.2.2"})

        def ask(host: str, seconds: float) -> str:
            return here.run(sys.executable, "-c", ASK, host, "9", str(seconds)).strip()

        assert ask("192.0.2.2", 20) == "ConnectionRefusedError"
        assert ask("server.test", 20) == "ConnectionRefusedError"
        assert ask("2001:db8::2", 0.5) == "TimeoutError"
        assert here.run("cat", "/etc/hosts").splitlines()[-1] == "192.0.2.2 server.test"
    assert "server.test" not in Path("/etc/hosts").read_text()
