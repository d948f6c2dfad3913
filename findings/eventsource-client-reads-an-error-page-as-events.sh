#!/usr/bin/env bash
# npm `eventsource-client` 1.2.0 with Node.js 20.20.2 (npm package `node`), 2026-12-01
#
# It looks neither at the status of a response (but for 204) nor at its content type: the body of a 503 or of a 404 is read
# as an event stream, its events are handed out as messages, its ids and `retry` taken, and it repeats the request for ever. By the HTML
# standard (section 9.2.3) both fail the connection. npm `eventsource` 4.1.1, by the same author, does so.
#
# Output seen:
#   eventsource-client: 404 text/html: asked twice, messages ["not found","not found"], last id 7
#   eventsource: 404 text/html: messages []
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund node@20.20.2 eventsource-client@1.2.0 eventsource@4.1.1 >/dev/null
cat > ask.mjs <<'JS'
import { createServer } from "node:http"
import { EventSource } from "eventsource"
import { createEventSource } from "eventsource-client"
const server = createServer((request, response) => {
  response.writeHead(404, { "content-type": "text/html" })
  response.end("retry: 100\nid: 7\ndata: not found\n\n")
})
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve))
const url = `http://127.0.0.1:${server.address().port}/`
const messages = []
await new Promise((resolve) => {
  const source = createEventSource({ url, onMessage: ({ data }) => {
    if (messages.push(data) < 2) return
    console.log(`eventsource-client: 404 text/html: asked twice, messages ${JSON.stringify(messages)}, last id ${source.lastEventId}`)
    source.close()
    resolve()
  } })
})
const others = []
await new Promise((resolve) => {
  const source = new EventSource(url)
  source.onmessage = ({ data }) => others.push(data)
  source.onerror = () => source.readyState === 2 && resolve()
})
console.log(`eventsource: 404 text/html: messages ${JSON.stringify(others)}`)
process.exit(messages.length === 2 && others.length === 0 ? 0 : 1)
JS
timeout 20 node_modules/.bin/node ask.mjs
