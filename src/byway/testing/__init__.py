"""byway.testing: a restrictive network on the loopback, for tests of whatever has to get through.

`Network` is a proxy before a server, and a forward proxy; its rules are the restrictions of real
networks, and `PROFILES` puts names to sets of them. `NetworkThread` is the same for programs
without an event loop. The pytest fixture `byway_network` makes either of them easy to use.
`InProcessServer` serves an application inside a test, for the fixture `byway_transports`.

Knows: the public names.
Must not know: byway's protocol, transports and sessions: any server can stand behind a network.
"""

from byway.testing.counters import Counters
from byway.testing.heads import Request, Response
from byway.testing.inprocess import InProcessServer
from byway.testing.limits import NetworkLimits
from byway.testing.network import Network
from byway.testing.plan import Answer, Fate, Hold, Line, Plan, Rule, Tunnel
from byway.testing.profiles import PROFILES, Profile
from byway.testing.rules import (
    Bandwidth,
    BlockTypes,
    BufferRequests,
    BufferResponses,
    CutResponses,
    CutSilence,
    DropPost,
    DropSubprotocol,
    FailWith,
    FlushEvery,
    HoldText,
    Http10,
    KillAfterUpgrade,
    Latency,
    LosePostAnswer,
    MuteAfterUpgrade,
    OneAtATime,
    OneBehind,
    RefuseBodies,
    RefuseChunked,
    RefuseConnect,
    RefuseUpgrade,
    RepeatPost,
    StripUpgrade,
    SwallowUpgrade,
)
from byway.testing.thread import NetworkThread

__all__ = [
    "PROFILES",
    "Answer",
    "Bandwidth",
    "BlockTypes",
    "BufferRequests",
    "BufferResponses",
    "Counters",
    "CutResponses",
    "CutSilence",
    "DropPost",
    "DropSubprotocol",
    "FailWith",
    "Fate",
    "FlushEvery",
    "Hold",
    "HoldText",
    "Http10",
    "InProcessServer",
    "KillAfterUpgrade",
    "Latency",
    "Line",
    "LosePostAnswer",
    "MuteAfterUpgrade",
    "Network",
    "NetworkLimits",
    "NetworkThread",
    "OneAtATime",
    "OneBehind",
    "Plan",
    "Profile",
    "RefuseBodies",
    "RefuseChunked",
    "RefuseConnect",
    "RefuseUpgrade",
    "RepeatPost",
    "Request",
    "Response",
    "Rule",
    "StripUpgrade",
    "SwallowUpgrade",
    "Tunnel",
]
