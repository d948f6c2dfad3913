"""What looks for the sockets on which a process listens changes none of them."""

from __future__ import annotations

import os
import socket

from byway.server.listening_sockets import StopWatch


async def test_sockets_of_others_go_on_blocking_where_there_is_a_default_timeout() -> None:
    """Such as a C library's, which knows nothing of the default timeout."""
    ours, theirs = socket.socketpair()
    with ours, theirs, socket.create_server(("127.0.0.1", 0)) as listening:
        theirs.setblocking(False)
        socket.setdefaulttimeout(10)
        try:
            watch = StopWatch(lambda: None)
            assert watch.start(listening.getsockname())
        finally:
            socket.setdefaulttimeout(None)
        watch.stop()
        assert os.get_blocking(ours.fileno())
        assert not os.get_blocking(theirs.fileno())
