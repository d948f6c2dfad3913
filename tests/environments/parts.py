"""Which tests run in each of the other environments: those whose result may differ there.

Knows: the suite, and what of it is slow.
Must not know: the environments.
"""

from __future__ import annotations

SANS_IO = (
    *(
        f"tests/unit/negotiation/test_{one}.py"
        for one in ("beside", "diagnosis", "messages", "race", "race_again", "wording")
    ),
    "tests/unit/session",
    "tests/unit/transports/http",
    "tests/unit/test_frames.py",
    "tests/unit/test_handshake.py",
    "tests/unit/test_vectors.py",
    "tests/unit/backplane/test_directory.py",
)
"""Plain code that asks nothing of a dependency, nor of the system. All else imports it, and what it
does is seen in sessions below."""

PROCESSES = ("tests/unit/server/test_signals.py", "tests/unit/backplane/test_siblings.py")
"""Signals and forked processes, for each of which a Python is started. The checkout's Python runs
them, which is that of `lowest`, and the newest: 3.12 stands between the two."""

UNIT = ("tests/unit", *(f"--ignore={one}" for one in (*SANS_IO, *PROCESSES)))
"""The unit tests of what talks to a dependency, to the event loop or to a file."""

LEAST_UNIT = 1_500
"""How many of them pass, at least."""

CONTRACT = (
    "tests/contract",
    "-k",
    "bareasgi and (test_handshake or test_messages or code_and_reason)"
    " and not (many_sessions or ten_thousand or slow_reader)",
)
"""The contract with bareASGI's application on a real uvicorn, over every transport, but for what
waits for clients that have gone, and for large amounts."""

LEAST_CONTRACT = 100
"""How many of them pass, at least."""

HTTP_UNIT = ("tests/unit/client", "tests/unit/transports", "tests/unit/test_http_library.py")
"""The unit tests of what the client does with its HTTP library."""

LEAST_HTTP_UNIT = 450
"""How many of them pass, at least."""

HTTP = (
    "tests/server/test_cookies.py",
    "tests/server/test_names.py",
    "tests/server/test_proxy.py",
    "tests/server/test_tls.py",
    "-k",
    "not websocket and not that_is_away",
)
"""The same with real servers: TLS, proxies with CONNECT and SOCKS, cookies."""

LEAST_HTTP = 60
"""How many of them pass, at least."""

HTTP_CONTRACT = (
    "tests/contract",
    "-k",
    "not websocket and (squid or haproxy or nginx or caddy) and test_handshake "
    "or not websocket and bareasgi and test_messages",
)
"""The contract over HTTP, with the proxies that the system brings."""

LEAST_HTTP_CONTRACT = 90
"""How many of them pass, at least."""

HTTP2 = ("tests/proxies/test_http2.py", "-k", "direct or http2-stream or failed or left")
"""What the client's requests share where BYWAY_HTTP2=1."""

LEAST_HTTP2 = 10
"""How many of them pass, at least."""

SERVERS = ("tests/contract/test_handshake.py", "-k", "servers")
"""How sessions open where several servers share them over Redis."""

LEAST_SERVERS = 40
"""How many of them pass, at least."""
