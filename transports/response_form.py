"""Response form: responses that have an end carry frames as they are, or as text.

Knows: both forms, which one a session asks for, and when the other is worth a try.
Must not know: what a response is for, sessions, HTTP.

Gateways with a file-type policy block every response of `application/octet-stream`, whatever was
asked. The text form is base64 (RFC 4648, section 4) of the same frames. A server that does not
know it answers in the other form, so the content type of a response says which one it has.
"""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING, Final

from byway.errors import FrameError
from byway.handshake import ACK_ANSWER, TEXT_FORM, UP_ANSWER

if TYPE_CHECKING:
    from byway.errors import CarrierLost
    from byway.handshake import Hello

BINARY: Final = "application/octet-stream"
"""Content type of frames as they are."""

TEXT: Final = "text/plain; charset=utf-8"
"""Content type of frames as text."""

FINITE: Final = frozenset({"poll", ACK_ANSWER, UP_ANSWER})
"""The responses that have an end, and so a text form."""

BLOCKED: Final = frozenset({*range(200, 400), 403, 406, 415})
"""Statuses of the pages and redirects that stand in the place of a response that was blocked."""

_CUT: Final = frozenset({"reset", "protocol"})


def encoded(frames: bytes, *, text: bool) -> tuple[str, bytes]:
    """Return the content type and the body of a response that holds these frames."""
    return (TEXT, binascii.b2a_base64(frames, newline=False)) if text else (BINARY, frames)


def is_text(content_type: str) -> bool:
    """Say whether a response with this content type is in the text form."""
    return content_type.lstrip()[:5].lower() == "text/"


def longest(frames: int, *, text: bool) -> int:
    """Return the length of the longest body that holds so many bytes of frames."""
    return (frames + 2) // 3 * 4 if text else frames


def decoded(body: bytes, *, text: bool) -> bytes:
    """Return the frames that a body holds.

    Raises:
        FrameError: it is in the text form and not base64.
    """
    if not text:
        return body
    try:
        # A line end that something on the way has added says nothing.
        return binascii.a2b_base64(body.strip(), strict_mode=True)
    except binascii.Error:
        raise FrameError("a response in the text form is not base64") from None


class Form:
    """The form that a session asks for: the other as soon as one is seen to be blocked.

    Attributes:
        text: whether it is the text form.
    """

    def __init__(self) -> None:
        """Start with frames as they are."""
        self.text: bool = False
        self._passes: tuple[int, bool] | None = None  # a carrier, and the form that came on it
        self._blocked = False  # a response that is not text was replaced
        self._text_came = False

    def asked(self, answer: str) -> str:
        """Return the `form` of a HELLO that asks for this response."""
        return TEXT_FORM if self.text and answer in FINITE else ""

    def accept(self, hello: Hello, otherwise: str) -> str:
        """Return the content type to accept for a HELLO."""
        return TEXT if hello.text else otherwise

    @property
    def text_only(self) -> bool:
        """Whether responses were replaced that are not text, and text came through."""
        return self._blocked and self._text_came

    def came(self, hello: Hello) -> None:
        """Say that a response came whole."""
        if hello.answer in FINITE:
            self._passes = hello.carrier, hello.text
            self._text_came |= hello.text

    def failed(self, hello: Hello, error: CarrierLost) -> bool:
        """Say that a request failed, and return whether the same is worth another try at once.

        It is in the other form: the response was replaced by one that is not byway's, or
        it was cut and none in that form had come on this carrier. A response without an end that
        is blocked has no other form, but tells what to expect of the next one that has.
        """
        blocked = not error.mark and error.answered in BLOCKED
        self._blocked |= blocked and not hello.text
        if hello.answer not in FINITE:
            self.text |= blocked
            return False
        cut = error.answered is None and error.trouble in _CUT
        if not blocked and not (cut and self._passes != (hello.carrier, hello.text)):
            return False
        self.text = not hello.text  # several requests on their way may say the same
        return True
