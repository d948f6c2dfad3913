"""Offer: the server's side of the choice."""

from __future__ import annotations

import pytest

from byway.errors import FrameError, UsageError
from byway.negotiation import Offer
from byway.negotiation.offer import offered_subprotocols
from byway.transports import REGISTRY


def test_what_is_offered_is_served() -> None:
    offer = Offer(["sse", "poll"])
    assert offer.names == ("sse", "poll")
    assert offer.transport("poll") is REGISTRY["poll"]


@pytest.mark.parametrize("answer", ["websocket", "pigeon"])
def test_what_is_not_offered_is_answered_406_with_what_is(answer: str) -> None:
    with pytest.raises(FrameError, match=f"'{answer}' is not offered; these are: sse, poll") as one:
        Offer(["sse", "poll"]).transport(answer)
    assert one.value.status == 406


def test_an_unknown_name_cannot_be_offered() -> None:
    with pytest.raises(UsageError):
        Offer(["pigeon"])


def test_subprotocols_may_stand_in_one_header_or_in_several() -> None:
    headers = [
        (b"sec-websocket-protocol", b"byway.1, chat"),
        (b"accept", b"x"),
        (b"sec-websocket-protocol", b" mqtt "),
    ]
    assert offered_subprotocols(headers) == ["byway.1", "chat", "mqtt"]
