#!/usr/bin/env bash
# npm `eventsource` 5.1.5 with Node.js 22.12.0 (npm package `node`), 2026-12-01
#
# An EventSource whose connection has ended comes back after its reconnection time, unless nothing else keeps
# Node alive: the timer is `unref()`ed, so a program that only listens exits silently, with status 0, at the first
# cut. With any other handle open (here: an interval) it comes back, as the HTML standard says.
#
# Output seen:
#   only the source: status 0 after 1 connection
#   with an interval: status 42 after 2 connections
set -euo pipefail
dir=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund node@22.12.0 eventsource@5.1.5 >/dev/null
node=node_modules/.bin/node
cat > server.mjs <<'JS'
import { appendFileSync } from "node:fs"
import { createServer } from "node:http"
const server = createServer((request, response) => {
  appendFileSync(`log${request.url.slice(1)}`, "connection\n")
  response.writeHead(200, { "content-type": "text/event-stream" })
  response.end("retry: 300\ndata: hello\n\n")
})
server.listen(0, "127.0.0.1", () => console.log(server.address().port))
JS
cat > read.mjs <<'JS'
import { EventSource } from "eventsource"
const [, , url, busy] = process.argv
if (busy) setInterval(() => {}, 1e6)
let messages = 0
new EventSource(url).onmessage = () => ++messages === 2 && process.exit(42)
JS
"$node" server.mjs > port & server=$!
until [ -s port ]; do sleep 0.1; done
url="http://127.0.0.1:$(cat port)"
status=0; timeout 20 "$node" read.mjs "$url/1" || status=$?
echo "only the source: status $status after $(wc -l < log1) connection"
test "$status" = 0 && test "$(wc -l < log1)" = 1
status=0; timeout 20 "$node" read.mjs "$url/2" busy || status=$?
echo "with an interval: status $status after $(wc -l < log2) connections"
test "$status" = 42 && test "$(wc -l < log2)" = 2
