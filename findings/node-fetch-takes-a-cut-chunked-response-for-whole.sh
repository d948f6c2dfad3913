#!/usr/bin/env bash
# Node.js 20.20.2 and 22.12.0 (npm package `node`), 2026-12-01
#
# `fetch` takes a chunked response whose connection ends without the last chunk for a complete one if the response
# had `Connection: close`; without that header the same bytes reject with "terminated". By RFC 9112 (section 8) a
# chunked body without its zero-sized chunk is incomplete in both cases. A program that starts again only on errors
# (as @microsoft/fetch-event-source does) stays away after such a cut.
#
# Output seen, with both:
#   keep-alive: TypeError terminated
#   close: 200 "half a "
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > ask.mjs <<'JS'
import { createServer } from "node:net"
const server = createServer((socket) => {
  socket.once("data", (request) => {
    const close = request.includes("GET /close") ? "Connection: close\r\n" : ""
    socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n${close}\r\n7\r\nhalf a \r\n`)
    setTimeout(() => socket.end(), 200)
  })
})
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve))
const told = []
for (const path of ["keep-alive", "close"]) {
  try {
    const response = await fetch(`http://127.0.0.1:${server.address().port}/${path}`)
    told.push(`${path}: ${response.status} ${JSON.stringify(await response.text())}`)
  } catch (error) {
    told.push(`${path}: ${error.name} ${error.message}`)
  }
}
console.log(told.join("\n"))
const seen = told[0] === "keep-alive: TypeError terminated" && told[1] === 'close: 200 "half a "'
process.exit(seen ? 0 : 1)
JS
for version in 20.20.2 22.12.0; do
  npm install --silent --no-audit --no-fund --prefix "$version" "node@$version" >/dev/null
  echo "Node.js $("$version/node_modules/.bin/node" --version)"
  timeout 20 "$version/node_modules/.bin/node" ask.mjs
done
