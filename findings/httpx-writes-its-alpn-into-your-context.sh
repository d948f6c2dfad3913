#!/usr/bin/env bash
# httpx 0.28.1 with httpcore 1.0.9, trustme 1.2.1 (PyPI), Python 3.11, 2026-12-01
#
# An `ssl.SSLContext` that a program hands to `httpx.AsyncClient(verify=context, http2=True)` is changed: each time httpcore
# connects it calls `context.set_alpn_protocols(["http/1.1", "h2"])`. Whatever else uses this context offers h2 from then on.
# A WebSocket client does not speak it: a server with HTTP/2 (Hypercorn, HAProxy) chooses h2, and the handshake of HTTP/1.1
# fails ("did not receive a valid HTTP response"), though it worked before httpx's first request. Give each a context of its own.
#
# Output seen:
#   chosen with the context before a request of httpx: None
#   chosen with it after: h2
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check 'httpx[http2]==0.28.1' httpcore==1.0.9 trustme==1.2.1
timeout 30 "$dir/venv/bin/python" - <<'PY'
import asyncio
import ssl
import sys

import httpx
import trustme


async def main() -> tuple[str | None, str | None]:
    authority = trustme.CA()
    offers = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(offers)
    offers.set_alpn_protocols(["h2", "http/1.1"])
    mine = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(mine)

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=offers) as server:
        port = server.sockets[0].getsockname()[1]

        async def chosen() -> str | None:
            _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=mine)
            writer.transport.abort()
            return writer.get_extra_info("ssl_object").selected_alpn_protocol()

        before = await chosen()
        async with httpx.AsyncClient(verify=mine, http2=True, trust_env=False) as client:
            try:
                await client.get(f"https://127.0.0.1:{port}/")
            except httpx.TransportError:
                pass  # this server only shakes hands
        return before, await chosen()


before, after = asyncio.run(main())
print("chosen with the context before a request of httpx:", before)
print("chosen with it after:", after)
sys.exit((before, after) != (None, "h2"))
PY
