"""Network namespaces: networks of one's own, with real routes, families and losses.

Knows: how Linux makes a namespace, a cable between two, a black hole, and names in one.
Must not know: what is tested in it.

A namespace lives as long as the process that holds it, so that nothing is left behind by a run that
was killed. Programs run in it; the test itself stays outside.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.process import ROOT, Program, find_program, part_is_missing

NOBODY = "02:00:00:00:00:99"
"""A link address that no interface has: a frame to it is dropped without a word."""


class Namespace:
    """A network of its own, with a loopback that is up and nothing else.

    Attributes:
        pid: the process that holds it.
    """

    def __init__(self, pid: int) -> None:
        """Stand for the namespace of a process."""
        self.pid = pid

    def command(self, *words: str | Path) -> list[str]:
        """Return the command line that runs a command in this namespace."""
        enter = [find_program("nsenter"), f"--target={self.pid}", "--net", "--mount"]
        return [*enter, f"--wd={ROOT}", "--", *map(str, words)]

    def run(self, *words: str | Path, timeout: float = 10.0) -> str:
        """Run a command to its end; return what it wrote.

        Raises:
            AssertionError: it failed; the message has what it wrote.
        """
        done = subprocess.run(
            self.command(*words), capture_output=True, text=True, timeout=timeout, check=False
        )
        assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def start(self, *words: str | Path, env: Mapping[str, str] | None = None) -> Program:
        """Start a program in this namespace; `tests.support.process.running` stops it."""
        return Program(self.command(*words), env=env)

    def ip(self, words: str) -> str:
        """Run `ip` (iproute2) with these words."""
        return self.run(find_program("ip"), *words.split())

    def hosts(self, folder: Path, names: Mapping[str, str]) -> None:
        """Give names addresses for the programs here alone, which read them in /etc/hosts.

        Args:
            folder: where the file is put.
            names: addresses of each host name, divided by spaces, in the order of the file.
        """
        lines = [f"{address} {name}" for name, many in names.items() for address in many.split()]
        file = folder / f"hosts-{self.pid}"
        file.write_text("\n".join(["127.0.0.1 localhost", "::1 localhost", *lines, ""]))
        self.run(find_program("mount"), "--bind", file, "/etc/hosts")

    def black_hole(self, address: str, device: str) -> None:
        """Let packets to an address leave by a device and get lost, without any word of it.

        Args:
            address: an address that the device's subnet has, and nobody answers for.
            device: an interface that is up.
        """
        self.ip(f"neigh replace {address} lladdr {NOBODY} dev {device} nud permanent")


@contextmanager
def namespace() -> Iterator[Namespace]:
    """Make a namespace that is gone after the block, with the interfaces in it.

    It skips the test where there can be none, or fails it where BYWAY_REQUIRE_PARTS=1.
    """
    find_program("ip")
    find_program("nsenter")
    holder = subprocess.Popen(
        [
            find_program("unshare"),
            "--net",
            "--mount",
            "sh",
            "-c",
            "ip link set lo up && echo ready && exec cat",
        ],
        stdin=subprocess.PIPE,  # closed when this process ends, and then the holder ends too
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={"PATH": "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"},
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    try:
        said = holder.stdout.readline().strip()
        if said != "ready":
            part_is_missing(f"no network namespace can be made here: {said}")
        yield Namespace(holder.pid)
    finally:
        holder.stdin.close()
        holder.wait(10)
        holder.stdout.close()


def join(one: Namespace, name: str, other: Namespace, other_name: str) -> None:
    """Lay a cable between two namespaces, or within one: two interfaces that are up (veth).

    Args:
        one: a namespace.
        name: what the interface is called in it.
        other: another one, or the same.
        other_name: what the interface is called in that.
    """
    one.ip(f"link add {name} type veth peer name {other_name} netns {other.pid}")
    for at, called in ((one, name), (other, other_name)):
        at.ip(f"link set {called} up")
