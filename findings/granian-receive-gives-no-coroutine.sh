#!/usr/bin/env bash
# granian 2.8.9, bareASGI 4.4.1 (PyPI), Python 3.11, 2026-12-01
#
# ASGI's `receive` is an awaitable callable, and most servers write it as `async def`, so frameworks came to hand what it
# returns to `asyncio.create_task`. Granian's returns a future of its own, which can be awaited but is no
# coroutine: `create_task` raises TypeError. bareASGI does so for every HTTP request, to notice a client that leaves, so each
# ordinary request gets 500, while its WebSockets, which only await, work. What helps is one line around the application:
# a `receive` that is an `async def` and awaits the server's. `asyncio.ensure_future` would take both kinds.
#
# Output seen:
#   as it is: 500
#   with a coroutine around receive: 200
set -euo pipefail
dir=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || true; rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check granian==2.8.9 bareASGI==4.4.1
cat >"$dir/app.py" <<'PY'
from bareasgi import Application, HttpRequest, HttpResponse, text_writer


async def hello(request: HttpRequest) -> HttpResponse:
    return HttpResponse(200, [(b"content-type", b"text/plain")], text_writer("hello"))


bare = Application()
bare.http_router.add({"GET"}, "/", hello)


async def mended(scope, receive, send):
    async def coroutine():
        return await receive()

    await bare(scope, coroutine, send)
PY
cd "$dir"
status() {
  local port
  port=$("$dir/venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  "$dir/venv/bin/granian" --host 127.0.0.1 --port "$port" --interface asgi "app:$1" >/dev/null 2>&1 &
  pid=$!
  for _ in $(seq 100); do
    curl --noproxy '*' -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/" >"$dir/code" && break
    sleep 0.2
  done
  kill "$pid"
  wait "$pid" || true
  pid=
}
status bare
as_it_is=$(cat "$dir/code")
status mended
mended=$(cat "$dir/code")
echo "as it is: $as_it_is"
echo "with a coroutine around receive: $mended"
[ "$as_it_is" = 500 ] && [ "$mended" = 200 ]
