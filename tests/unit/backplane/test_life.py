"""Life: what a lock says of its process, whatever happens to either."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from byway.backplane.life import Life, Lock, look
from tests.unit.backplane.others import in_child, kill, living


def taken(path: Path) -> Lock:
    """Return a lock of this process that is held."""
    lock = Lock(path)
    lock.take()
    return lock


def test_a_lock_says_that_its_process_lives(tmp_path: Path) -> None:
    """To other processes, and to this one."""
    path = tmp_path / "a.lock"
    assert look(path) is Life.MISSING
    lock = taken(path)
    assert lock.holds()
    assert look(path) is Life.LIVES
    assert in_child(lambda: look(path).name) == "LIVES"
    lock.let_go()
    assert not lock.holds()
    assert look(path) is Life.ENDED
    assert [one.name for one in tmp_path.iterdir()] == ["a.lock"]


def test_a_killed_process_is_seen_dead_at_once(tmp_path: Path) -> None:
    """The kernel lets its lock go."""
    path = tmp_path / "a.lock"
    with living(lambda: taken(path)) as pid:
        assert look(path) is Life.LIVES
        kill(pid)
        assert look(path) is Life.ENDED


def test_a_stopped_process_lives(tmp_path: Path) -> None:
    """It may go on any time, so nobody may say that it has ended."""
    path = tmp_path / "a.lock"
    with living(lambda: taken(path)) as pid:
        os.kill(pid, signal.SIGSTOP)
        os.waitpid(pid, os.WUNTRACED)
        assert look(path) is Life.LIVES


def test_a_forked_child_does_not_outlive_its_parent(tmp_path: Path) -> None:
    """A pool that an application forks holds nothing, so its parent's death is seen."""
    path = tmp_path / "a.lock"
    grandchild = tmp_path / "pid"

    def with_pool() -> Lock:
        lock = taken(path)
        forked, tell = os.pipe()
        if not (pid := os.fork()):
            os.write(tell, b".")  # what is done after a fork has been done
            signal.pause()
        os.read(forked, 1)
        grandchild.write_text(str(pid))
        return lock

    with living(with_pool) as pid:
        try:
            assert look(path) is Life.LIVES
            kill(pid)
            assert look(path) is Life.ENDED
        finally:
            os.kill(int(grandchild.read_text()), signal.SIGKILL)


def test_a_started_program_does_not_hold_it(tmp_path: Path) -> None:
    """Files that Python opens are closed in programs."""
    path = tmp_path / "a.lock"
    lock = taken(path)
    with subprocess.Popen(
        [sys.executable, "-c", "print(); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        close_fds=False,
    ) as program:
        assert program.stdout is not None
        assert program.stdin is not None
        program.stdout.readline()
        lock.let_go()
        assert look(path) is Life.ENDED
        program.stdin.write(b"\n")


def test_a_look_takes_no_lock_away(tmp_path: Path) -> None:
    """Not from another look, and not from an owner that makes its lock anew."""
    path = tmp_path / "a.lock"
    lock = taken(path)
    for _ in range(20):
        with living(lambda: [look(path) for _ in range(100)]):
            lock.take()
            assert lock.holds()
            assert look(path) is Life.LIVES


def test_a_lock_that_was_removed_or_replaced_is_not_held(tmp_path: Path) -> None:
    """Its owner sees that, and takes it again."""
    path = tmp_path / "a.lock"
    lock = taken(path)
    path.unlink()
    assert not lock.holds()
    path.write_bytes(b"")
    assert not lock.holds()
    lock.take()
    assert lock.holds()
    assert look(path) is Life.LIVES


def test_its_own_locks_a_process_knows_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the kernel shows them as free, as it does with the locks of NFS."""
    monkeypatch.setattr("byway.backplane.life.is_free", lambda descriptor: True)
    path = tmp_path / "a.lock"
    lock = taken(path)
    assert look(path) is Life.LIVES
    assert in_child(lambda: look(path).name) == "ENDED"  # a child does not know it
    path.unlink()
    assert look(path) is Life.MISSING
    lock.let_go()


def test_a_link_is_no_lock(tmp_path: Path) -> None:
    """Nobody follows one to a file elsewhere."""
    path = tmp_path / "a.lock"
    path.symlink_to(tmp_path / "elsewhere")
    assert look(path) is Life.UNKNOWN
    assert not (tmp_path / "elsewhere").exists()
    path.unlink()
    (tmp_path / ".a.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        taken(path)


def test_without_descriptors_nobody_is_declared_dead(tmp_path: Path) -> None:
    """What cannot be opened says nothing."""
    path = tmp_path / "a.lock"
    lock = taken(path)

    def starved() -> str:
        import resource

        lowest = os.dup(0)
        os.close(lowest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, lowest))
        return look(path).name

    assert in_child(starved) == "UNKNOWN"
    assert lock.holds()
