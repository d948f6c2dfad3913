#!/usr/bin/env bash
# PyPI `sseclient-py` 1.9.0 (requests 2.34.2) and `aiohttp-sse-client2` 0.3.0 (aiohttp 3.14.5), Python 3.11, 2026-12-01
#
# A response that ends properly inside of an event (proxies do that when their server dies) leaves an event without its blank
# line. By the HTML standard (section 9.2.6) it must be discarded. sseclient-py hands it out as if it were whole.
# aiohttp-sse-client2 keeps the half and puts it before the first event of the next response, after it has come back by itself.
# httpx-sse 0.4.3 discards it.
#
# Output seen:
#   sseclient-py: ['one', 'half an e']
#   aiohttp-sse-client2: ['one', 'half an e\nhalf an event']
#   httpx-sse: ['one']
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install --quiet sseclient-py==1.9.0 requests==2.34.2 aiohttp-sse-client2==0.3.0 aiohttp==3.14.5 \
  httpx-sse==0.4.3 httpx==0.28.1
cat > ask.py <<'PY'
import asyncio, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx, httpx_sse, requests, sseclient
from aiohttp_sse_client2.client import EventSource

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        again = self.headers.get("Last-Event-Id")
        body = b"data: half an event\nid: 2\n\n" if again else b"retry: 100\ndata: one\nid: 1\n\ndata: half an e"
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass

async def with_aiohttp(url):
    async with asyncio.timeout(20), EventSource(url) as source:
        return [(await anext(source)).data for _ in range(2)]

server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/"
first = [one.data for one in sseclient.SSEClient(requests.get(url, stream=True)).events()]
second = asyncio.run(with_aiohttp(url))
with httpx.Client() as client, httpx_sse.connect_sse(client, "GET", url) as source:
    third = [one.data for one in source.iter_sse()]
print(f"sseclient-py: {first}\naiohttp-sse-client2: {second}\nhttpx-sse: {third}")
wanted = (["one", "half an e"], ["one", "half an e\nhalf an event"], ["one"])
raise SystemExit((first, second, third) != wanted)
PY
env -u http_proxy -u HTTP_PROXY timeout 40 env/bin/python ask.py
