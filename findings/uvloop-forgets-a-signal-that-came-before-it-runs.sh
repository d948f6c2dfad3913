#!/usr/bin/env bash
# uvloop 0.23.0 (PyPI), Python 3.11, 2026-12-01
#
# `loop.add_signal_handler` may be called before the loop runs. A signal that arrives then is kept by asyncio: its
# handler runs as soon as the loop does. uvloop connects its loop with Python's wakeup descriptor only while the
# loop runs: the signal is noted, and nothing looks at the note until another signal comes. A server that says that
# it serves just before it runs its loop (Granian 2.8.9: "Started worker") loses a SIGTERM sent at that line, and
# never stops. So wait until a server has responded before you stop it.
#
# Output seen:
#   asyncio: the handler ran
#   uvloop: 0 runs within 2 s; after a second signal 1
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check uvloop==0.23.0
timeout 40 "$dir/venv/bin/python" - <<'PY'
import asyncio
import os
import signal
import sys

import uvloop


def runs(loop: asyncio.AbstractEventLoop) -> tuple[int, int]:
    """Return how often the handler had run after 2 s, and after a second signal."""
    count = 0

    def handler() -> None:
        nonlocal count
        count += 1

    async def main() -> tuple[int, int]:
        await asyncio.sleep(2)
        before = count
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0.5)
        return before, count

    loop.add_signal_handler(signal.SIGTERM, handler)
    os.kill(os.getpid(), signal.SIGTERM)
    found = loop.run_until_complete(main())
    loop.close()
    return found


plain, fast = runs(asyncio.new_event_loop()), runs(uvloop.new_event_loop())
print("asyncio:", "the handler ran" if plain[0] else "the handler did not run")
print("uvloop:", f"{fast[0]} runs within 2 s; after a second signal {fast[1]}")
sys.exit(plain[0] != 1 or fast[0] != 0)
PY
