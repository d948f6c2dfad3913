"""The form of responses that have an end: both codings, and when the other one is asked for."""

from __future__ import annotations

import pytest

from byway.errors import CarrierLost, FrameError
from byway.handshake import Hello
from byway.transports.response_form import BINARY, TEXT, Form, decoded, encoded, is_text, longest

PAGE = CarrierLost("answered 403", answered=403)
RESET = CarrierLost("reset", trouble="reset")
SILENT = CarrierLost("silent", trouble="timeout")
BYWAYS = CarrierLost("gone", answered=410, mark="error")
REFUSED = CarrierLost("another origin", answered=403, mark="error")


def hello(form: Form, answer: str = "ack", carrier: int = 1) -> Hello:
    """Return a HELLO that asks for the form of now."""
    return Hello(
        key="Kx3vT8qLw2ZrN5yBhE7uJd",
        carrier=carrier,
        received=0,
        room=1,
        answer=answer,
        form=form.asked(answer),
    )


@pytest.mark.parametrize("frames", [b"", b"\x00", b"ab", bytes(range(256)), b"x" * 70_000])
def test_both_forms_hold_the_same_frames(frames: bytes) -> None:
    for text in (False, True):
        kind, body = encoded(frames, text=text)
        assert is_text(kind) is text
        assert len(body) == longest(len(frames), text=text)
        assert decoded(body, text=text) == frames
    assert encoded(frames, text=True)[1].isascii()


def test_a_line_end_that_was_added_says_nothing() -> None:
    assert decoded(b"YWI=\r\n", text=True) == b"ab"


@pytest.mark.parametrize("body", [b"YW", b"YWI=YWI=", b"Y W I =", b"<h1>", b"\xff\xfe", b"YWI=x"])
def test_what_is_not_base64_is_an_error(body: bytes) -> None:
    with pytest.raises(FrameError, match="not base64"):
        decoded(body, text=True)


@pytest.mark.parametrize(
    ("kind", "text"),
    [(BINARY, False), (TEXT, True), ("Text/Plain", True), ("", False), ("application/text", False)],
)
def test_the_content_type_says_which_form_it_is(kind: str, text: bool) -> None:
    assert is_text(kind) is text


@pytest.mark.parametrize("error", [PAGE, RESET], ids=str)
@pytest.mark.parametrize("answer", ["poll", "ack", "up"])
def test_a_response_that_is_replaced_or_cut_is_asked_for_in_the_other_form(
    error: CarrierLost, answer: str
) -> None:
    form = Form()
    assert form.failed(hello(form, answer), error)
    assert hello(form, answer).text
    assert form.failed(hello(form, answer), error), "and back, where text is no better"
    assert not hello(form, answer).text


@pytest.mark.parametrize("error", [SILENT, BYWAYS, REFUSED], ids=str)
def test_what_has_nothing_to_do_with_the_type_changes_nothing(error: CarrierLost) -> None:
    form = Form()
    assert not form.failed(hello(form), error)
    assert not form.text


@pytest.mark.parametrize("status", [404, 405, 407, 413, 429, 500, 502, 503, 504])
def test_statuses_that_no_policy_has_change_nothing(status: int) -> None:
    form = Form()
    assert not form.failed(hello(form), CarrierLost("answered", answered=status))
    assert not form.text


def test_a_cut_counts_only_where_that_form_has_not_come_on_the_carrier() -> None:
    form = Form()
    form.came(hello(form))
    assert not form.failed(hello(form), RESET)
    assert form.failed(hello(form, carrier=2), RESET)


def test_a_page_counts_even_where_that_form_has_come() -> None:
    form = Form()
    form.came(hello(form))
    assert form.failed(hello(form), PAGE)


def test_requests_that_were_on_their_way_do_not_change_it_back() -> None:
    form = Form()
    first, second = hello(form), hello(form)
    assert form.failed(first, PAGE)
    assert form.failed(second, PAGE), "it is worth another try as well"
    assert form.text


@pytest.mark.parametrize("answer", ["stream", "sse"])
def test_a_response_without_an_end_has_one_form_and_tells_of_the_next(answer: str) -> None:
    form = Form()
    assert form.asked(answer) == ""
    assert not form.failed(hello(form, answer), PAGE)
    assert form.text
    assert not form.failed(hello(form, answer), PAGE)
    assert form.text
    assert form.asked(answer) == ""


def test_it_is_text_only_where_a_page_stood_for_the_one_and_the_other_came() -> None:
    told = []
    for error in (PAGE, RESET):
        form = Form()
        form.failed(hello(form), error)
        told.append(form.text_only)
        form.came(hello(form))
        told.append(form.text_only)
    assert told == [False, True, False, False]
