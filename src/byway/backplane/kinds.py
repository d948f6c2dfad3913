"""The kinds of frames on a link.

Knows: their numbers, and what each says. Nothing else.
"""

from __future__ import annotations

from typing import Final

CALL: Final = 1
"""From the relay: JSON that says which endpoint is called, and with what scope."""

TAKEN: Final = 2
"""From the owner, at once: it reads. `Link.call` waits for it."""

BODY: Final = 3
"""From the relay: bytes of a request's body; an empty one is its end."""

TEXT: Final = 4
"""From both: a text message of a WebSocket, in UTF-8."""

BINARY: Final = 5
"""From both: a binary message of a WebSocket."""

LEFT: Final = 6
"""From the relay: the client has left. For a WebSocket JSON with its code and reason."""

LEAVE: Final = 7
"""From the relay: its process goes away, so the carrier shall be moved."""

START: Final = 8
"""From the owner: JSON with the status and headers of a response, or of a WebSocket's denial."""

DATA: Final = 9
"""From the owner: bytes of the response."""

ACCEPT: Final = 10
"""From the owner: a WebSocket is accepted; JSON with subprotocol and headers."""

CLOSE: Final = 11
"""From the owner: a WebSocket is closed; JSON with code and reason."""

END: Final = 12
"""From both: nothing more of this call comes from this side."""

NOT_HERE: Final = 13
"""From the owner: what a reader asks for is not here, or a claim was given back, so that whoever
got the call may open what it asks for; JSON with the status and the reason."""

ASK: Final = 14
"""From anybody with the secret, in the place of CALL: what goes on in this process?"""

TELL: Final = 15
"""The response to ASK: JSON."""

PING: Final = 16
"""From both, after silence."""

PONG: Final = 17
"""The response to PING."""

MORE: Final = 18
"""From both: a piece of the frame that follows, where that would be over 64 KiB."""

REQUEST: Final = 19
"""From the relay, in the place of CALL, from version 2 of links on: a whole request that belongs to
an open session, and has one response. `Link.request` sends it."""

REPLY: Final = 20
"""From the owner: the whole response to REQUEST. It ends the call on both sides."""

REFUSAL: Final = 21
"""From the owner, in the place of REPLY: JSON that says why the request is refused."""

GREET: Final = 32
"""The first frame of both: JSON with versions, name and 16 random bytes."""

PROVE: Final = 33
"""The second frame of both: HMAC-SHA-256 of what both have said."""
