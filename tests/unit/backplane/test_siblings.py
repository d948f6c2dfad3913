"""Siblings: who has a place in common, and who has not."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from byway.backplane.siblings import PREFIX, bases, siblings
from tests.support.process import ROOT

TELL = "from byway.backplane.siblings import siblings; print(siblings())"

CHILDREN = """
    import multiprocessing, sys

    def tell():
        from byway.backplane.siblings import siblings
        print(siblings())

    if __name__ == "__main__":
        context = multiprocessing.get_context(sys.argv[1])
        for _ in range(2):
            child = context.Process(target=tell)
            child.start()
            child.join()
"""

FORKING = """
    import os, sys
    if sys.argv[1] == "gunicorn":
        import gunicorn.arbiter
        os.environ["SERVER_SOFTWARE"] = "gunicorn/27.0.1"
    from byway.backplane.siblings import siblings
    for _ in range(2):
        if not os.fork():
            print(siblings(), flush=True)
            os._exit(0)
        os.wait()
"""


def told(program: str, *arguments: str, folder: Path) -> list[str]:
    """Run a program, and return the lines that it writes."""
    path = folder / "program.py"
    path.write_text(textwrap.dedent(program))
    return subprocess.run(
        [sys.executable, str(path), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()


def test_a_process_that_was_started_by_itself_has_none() -> None:
    """It makes no file, and listens nowhere."""
    assert multiprocessing.parent_process() is None
    assert siblings() is None


@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
def test_children_of_one_process_have_a_place_in_common(tmp_path: Path, method: str) -> None:
    """And a secret with it; those of another process have neither."""
    first, second = told(CHILDREN, method, folder=tmp_path)
    other, _ = told(CHILDREN, method, folder=tmp_path)
    assert first == second
    assert PREFIX in first
    for one, another in zip(first.split(", "), other.split(", "), strict=True):
        assert one != another
    assert "None" not in first


def test_the_key_cannot_be_learnt_from_the_name(tmp_path: Path) -> None:
    """The name of the directory is public, what it is made of is not."""
    name, secret = eval_siblings(told(CHILDREN, "spawn", folder=tmp_path)[0])
    assert len(secret) == 32
    assert secret.hex()[:8] not in name


def eval_siblings(line: str) -> tuple[str, bytes]:
    """Read what a child printed."""
    import ast

    name, secret = (part.split("=", 1)[1] for part in line[9:-1].split(", ", 1))
    return ast.literal_eval(name), ast.literal_eval(secret)


def test_workers_of_one_gunicorn_have_a_place_in_common(tmp_path: Path) -> None:
    """Of their parent, which everybody may know: so they have no secret yet."""
    first, second = told(FORKING, "gunicorn", folder=tmp_path)
    other, _ = told(FORKING, "gunicorn", folder=tmp_path)
    assert first == second != other
    assert first.endswith("secret=None)")


def test_who_forks_without_gunicorn_has_none(tmp_path: Path) -> None:
    """Two servers that one shell started are no siblings."""
    assert told(FORKING, "nothing", folder=tmp_path) == ["None", "None"]


def test_an_application_that_imports_gunicorn_is_not_its_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its arbiter has to have started."""
    pytest.importorskip("gunicorn.arbiter")
    monkeypatch.delenv("SERVER_SOFTWARE", raising=False)
    assert siblings() is None


def test_where_places_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """In memory before on a disk, and never at a relative path."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1000")
    found = [str(one) for one in bases()]
    assert found[-2] == "/run/user/1000"
    assert found[:-2] == (["/dev/shm"] if os.path.isdir("/dev/shm") else [])
    monkeypatch.setenv("XDG_RUNTIME_DIR", "run")
    assert [str(one) for one in bases()] == [one for one in found if "user" not in one]
