"""The commands of docs/deploy run: as plain processes, with its Redis, behind its proxies."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

import byway
from byway.negotiation import DEFAULT_ORDER
from tests.support.process import (
    ROOT,
    Program,
    find_program,
    free_port,
    running,
    wait_until_accepting,
)
from tests.support.proxies import started
from tests.support.redis import RedisServer, redis_server

DEPLOY = ROOT / "docs" / "deploy"
PASSWORD = "a-password-of-the-tests"
COUNT = 4
SESSIONS = 4


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Run Redis with the two files of the page, and no more than they say."""
    folder = tmp_path_factory.mktemp("redis")
    users = (DEPLOY / "users.acl").read_text()
    assert users.count(">change-this") == 1
    (folder / "users.acl").write_text(users.replace(">change-this", f">{PASSWORD}"))
    said = (DEPLOY / "redis.conf").read_text()
    assert "aclfile /etc/redis/users.acl" in said
    options = [
        f"--{line}".replace("/etc/redis/users.acl", str(folder / "users.acl"))
        for line in said.splitlines()
        if not line.startswith("#")
    ]
    words = [word for option in options for word in shlex.split(option)]
    with redis_server("redis", *words) as server:
        yield server


def url_of(redis: RedisServer) -> str:
    return f"redis://chat:{PASSWORD}@127.0.0.1:{redis.port}/0"


def command(words: list[str], port: int) -> list[str]:
    """Return a command of the page as it runs here: this Python's uvicorn, on the loopback."""
    assert words[0].rpartition("/")[2] == "uvicorn"
    words = ["127.0.0.1" if word == "0.0.0.0" else word for word in words]
    if "--port" in words:
        words[words.index("--port") + 1] = str(port)
    return [sys.executable, "-m", "uvicorn", *words[1:]]


@contextmanager
def serving(words: list[str], count: int, env: Mapping[str, str]) -> Iterator[list[int]]:
    """Run a command so many times, each on a port of its own; give the ports."""
    ports = []
    with ExitStack() as stack:
        for _ in range(count):
            port = free_port()
            program = stack.enter_context(running(Program(command(words, port), env=env)))
            assert wait_until_accepting(program, port), program.log.lines
            ports.append(port)
        yield ports


@contextmanager
def proxied(kind: str, ports: list[int]) -> Iterator[int]:
    """Run HAProxy or nginx with the file of the page before these ports; give its port."""
    program = find_program(kind)
    addresses = [f"127.0.0.1:{one}" for one in ports]

    def filled(text: str, port: int) -> str:
        for number, address in enumerate(addresses, 1):
            assert f"127.0.0.1:800{number}" in text
            text = text.replace(f"127.0.0.1:800{number}", address)
        return re.sub(r"(bind |listen )[^;\s]*8000", rf"\g<1>127.0.0.1:{port}", text)

    def start(folder: Path, port: int) -> list[str]:
        if kind == "haproxy":
            file = folder / "haproxy.cfg"
            file.write_text(filled((DEPLOY / "haproxy.cfg").read_text(), port))
            return [program, "-db", "-f", str(file)]
        file = folder / "nginx.conf"
        file.write_text(
            f"daemon off; pid {folder}/pid; error_log stderr; events {{}}\n"
            f"http {{ access_log off; client_body_temp_path {folder}/body; "
            f"proxy_temp_path {folder}/proxy;\n"
            f"{filled((DEPLOY / 'nginx.conf').read_text(), port)}}}\n"
        )
        return [program, "-p", str(folder), "-c", str(file), "-e", "stderr"]

    with started(start) as proxy:
        yield proxy.port


def told(place: str) -> list[dict[str, Any]]:
    """Return what `byway sessions` lists."""
    done = subprocess.run(
        [sys.executable, "-m", "byway", "sessions", "--json"],
        env={"BYWAY_BACKPLANE": place, "PATH": "/usr/bin"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [one for where in json.loads(done.stdout)["places"] for one in where["processes"]]


async def talk(port: int, transport: str) -> None:
    """Have sessions in which each message comes back through Redis' pub/sub, and none is lost."""
    for number in range(SESSIONS):
        url = f"http://127.0.0.1:{port}/rooms/{transport}{number}/ann"
        async with byway.connect(url, transports=[transport], memory=False) as channel:
            assert str(await channel.receive()).startswith("welcome, ann")
            for text in ("one", "two", "three"):
                await channel.send(text)
                assert await channel.receive() == f"ann: {text}"


def compose() -> list[str]:
    words: list[str] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["chat"][
        "command"
    ]
    return words


def kubernetes() -> list[str]:
    for manifest in yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()):
        if manifest["kind"] == "Deployment":
            words: list[str] = manifest["spec"]["template"]["spec"]["containers"][0]["args"]
            return words
    raise AssertionError("there is no Deployment")


def unit(name: str) -> dict[str, str]:
    """Return the settings of a unit of systemd."""
    lines = (DEPLOY / name).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def test_compose_and_kubernetes_run_the_same() -> None:
    assert compose() == kubernetes()


async def test_four_containers_share_their_sessions_through_the_redis_of_the_page(
    redis: RedisServer,
) -> None:
    """Its user may do what byway and the example need; the balancer leads each request on."""
    env = {"BYWAY_BACKPLANE": url_of(redis), "REDIS_URL": url_of(redis)}
    with serving(compose(), COUNT, env) as ports, proxied("haproxy", ports) as port:
        for transport in DEFAULT_ORDER:
            await talk(port, transport)
        found = told(url_of(redis))
    assert len(found) == COUNT
    assert sum(one["claims"]["mine"] for one in found) == SESSIONS * len(DEFAULT_ORDER)
    assert sum(one["calls"]["relay"] for one in found) > 0
    with redis.client(username="chat", password=PASSWORD) as client:
        with pytest.raises(Exception, match=r"(?i)no permissions"):
            client.flushall()


async def test_units_of_one_machine_share_their_sessions(
    redis: RedisServer, tmp_path: Path
) -> None:
    """Behind nginx, round robin, with the files of the page."""
    said = unit("chat@.service")
    name, _, place = said["Environment"].partition("=")
    assert (name, place) == ("BYWAY_BACKPLANE", f"unix:/run/{said['RuntimeDirectory']}")
    here = f"unix:{tmp_path}/chat"
    env = {"BYWAY_BACKPLANE": here, "REDIS_URL": url_of(redis)}
    words = said["ExecStart"].split()
    with serving(words, COUNT, env) as ports, proxied("nginx", ports) as port:
        for transport in DEFAULT_ORDER:
            await talk(port, transport)
        found = told(here)
    assert len(found) == COUNT
    assert sum(one["calls"]["relay"] for one in found) > 0


async def test_one_unit_with_four_workers_needs_nothing(redis: RedisServer) -> None:
    words = unit("chat.service")["ExecStart"].split()
    with serving(words, 1, {"REDIS_URL": url_of(redis)}) as (port,):
        for transport in DEFAULT_ORDER:
            await talk(port, transport)
