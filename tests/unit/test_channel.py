"""The channel: which headers a caller may add."""

from __future__ import annotations

from typing import Any

import pytest

import byway
from byway.channel import OWN_HEADERS, header_list
from byway.errors import UsageError


@pytest.mark.parametrize("headers", [{"X": "é"}, {"X": "a\r\nY: b"}, [("X", "\0")]])
def test_a_value_that_not_every_transport_can_carry_is_refused(headers: Any) -> None:
    with pytest.raises(UsageError, match="printable ASCII"):
        byway.connect("http://app.example/", headers=headers)


@pytest.mark.parametrize("name", ["", "X\n", "X Y", "X:", "(X)", "é", " X"])
def test_a_name_is_a_token(name: str) -> None:
    with pytest.raises(UsageError, match="not a token"):
        byway.connect("http://app.example/", headers={name: "a"})


@pytest.mark.parametrize("name", [*sorted(OWN_HEADERS), "Content-Length", "Sec-WebSocket-Key"])
async def test_what_the_transports_set_themselves_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="set by the transports"):
        byway.connect("http://app.example/", headers=[("X-Mine", "a"), (name, "secret")])
    with pytest.raises(UsageError, match="set by the transports") as caught:
        await byway.diagnose("http://app.example/", headers={name: "secret"})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "headers", [5, ["X"], [("X",)], [("X", "a", "b")], {"X": 5}, {5: "a"}, {"X": b"a"}]
)
def test_what_is_no_headers_is_refused(headers: Any) -> None:
    with pytest.raises(UsageError, match="header"):
        byway.connect("http://app.example/", headers=headers)


def test_headers_are_copied_in_order() -> None:
    given = [("Cookie", "a=1"), ("X-Mine", "one\ttwo"), ("X-Mine", "")]
    assert header_list(iter(given)) == given
    assert header_list(dict(given)) == [("Cookie", "a=1"), ("X-Mine", "")]
    assert header_list(None) == []
