#!/usr/bin/env bash
# Hypercorn 0.18.0 (PyPI), with the client of websockets 16.0, Python 3.11, 2026-12-01
#
# The `websocket.disconnect` that an application receives carries code 1006 (no close frame came) and no
# reason, though the client closed with a code and a reason, and the closing handshake of RFC 6455 was
# completed. By the ASGI specification `code` is the one of the close frame. An application behind
# Hypercorn cannot tell a client that is done from one whose network broke. uvicorn 0.38.0 passes both on.
#
# Output seen:
#   hypercorn: the client closed with 1000, 3001; the application was told 1006, 1006
#   uvicorn: the client closed with 1000, 3001; the application was told 1000, 3001
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check hypercorn==0.18.0 uvicorn==0.38.0 websockets==16.0
cd "$dir"
cat > app.py <<'PY'
async def app(scope, receive, send):
    assert scope["type"] == "websocket"
    await receive()
    await send({"type": "websocket.accept"})
    event = await receive()
    print(event["type"], event["code"], flush=True)
PY
timeout 40 venv/bin/python - <<'PY'
import subprocess
import sys
import time

from websockets.sync.client import unix_connect

CODES = 1000, 3001
binds = {"hypercorn": ["--bind", "unix:s1"], "uvicorn": ["--lifespan", "off", "--uds", "s2"]}
wanted = {"hypercorn": [1006, 1006], "uvicorn": [1000, 3001]}
as_seen = True
for name, bind in binds.items():
    command = [sys.executable, "-m", name, *bind, "app:app"]
    quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen(command, **quiet) as server:
        told = []
        for code in CODES:
            while True:
                try:
                    client = unix_connect(bind[-1].removeprefix("unix:"), "ws://localhost/")
                    break
                except OSError:
                    time.sleep(0.1)  # not listening yet
            with client as websocket:
                websocket.close(code, "done")
            told.append(int(server.stdout.readline().removeprefix("websocket.disconnect ")))
        server.terminate()
    print(f"{name}: the client closed with 1000, 3001; the application was told {told[0]}, {told[1]}")
    as_seen &= told == wanted[name]
sys.exit(not as_seen)
PY
