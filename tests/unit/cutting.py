"""Ways to cut bytes into pieces, for decoders that must not care."""

from __future__ import annotations

from hypothesis import strategies as st


def cut(data: bytes, at: list[int]) -> list[bytes]:
    """Cut bytes at these places; a place beyond the end is taken round."""
    places = sorted({place % (len(data) + 1) for place in at} | {0, len(data)})
    return [data[start:stop] for start, stop in zip(places, places[1:], strict=False)]


def single(data: bytes) -> list[bytes]:
    """Cut bytes into single ones."""
    return [data[index : index + 1] for index in range(len(data))]


PLACES = st.lists(st.integers(0, 10_000), max_size=8)
"""Places to cut at."""
