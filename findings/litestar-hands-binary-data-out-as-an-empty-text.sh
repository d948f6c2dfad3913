#!/usr/bin/env bash
# Litestar 2.25.0 (PyPI), under uvicorn 0.38.0, with the client of websockets 16.0, Python 3.11, 2026-12-01
#
# A WebSocket handler that reads text (`receive_text`, `iter_data`, or a `websocket_listener` with `data: str`)
# is given an empty string for each binary message, and one that reads bytes gets b"" for each text: the
# message is lost without an error, and cannot be told from an empty one. Starlette 0.50.0 raises for the
# same message.
#
# Output seen:
#   litestar: told 'text', then b'binary'; the handler got 'text', ''
#   starlette: told 'text', then b'binary'; the handler got 'text', KeyError
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check litestar==2.25.0 starlette==0.50.0 uvicorn==0.38.0 websockets==16.0
cd "$dir"
cat > apps.py <<'PY'
from litestar import Litestar, WebSocket, websocket
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
async def listen(socket):
    await socket.accept()
    for _ in range(2):
        try:
            print(repr(await socket.receive_text()), flush=True)
        except Exception as error:
            print(type(error).__name__, flush=True)
@websocket("/")
async def in_litestar(socket: WebSocket) -> None:
    await listen(socket)
litestar = Litestar([in_litestar])
starlette = Starlette(routes=[WebSocketRoute("/", listen)])
PY
timeout 40 venv/bin/python - <<'PY'
import subprocess
import sys
import time
from websockets.sync.client import unix_connect
wanted = {"litestar": ["'text'", "''"], "starlette": ["'text'", "KeyError"]}
as_seen = True
for name in wanted:
    command = [sys.executable, "-m", "uvicorn", "--log-level", "error", "--uds", name, f"apps:{name}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        while True:
            try:
                client = unix_connect(name, "ws://localhost/")
                break
            except OSError:
                time.sleep(0.1)  # not listening yet
        with client as socket:
            socket.send("text")
            socket.send(b"binary")
            got = [server.stdout.readline().strip() for _ in range(2)]
        server.terminate()
    print(f"{name}: told 'text', then b'binary'; the handler got {', '.join(got)}")
    as_seen &= got == wanted[name]
sys.exit(not as_seen)
PY
