"""Rules: the restrictions of real networks, one class each.

Knows: which rules there are.
Must not know: how a plan is carried out.

A rule is a frozen dataclass that says what becomes of a request, a response or the line. Rules
are asked in order: of those that decide a request's fate the first wins, of bounds the tightest.
"""

from __future__ import annotations

from typing import Final

from byway.testing.plan import Rule
from byway.testing.rules.bodies import (
    BlockTypes,
    BufferRequests,
    BufferResponses,
    FlushEvery,
    HoldText,
    Http10,
    OneBehind,
    RefuseBodies,
    RefuseChunked,
)
from byway.testing.rules.distance import Bandwidth, Latency
from byway.testing.rules.endings import CutResponses, CutSilence, FailWith
from byway.testing.rules.posts import DropPost, LosePostAnswer, RepeatPost, SomePosts
from byway.testing.rules.turns import OneAtATime
from byway.testing.rules.upgrades import (
    DropSubprotocol,
    KillAfterUpgrade,
    MuteAfterUpgrade,
    RefuseConnect,
    RefuseUpgrade,
    StripUpgrade,
    SwallowUpgrade,
)

ALL_RULES: Final[tuple[type[Rule], ...]] = (
    RefuseUpgrade,
    StripUpgrade,
    DropSubprotocol,
    SwallowUpgrade,
    MuteAfterUpgrade,
    KillAfterUpgrade,
    RefuseConnect,
    BufferResponses,
    HoldText,
    OneBehind,
    FlushEvery,
    BlockTypes,
    BufferRequests,
    RefuseChunked,
    RefuseBodies,
    Http10,
    CutSilence,
    CutResponses,
    FailWith,
    DropPost,
    RepeatPost,
    LosePostAnswer,
    OneAtATime,
    Latency,
    Bandwidth,
)
"""Every rule, in the order of the documentation."""

__all__ = [
    "ALL_RULES",
    "Bandwidth",
    "BlockTypes",
    "BufferRequests",
    "BufferResponses",
    "CutResponses",
    "CutSilence",
    "DropPost",
    "DropSubprotocol",
    "FailWith",
    "FlushEvery",
    "HoldText",
    "Http10",
    "KillAfterUpgrade",
    "Latency",
    "LosePostAnswer",
    "MuteAfterUpgrade",
    "OneAtATime",
    "OneBehind",
    "RefuseBodies",
    "RefuseChunked",
    "RefuseConnect",
    "RefuseUpgrade",
    "RepeatPost",
    "Rule",
    "SomePosts",
    "StripUpgrade",
    "SwallowUpgrade",
]
