"""Masking: keys in what the libraries below log of WebSocket handshakes.

Knows: what a key looks like in a handshake, and which loggers write handshakes down.
Must not know: sessions, requests, which side it is on.

In a WebSocket handshake the key stands in a header. At level DEBUG uvicorn, websockets and, of
HTTP/2, hpack log all headers; a log travels further than a connection.
"""

from __future__ import annotations

import logging
import re
from typing import Final

from byway.handshake import MIN_KEY, SUBPROTOCOL

CLIENT_LOGGER: Final = "websockets.client"
"""Where websockets logs a client's handshakes."""

SERVER_LOGGERS: Final = ("uvicorn.error", "uvicorn.asgi", "websockets.server")
"""Where servers log handshakes: uvicorn's own name, that of its level TRACE, and websockets'."""

HTTP2_LOGGERS: Final = ("hpack.hpack", "hpack.table")
"""Where hpack logs the headers of HTTP/2, on either side."""

_CODED: Final = ("Encoded header block to", "Decoding b")
"""How hpack's lines begin that hold headers in its code, in which no key can be found."""

_TOKEN: Final = re.compile(rf"({re.escape(SUBPROTOCOL)}\.)[A-Za-z0-9_-]{{{MIN_KEY},}}")


class KeyMask(logging.Filter):
    """Puts three dots in the place of keys, and lets every line pass that can be read."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the keys of one line."""
        text = record.getMessage()
        if record.name in HTTP2_LOGGERS and text.startswith(_CODED):
            return False
        masked = _TOKEN.sub(r"\1...", text)
        if masked != text:
            record.msg, record.args = masked, None
        return True


_MASK: Final = KeyMask()


def mask_keys(*loggers: str) -> None:
    """Mask keys in what these loggers write; a second time changes nothing."""
    for name in (*loggers, *HTTP2_LOGGERS):
        logging.getLogger(name).addFilter(_MASK)
