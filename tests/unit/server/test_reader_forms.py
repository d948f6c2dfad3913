"""In which form a reader is answered."""

from __future__ import annotations

from typing import Any

import pytest

from byway import Endpoint, FallbackMiddleware, UsageError
from byway.server.reader_forms import MAX_RANGES, ReaderForms
from tests.apps.readers_app import handler

CHROMIUMS_BAR = b"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"

NO_PREFERENCE = (None, b"", b"*/*", b"text/*", b"application/json", b"a/b;q=x, */*", CHROMIUMS_BAR)


@pytest.mark.parametrize("accept", NO_PREFERENCE)
def test_without_a_preference_the_path_decides(accept: bytes | None) -> None:
    forms = ReaderForms({"/news": "events", "/log": "lines"})
    assert forms.choose("/news", accept) == "events"
    assert forms.choose("/log", accept) == "lines"


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (b"text/event-stream", "events"),
        (b"Text/Event-Stream; charset=utf-8", "events"),
        (b"text/event-stream, */*;q=0.1", "events"),
        (b"text/event-stream, */*", "events"),
        (b"text/plain, text/event-stream", "events"),
        (b"text/plain", "lines"),
        (b"text/plain, */*", "lines"),
        (b"text/event-stream;q=0.5, text/plain", "lines"),
        (b"text/event-stream;q=0, */*", "lines"),
        (b"text/plain;q=0, */*", "events"),
    ],
)
def test_a_preference_comes_before_the_path(accept: bytes, form: str) -> None:
    forms = ReaderForms({"/news": "events", "/log": "lines"})
    assert forms.choose("/news", accept) == form
    assert forms.choose("/log", accept) == form


def test_only_so_many_ranges_are_looked_at() -> None:
    many = b",".join([b"a/b"] * MAX_RANGES)
    forms = ReaderForms(True)
    assert forms.choose("/", b"text/event-stream," + many) == "events"
    assert forms.choose("/", many + b",text/event-stream") == "lines"


def test_where_there_are_readers() -> None:
    cases: list[tuple[Any, dict[str, str | None]]] = [
        (False, {"/a": None}),
        (True, {"/a": "lines"}),
        ("events", {"/a": "events"}),
        ("lines", {"/a": "lines"}),
        (["/a"], {"/a": "lines", "/b": None}),
        ({"/a": "events"}, {"/a": "events", "/b": None}),
        ((), {"/a": None}),
    ]
    for paths, at in cases:
        forms = ReaderForms(paths)
        assert {path: forms.at(path) for path in at} == at


@pytest.mark.parametrize(
    "wrong", ["/news", "event", {"/news": "sse"}, None, 5, b"/news", [b"/news"], {5: "events"}]
)
def test_what_is_no_form_is_refused(wrong: Any) -> None:
    with pytest.raises(UsageError, match="list of paths"):
        FallbackMiddleware(Endpoint(handler), readers=wrong)
    with pytest.raises(UsageError, match="list of paths"):
        Endpoint(handler, readers=wrong)
