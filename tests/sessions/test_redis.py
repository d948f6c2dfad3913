"""`byway sessions` asks processes on a Redis, with all that can be set up about it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import byway
from tests.support.process import ROOT
from tests.support.redis import redis_server
from tests.support.servers import uvicorn
from tests.support.tls import Authority

SECRET = "a secret of the tests, in a file"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "byway", "sessions", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


async def test_processes_with_a_secret_a_namespace_and_tls_are_asked(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    with redis_server() as redis:
        env = {
            "REDIS_URL": redis.url(),
            "SECRET": SECRET,
            "PAIR": str(authority.pair_file),
            "AUTHORITY": str(authority.authority_file),
        }
        with uvicorn("tests.apps.guarded_app:app", env=env) as server:
            async with byway.connect(server.url("/"), transports=["sse"], memory=False) as channel:
                await channel.send("hello")
                assert await channel.receive() == "hello"
                ours = ("--namespace", "guarded")
                trust = ("--ca", str(authority.authority_file))
                known = ("--secret-file", str(file))
                right, stranger, clear, nobody = await asyncio.gather(
                    *(
                        asyncio.to_thread(run, redis.url(), "--json", *options)
                        for options in (
                            (*ours, *known, *trust),
                            (*ours, *trust),
                            (*ours, *known),
                            (),
                        )
                    )
                )
    assert right.returncode == 0, right.stdout + right.stderr
    ((one,),) = [place["processes"] for place in json.loads(right.stdout)["places"]]
    assert (one["pid"], one["sessions"]) == (server.program.pid, 1)
    for refused in (stranger, clear):
        ((one,),) = [place["processes"] for place in json.loads(refused.stdout)["places"]]
        assert one["error"]
        assert "sessions" not in one, "who has no secret, or no TLS, is told nothing"
        assert refused.returncode == 1
    assert [place["processes"] for place in json.loads(nobody.stdout)["places"]] == [[]]
    assert nobody.returncode == 1


def test_what_belongs_to_redis_is_refused_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "place").mkdir(mode=0o700)
    for place in ([], [f"unix:{tmp_path}/place"]):
        done = run(*place, "--namespace", "x")
        assert done.returncode == 2
        assert "work only with the URL of a Redis" in done.stderr
    done = run("redis://127.0.0.1:1", "--secret-file", str(tmp_path / "missing"))
    assert done.returncode == 2
    assert "cannot be read" in done.stderr
