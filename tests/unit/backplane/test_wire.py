"""The frames on a link: however they are cut, and whatever a hostile end sends."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byway import ServerLimits
from byway.backplane import LinkLost
from byway.backplane.kinds import BODY, DATA, END, MORE, PING
from byway.backplane.wire import HEAD, PIECE, Decoder, encode, longest
from tests.unit.cutting import cut, single

MIB = 1024 * 1024

frames = st.lists(
    st.tuples(
        st.sampled_from([BODY, DATA, END, PING]),
        st.one_of(
            st.binary(max_size=200),
            st.sampled_from([0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 200_000]).map(bytes),
        ),
    ),
    max_size=6,
)


@given(frames, st.lists(st.integers(0, 2**20), max_size=8))
def test_frames_arrive_whole_and_in_order_however_they_are_cut(
    sent: list[tuple[int, bytes]], places: list[int]
) -> None:
    decoder = Decoder(longest=MIB)
    stream = b"".join(encode(*frame) for frame in sent)
    received = [frame for piece in cut(stream, places) for frame in decoder.feed(piece)]
    assert received == sent
    assert decoder.feed(encode(END)) == [(END, b"")]  # nothing was left over


@given(st.lists(st.tuples(st.integers(1, 17), st.binary(max_size=9)), max_size=9))
def test_frames_arrive_byte_by_byte_too(sent: list[tuple[int, bytes]]) -> None:
    decoder = Decoder(longest=MIB)
    stream = b"".join(encode(*frame) for frame in sent)
    assert [frame for byte in single(stream) for frame in decoder.feed(byte)] == sent


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_any_bytes_are_frames_or_cut_the_link(pieces: list[bytes]) -> None:
    decoder = Decoder(longest=MIB)
    try:
        for piece in pieces:
            for kind, payload in decoder.feed(piece):
                assert 0 <= kind <= 255
                assert len(payload) <= MIB
    except LinkLost:
        pass


def test_no_frame_is_longer_than_a_piece() -> None:
    long = encode(DATA, bytes(5 * PIECE))
    kinds, at = [], 0
    while at < len(long):
        kind, length = struct.unpack_from("!BI", long, at)
        assert length <= PIECE
        kinds.append(kind)
        at += 5 + length
    assert kinds == [MORE] * 4 + [DATA]


@pytest.mark.parametrize("together", [True, False])
def test_a_frame_that_is_too_long_cuts_the_link(together: bool) -> None:
    """As soon as its head is there, before anything of it is kept."""
    head = struct.pack("!BI", DATA, PIECE + 1)
    decoder = Decoder(longest=MIB)
    with pytest.raises(LinkLost, match="65537 bytes is over the bound of 65536"):
        decoder.feed(encode(END) + head if together else head)


def feed(decoder: Decoder, whole: bytes) -> None:
    for start in range(0, len(whole), 5000):
        decoder.feed(whole[start : start + 5000])


@pytest.mark.parametrize("rest", [0, 1])
def test_a_frame_in_pieces_has_a_bound(rest: int) -> None:
    decoder = Decoder(longest=2 * PIECE)
    assert decoder.feed(encode(DATA, bytes(2 * PIECE))) == [(DATA, bytes(2 * PIECE))]
    whole = encode(DATA, bytes(2 * PIECE + 1 + rest * PIECE))
    with pytest.raises(LinkLost, match="over the bound of 131072 bytes"):
        feed(decoder, whole)


def test_pieces_without_an_end_have_the_same_bound() -> None:
    decoder, piece = Decoder(longest=2 * PIECE), HEAD.pack(MORE, PIECE) + bytes(PIECE)
    assert decoder.feed(2 * piece) == []
    with pytest.raises(LinkLost, match="over the bound of 131072 bytes"):
        decoder.feed(piece)


@pytest.mark.parametrize("length", [0, 1, PIECE - 1])
def test_pieces_are_whole_so_that_their_number_is_bounded(length: int) -> None:
    with pytest.raises(LinkLost, match="a piece has 65536 bytes"):
        Decoder(longest=MIB).feed(encode(MORE, bytes(length)))


def test_until_the_other_end_is_proven_frames_are_short() -> None:
    decoder = Decoder(longest=MIB, piece=10)
    assert decoder.feed(encode(DATA, bytes(10))) == [(DATA, bytes(10))]
    with pytest.raises(LinkLost, match="over the bound of 10"):
        decoder.feed(encode(DATA, bytes(11)))


def test_what_a_client_may_send_fits_into_one_frame() -> None:
    for limits in (
        ServerLimits(),
        ServerLimits(max_message=100 * MIB),
        ServerLimits(body=50 * MIB),
    ):
        assert longest(limits) >= max(limits.max_message, limits.body)


def test_an_unfinished_frame_is_kept_once() -> None:
    """64 KiB that come byte by byte cost no more than to copy them a few times."""
    decoder = Decoder(longest=MIB)
    whole = encode(DATA, bytes(PIECE))
    for at in range(len(whole) - 1):
        assert decoder.feed(whole[at : at + 1]) == []
    assert decoder.feed(whole[-1:]) == [(DATA, bytes(PIECE))]
