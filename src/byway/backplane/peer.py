"""Peer: whose process is at the other end of a Unix socket.

Knows: what the kernel says of it.
Must not know: links, proofs.
"""

from __future__ import annotations

import os
import socket
import struct
import sys

_SOL_LOCAL = 0  # of BSD and macOS
_LOCAL_PEERCRED = 1
_XUCRED = struct.Struct("=II")  # struct xucred: its version, then the uid; more follows


def is_ours(sock: socket.socket) -> bool:
    """Say whether the other end of a Unix socket runs as the same user as this process.

    Where the kernel does not say, the mode of the socket's directory alone keeps others out.

    Raises:
        OSError: the socket is not connected.
    """
    if sys.platform == "win32" or sock.family != socket.AF_UNIX:
        return True
    if sys.platform == "linux":
        found = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        uid = struct.unpack("3i", found)[1]
    elif sys.platform == "darwin" or "bsd" in sys.platform:
        found = sock.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, 128)
        uid = _XUCRED.unpack_from(found)[1]
    else:
        return True
    return bool(uid == os.geteuid())
