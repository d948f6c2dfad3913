"""Masking: keys and cookies in what the libraries below log of handshakes and requests.

Knows: what both look like there, and which loggers write them down.
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

HTTP_LOGGERS: Final = ("httpcore.http11", "httpcore.http2")
"""Where httpcore logs the headers of responses to a client."""

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


class CookieMask(logging.Filter):
    """Puts three dots in the place of cookies: those that a load balancer, or anybody, has set."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the cookies of one line, `Cookie: …` or a pair of bytes."""
        text = record.getMessage()
        masked = _COOKIE_PAIR.sub(r"\1b'...'", _COOKIE_LINE.sub(r"\1...", text))
        if masked != text:
            record.msg, record.args = masked, None
        return True


_COOKIE_LINE: Final = re.compile(r"((?:^|[<>\s])(?:set-)?cookie: ).*", re.IGNORECASE)

_COOKIE_PAIR: Final = re.compile(
    r"""(b'(?:set-)?cookie', )b(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""", re.IGNORECASE
)

_MASK: Final = KeyMask()

_COOKIE_MASK: Final = CookieMask()


def mask_keys(*loggers: str) -> None:
    """Mask keys in what these loggers write; a second time changes nothing."""
    for name in (*loggers, *HTTP2_LOGGERS):
        logging.getLogger(name).addFilter(_MASK)


def mask_client() -> None:
    """Mask keys and cookies in what a client's libraries write; a second time changes nothing."""
    mask_keys(CLIENT_LOGGER)
    for name in (CLIENT_LOGGER, *HTTP_LOGGERS, *HTTP2_LOGGERS):
        logging.getLogger(name).addFilter(_COOKIE_MASK)
