"""What a reader is written: messages as server-sent events, or as lines.

Knows: both forms.
Must not know: sessions, who reads, how it is sent.

As an event stream: a text is an event without a name; binary data is an event `binary` with
base64; a text with a carriage return, which an event stream cannot hold, is an event `json` with a
JSON string; the end is an event `close` with its code and reason. Each has an id, so a browser that
lost the connection says where to go on. The id is the last line of its event: some readers take it
when they read the line, and would lose an event that is cut off after it. A heartbeat is a comment
of one line: some readers take the blank line behind a comment for an event. As lines: a text is a
line; one that would not be a line of its own, or begins with a quotation mark, is a JSON string;
binary data is a JSON string with a `data:` URL.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Final

from byway.frames import BINARY, CLOSE, TEXT, decode_close
from byway.retry_hint import come_back
from byway.server.reader_retry import RECONNECT, reconnect_after
from byway.session import Outgoing
from byway.transports.eventstream import text_lines

_LINE_BREAK: Final = re.compile("[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]")


def event(key: str, number: int, message: Outgoing | None) -> bytes:
    """Return a message as an event.

    Args:
        key: of the reader's session, for the id.
        number: of the message, for the id.
        message: the message; None for padding.
    """
    if message is None:
        return b":\n"
    payload = bytes(message.payload())
    if message.kind == CLOSE:
        code, reason = decode_close(payload)
        body = _named("close", json.dumps({"code": code, "reason": reason}))
        if code == 1012 and (pause := come_back(reason)) is not None:
            body = reconnect_after(pause + RECONNECT) + body
    elif message.kind == BINARY:
        body = _named("binary", base64.b64encode(payload).decode())
    elif b"\r" in payload:
        body = _named("json", json.dumps(message.as_text()))
    else:
        body = text_lines(payload)
    return b"%bid: %b.%d\n\n" % (body, key.encode(), number)


def line(message: Outgoing | None) -> bytes:
    """Return a message as a line; None is padding."""
    if message is None:
        return b"\n"
    if message.kind == TEXT:
        text = message.as_text()
        if text.startswith('"') or _LINE_BREAK.search(text):
            text = json.dumps(text)
        return text.encode() + b"\n"
    if message.kind == BINARY:
        url = "data:application/octet-stream;base64," + base64.b64encode(message.payload()).decode()
        return json.dumps(url).encode() + b"\n"
    return b""


def _named(event: str, data: str) -> bytes:
    return f"event: {event}\ndata: {data}\n".encode()
