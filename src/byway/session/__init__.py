"""The session: numbering, acknowledgement, replay, flow control and the end, without any I/O.

Knows: frames, and the rules of the protocol that concern one session.
Must not know: asyncio, a clock, a transport's name, HTTP. Events come in as calls, frames come
out as bytes. The client and the server run the same class.
"""

from byway.session.carrier import Carrier, Intake
from byway.session.core import Session, State
from byway.session.inbox import OVERHEAD, Closed, Message

__all__ = ["OVERHEAD", "Carrier", "Closed", "Intake", "Message", "Session", "State"]
