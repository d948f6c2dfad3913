#!/usr/bin/env bash
# Granian 2.8.9 (PyPI), with the client of websockets 16.0, Python 3.11, 2026-12-01
#
# An ASGI application that accepts a WebSocket and then raises an exception gets it closed with a complete
# closing handshake and an empty close frame: code 1005, `wasClean` in a browser, and `async for` of the
# client's library simply ends. To the client it looks like an application that finished well, so one that connects
# again only after failures does not. uvicorn 0.38.0 sends no close frame then, which clients see as 1006.
#
# Output seen:
#   granian: the application raised, the client saw ConnectionClosedOK, 1005
#   uvicorn: the application raised, the client saw ConnectionClosedError, 1006
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check granian==2.8.9 uvicorn==0.38.0 websockets==16.0
cd "$dir"
cat > app.py <<'PY'
async def app(scope, receive, send):
    assert scope["type"] == "websocket"
    await receive()
    await send({"type": "websocket.accept"})
    raise LookupError("a fault of the application")
PY
timeout 40 venv/bin/python - <<'PY'
import socket
import subprocess
import sys
import time

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

options = {"granian": ["--interface", "asginl"], "uvicorn": ["--lifespan", "off"]}
told = []
for name, more in options.items():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", name, *more, "--host", "127.0.0.1", "--port", str(port), "app:app"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        while True:
            try:
                client = connect(f"ws://127.0.0.1:{port}/")
                break
            except OSError:
                time.sleep(0.1)  # not listening yet
        with client as websocket:
            try:
                websocket.recv(timeout=10)
            except ConnectionClosed as closed:
                told.append(f"{type(closed).__name__}, {websocket.protocol.close_code}")
        server.terminate()
    print(f"{name}: the application raised, the client saw {told[-1]}")
sys.exit(told != ["ConnectionClosedOK, 1005", "ConnectionClosedError, 1006"])
PY
