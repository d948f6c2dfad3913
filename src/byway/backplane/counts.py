"""What a backplane has done, in plain numbers that whoever wants to see them reads.

Knows: what is counted, and in which words.
Must not know: who reads it, Prometheus, requests.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Counts:
    """Numbers since the process started, but for `links`. Counting is adding one, where it happens.

    Attributes:
        mine: claims that this process got.
        owned: claims of keys that another process owns.
        ended: claims of sessions that have ended.
        unavailable: claims that the directory could not respond to.
        links: links that are open now, in either direction.
        gone: how often an owner was found to have ended.
        conflicts: claims of this process that the directory has under another name.
        directory_calls: how often the directory was asked, where that takes a round trip.
        directory_seconds: seconds that those took together, with those that failed.
    """

    mine: int = 0
    owned: int = 0
    ended: int = 0
    unavailable: int = 0
    links: int = 0
    gone: int = 0
    conflicts: int = 0
    directory_calls: int = 0
    directory_seconds: float = 0.0
