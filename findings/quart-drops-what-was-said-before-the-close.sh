#!/usr/bin/env bash
# Quart 0.22.0 (PyPI), under uvicorn 0.38.0, with the client of websockets 16.0, Python 3.11, 2026-12-01
#
# A client sends 20 messages and closes normally (1000). Quart cancels the WebSocket handler as soon as the
# server tells it of the close, although earlier messages are still in its own queue: the handler sees
# the first few and never the rest, without an error anywhere. The ASGI server has delivered all 20 before
# `websocket.disconnect`; a Starlette 0.50.0 handler that does the same work sees all of them. What a
# client says last in Quart counts only if it waits for a reply before it closes.
#
# Output seen (the count varies from run to run):
#   quart: the handler saw 3 of 20 messages
#   starlette: the handler saw 20 of 20 messages
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check quart==0.22.0 starlette==0.50.0 uvicorn==0.38.0 websockets==16.0
cd "$dir"
cat > apps.py <<'PY'
import asyncio
from quart import Quart, websocket
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
quart = Quart(__name__)
async def listen(receive, seen):
    try:
        while True:
            await receive()
            seen += 1
            await asyncio.sleep(0.01)  # some work for each message
    finally:
        print(seen, flush=True)
@quart.websocket("/")
async def in_quart():
    await websocket.accept()
    await listen(websocket.receive, 0)
async def in_starlette(socket):
    await socket.accept()
    await listen(socket.receive_text, 0)
starlette = Starlette(routes=[WebSocketRoute("/", in_starlette)])
PY
timeout 40 venv/bin/python - <<'PY'
import subprocess
import sys
from websockets.sync.client import unix_connect
seen = {}
for name in "quart", "starlette":
    command = [sys.executable, "-m", "uvicorn", "--uds", name, f"apps:{name}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        while not server.stderr.readline().startswith("INFO:     Uvicorn running"):
            pass
        with unix_connect(name, "ws://localhost/") as socket:
            for number in range(20):
                socket.send(str(number))
        seen[name] = int(next(line for line in server.stdout if line.strip().isdigit()))
        server.terminate()
    print(f"{name}: the handler saw {seen[name]} of 20 messages")
sys.exit(not (seen["quart"] < 20 == seen["starlette"]))
PY
