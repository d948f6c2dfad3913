"""Headers as an application reads them, compared with those of httpx."""

from __future__ import annotations

from typing import Any, cast

import pytest

from byway.headers import Headers, raw_headers
from byway.http_library import httpx

RAW = [
    (b"X-One", b"1"),
    (b"Set-Cookie", b"a=1, b"),
    (b"set-cookie", b"c=2"),
    (b"x-utf", "grüße".encode()),
]
LATIN = [(b"x-latin", "grüße".encode("latin-1")), (b"x-one", b"1")]


@pytest.mark.parametrize("raw", [RAW, RAW[:1], LATIN, []])
def test_they_read_as_those_of_httpx(raw: list[tuple[bytes, bytes]]) -> None:
    ours, theirs = Headers(raw), httpx.Headers(raw)
    assert ours.raw == theirs.raw
    assert ours.multi_items() == theirs.multi_items()
    assert list(ours) == list(theirs)
    assert len(ours) == len(list(ours))
    assert dict(ours) == dict(theirs)
    assert ours == theirs
    if all(value.isascii() for _, value in raw):
        assert theirs == ours  # httpx compares what it can write as ASCII
    assert httpx.Headers(ours.raw) == theirs
    for name in ("x-one", "X-ONE", "set-cookie", "missing"):
        assert ours.get(name) == theirs.get(name)
        assert (name in ours) is (name in theirs)
        assert ours.get_list(name) == theirs.get_list(name)
        assert ours.get_list(name, True) == theirs.get_list(name, True)


def test_a_name_that_did_not_come_is_an_error() -> None:
    with pytest.raises(KeyError, match="x-two"):
        Headers(RAW)["x-two"]
    assert cast(Any, 5) not in Headers(RAW)


def test_order_and_case_of_names_do_not_matter_and_values_do() -> None:
    assert Headers([(b"A", b"1"), (b"b", b"2")]) == Headers([(b"B", b"2"), (b"a", b"1")])
    assert Headers([(b"A", b"1"), (b"b", b"2")]) == {"a": "1", "B": "2"}
    assert Headers([(b"a", b"1")]) != Headers([(b"a", b"2")])
    assert Headers([(b"a", b"1")]) != [("a", "1")]


def test_a_representation_names_no_value() -> None:
    assert repr(Headers([(b"Authorization", b"secret"), (b"X-One", b"1")])) == (
        "<Headers authorization, x-one>"
    )


@pytest.mark.parametrize("text", ["gr\xfc\xdfe", "gr\udcfc\udcdfe"], ids=["newer", "older"])
def test_what_websockets_reads_is_given_back_as_it_came(text: str) -> None:
    assert raw_headers([("X-One", text)]) == [(b"X-One", b"gr\xfc\xdfe")]
