#!/usr/bin/env bash
# Sanic 25.12.1 (PyPI), under its own server and uvicorn 0.54.0, websockets 16.0, Python 3.11, 2026-12-01
#
# `await ws.close(4001, "enough")` in a WebSocket handler sends nothing where Sanic is served through ASGI: the
# method is empty there. The handler goes on, the client is told nothing, and goes on getting messages; when
# the handler returns, it sees 1006 (no close frame) instead of the code and reason. Under Sanic's own
# server the same line closes at once with both. A documented call that does its work under one of the two
# ways to deploy, and silently none under the other.
#
# Output seen:
#   sanic's own server: 4001 enough, after 1 message
#   uvicorn: 1006 -, after 2 messages
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check sanic==25.12.1 uvicorn==0.54.0 websockets==16.0
cd "$dir"
cat > app.py <<'PY'
import asyncio
from contextlib import suppress
from sanic import Sanic
app = Sanic("closing")
@app.websocket("/")
async def closing(request, ws):
    await ws.send("before")
    await ws.close(4001, "enough")
    with suppress(Exception):  # of a connection that is closed
        await ws.send("after")
PY
timeout 40 venv/bin/python - <<'PY'
import subprocess
import sys
import time
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import unix_connect
own = [sys.executable, "-m", "sanic", "app:app", "--unix", "s1", "--single-process"]
asgi = [sys.executable, "-m", "uvicorn", "app:app", "--uds", "s2"]
seen = []
for name, path, command in ("sanic's own server", "s1", own), ("uvicorn", "s2", asgi):
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        while True:
            try:
                client = unix_connect(path, "ws://localhost/")
                break
            except OSError:
                time.sleep(0.1)  # not listening yet
        count = 0
        try:
            while client.recv(timeout=10):
                count += 1
        except ConnectionClosed:
            seen.append((int(client.protocol.close_code), client.protocol.close_reason or "-", count))
        server.terminate()
    print("{}: {} {}, after {} message{}".format(name, *seen[-1], "s" * (count > 1)))
sys.exit(seen != [(4001, "enough", 1), (1006, "-", 2)])
PY
