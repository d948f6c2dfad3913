"""The session: numbering, acknowledgement, replay, flow control and the end, without any I/O.

Knows: frames, and the rules of the protocol that concern one session.
Must not know: asyncio, a clock, a transport's name, HTTP. Events come in as calls; what to write
comes out as frames, which a transport encodes. The client and the server run the same class.
"""

from byway.session.carrier import Carrier, Intake
from byway.session.closing import State
from byway.session.core import Session
from byway.session.inbox import OVERHEAD, Closed
from byway.session.outgoing import Message, Outgoing, Output, joined
from byway.session.peer import BYWAY, READER, Peer

__all__ = [
    "BYWAY",
    "OVERHEAD",
    "READER",
    "Carrier",
    "Closed",
    "Intake",
    "Message",
    "Outgoing",
    "Output",
    "Peer",
    "Session",
    "State",
    "joined",
]
