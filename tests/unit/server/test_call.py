"""Calls: the headers are parsed once, and who calls is asked once."""

from __future__ import annotations

from byway.server.call import Call
from byway.transports.base import Event, Scope
from tests.support.calls import call_of


def scope(*headers: tuple[bytes, bytes]) -> Scope:
    return {"type": "http", "headers": list(headers), "client": ("192.0.2.1", 5)}


def test_headers_of_one_name_are_one_with_commas() -> None:
    one = call_of(scope((b"a", b"1"), (b"b", b"2"), (b"a", b"3")))
    assert one.values == {b"a": b"1, 3", b"b": b"2"}
    assert one.headers == [(b"a", b"1"), (b"b", b"2"), (b"a", b"3")]


async def test_a_page_that_lost_its_credentials_has_none() -> None:
    """Of pages that only `*` allows the application must not see whose visitor's they are."""
    one = call_of(scope((b"authorization", b"secret"), (b"origin", b"https://a.example")))
    one.go_on_with(scope((b"origin", b"https://a.example")))
    identity = await one.identity(None)
    assert b"authorization" not in one.values
    assert (identity.credentials, identity.origin) == (b"", b"https://a.example")


async def test_bind_is_asked_once_and_may_be_a_coroutine() -> None:
    asked = []

    async def bind(scope: Scope) -> str:
        asked.append(scope)
        return "alice"

    one = call_of(scope())
    assert (await one.identity(bind)).user == (await one.identity(bind)).user == "alice"
    assert asked == [one.scope]


async def test_the_last_event_of_a_response_is_noted() -> None:
    sent: list[Event] = []

    async def receive() -> Event:
        raise AssertionError("nobody reads here")

    async def send(event: Event) -> None:
        sent.append(event)

    one = Call(scope(), receive, send)
    assert one.last_sent == ""
    await one.respond({"type": "http.response.start"})
    assert (one.last_sent, len(sent)) == ("http.response.start", 1)
