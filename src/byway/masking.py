"""Masking: keys, cookies and passwords in what the libraries below log of handshakes and requests.

Knows: what they look like there, and which loggers write them down.
Must not know: sessions, requests, which side it is on.

In a WebSocket handshake the key stands in a header. At level DEBUG uvicorn, websockets and, of
HTTP/2, hpack log all headers; a log travels further than a connection.
"""

from __future__ import annotations

import logging
import re
from typing import Final

from byway.handshake import SUBPROTOCOL
from byway.keys import MIN_KEY

CLIENT_LOGGER: Final = "websockets.client"
"""Where websockets logs a client's handshakes."""

SERVER_LOGGERS: Final = ("uvicorn.error", "uvicorn.asgi", "websockets.server")
"""Where servers log handshakes: uvicorn's own name, that of its level TRACE, and websockets'."""

HTTP2_LOGGERS: Final = ("hpack.hpack", "hpack.table")
"""Where hpack logs the headers of HTTP/2, on either side."""

HTTP_LOGGERS: Final = (
    *("httpcore.http11", "httpcore.http2", "httpx"),
    *("httpcore2.http11", "httpcore2.http2", "httpx2"),
)
"""Where httpcore logs the headers of responses to a client, and httpx, at INFO, whole URLs. Their
continuations have loggers of their own."""

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


class ClientMask(logging.Filter):
    """Puts three dots in the place of cookies and credentials, in headers and in URLs."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask those of one line: `Cookie: …`, a pair of bytes, or `//user:password@host`."""
        text = record.getMessage()
        masked = _PAIR.sub(r"\1b'...'", _LINE.sub(r"\1...", text))
        masked = _USER.sub(r"\1...@", masked)
        if masked != text:
            record.msg, record.args = masked, None
        return True


_SECRET: Final = "(?:(?:set-)?cookie|(?:proxy-)?authorization)"

_LINE: Final = re.compile(rf"((?:^|[<>\s]){_SECRET}: ).*", re.IGNORECASE)

_PAIR: Final = re.compile(
    rf"""(b'{_SECRET}', )b(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""", re.IGNORECASE
)

_MASK: Final = KeyMask()

_USER: Final = re.compile(r"([a-z]://)[^\s/?#]+@")

_CLIENT_MASK: Final = ClientMask()


def mask_keys(*loggers: str) -> None:
    """Mask keys in what these loggers write; a second time changes nothing."""
    for name in (*loggers, *HTTP2_LOGGERS):
        logging.getLogger(name).addFilter(_MASK)


def mask_client() -> None:
    """Mask keys, cookies and credentials in what a client's libraries write.

    A second time changes nothing.
    """
    mask_keys(CLIENT_LOGGER)
    for name in (CLIENT_LOGGER, *HTTP_LOGGERS, *HTTP2_LOGGERS):
        logging.getLogger(name).addFilter(_CLIENT_MASK)
