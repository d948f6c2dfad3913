"""Offer: the server's side of the choice."""

from __future__ import annotations

import pytest

from byway.errors import FrameError, UsageError
from byway.handshake import OFFER_HEADER
from byway.negotiation import Offer
from byway.negotiation.offer import dropped_offer, offered_subprotocols, stripped_handshake
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


def test_a_handshake_without_its_upgrade_is_known_by_its_key() -> None:
    assert stripped_handshake([(b"host", b"a"), (b"sec-websocket-key", b"x")])
    assert not stripped_handshake([(b"host", b"a"), (b"sec-websocket-protocol", b"x")])


def test_subprotocols_may_stand_in_one_header_or_in_several() -> None:
    headers = [
        (b"sec-websocket-protocol", b"byway.1, chat"),
        (b"accept", b"x"),
        (b"sec-websocket-protocol", b" mqtt "),
    ]
    assert offered_subprotocols(headers) == ["byway.1", "chat", "mqtt"]


def test_a_handshake_that_had_byways_subprotocol_is_known_by_what_a_program_says_of_it() -> None:
    assert dropped_offer([(b"host", b"a"), (OFFER_HEADER.encode(), b"1")])
    assert not dropped_offer([(b"host", b"a"), (b"sec-websocket-key", b"x")])
    assert not dropped_offer([])
