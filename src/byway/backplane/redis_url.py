"""The URL that names a Redis: a server, a Unix socket, sentinels, or a node of a Cluster.

Knows: redis-py's connections, and which of their options are byway's own to set.
Must not know: what is asked over them.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from byway.errors import UsageError

try:
    from redis import exceptions as errors
    from redis.asyncio.connection import ConnectionPool, parse_url
    from redis.asyncio.retry import Retry
    from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
    from redis.backoff import NoBackoff
except ImportError:
    raise UsageError(
        "a backplane over Redis needs the package redis, from 5 on: pip install 'byway[redis]'"
    ) from None

COMMAND_TIME: Final = 2.0
"""Seconds that a connection, and each response, may take."""

_SCHEMES: Final = re.compile(r"(redis|rediss|unix|redis\+sentinel|rediss\+sentinel)://")
_SENTINEL_PORT: Final = 26379

_OURS: Final = frozenset(
    {
        *("socket_timeout", "socket_connect_timeout", "timeout", "max_connections"),
        *("retry", "retry_on_timeout", "retry_on_error", "connection_class", "parser_class"),
        *("protocol", "decode_responses", "encoding", "encoding_errors", "legacy_responses"),
        "redis_connect_func",
    }
)
"""Options of redis-py that a URL may not change: when a response is late, what is repeated, what
responses are made of."""


def is_encrypted(url: str) -> bool:
    """Say whether a URL asks for TLS on the way to Redis."""
    return url.startswith("rediss")


def check_url(url: str) -> None:
    """Refuse a URL that names no Redis. The message does not repeat it: it may hold a password.

    Raises:
        UsageError: always then.
    """
    if not _SCHEMES.match(url):
        raise UsageError(
            "the URL of Redis must begin with redis://, rediss://, unix:// or redis+sentinel://"
        )
    for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True):
        if name.removeprefix("sentinel_") in _OURS:
            raise UsageError(
                f"the URL of Redis: byway sets {name} itself, for it relies on it: leave it out"
            )
    try:
        new_pool(url, None).make_connection()  # type: ignore[no-untyped-call]  # connects to nothing yet
    except ValueError as error:
        said = str(error)
        if said.startswith("Port"):  # what follows may be the beginning of a password
            said = "the port must be a number. In a password write / as %2F, ? as %3F, # as %23"
        raise UsageError(f"the URL of Redis: {said}") from None
    except (TypeError, errors.RedisError) as error:
        raise UsageError(f"the URL of Redis: its query does not fit: {error}") from None


def new_pool(url: str, node: tuple[str, int] | None) -> ConnectionPool:
    """Return where connections to Redis come from; nothing is connected yet.

    Args:
        url: says where Redis is.
        node: host and port of the node of a Cluster that is asked in its place.
    """
    options: dict[str, Any] = {
        "socket_timeout": COMMAND_TIME,
        "socket_connect_timeout": COMMAND_TIME,
        "socket_keepalive": True,
        "retry": Retry(NoBackoff(), 0),
        "max_connections": 2,  # one is used; another may be on its way out
        "protocol": 2,
    }
    if url.startswith("unix:"):
        del options["socket_keepalive"]
    if "+sentinel" in url:
        sentinels, service, plain, own = _sentinels(url)
        own |= {"retry": options["retry"], "protocol": 2} | dict.fromkeys(
            ("socket_timeout", "socket_connect_timeout"), COMMAND_TIME
        )
        manager = Sentinel(sentinels, sentinel_kwargs=own)  # type: ignore[no-untyped-call]
        known = parse_url(plain)
        known.pop("host", None)
        known.pop("connection_class", None)
        if is_encrypted(url):
            options["ssl"] = True
        options |= dict(known)
        return SentinelConnectionPool(service, manager, **options)  # type: ignore[no-untyped-call]
    options |= dict(parse_url(url))
    if node is not None:
        options["host"], options["port"] = node
    return ConnectionPool(**options)


def _sentinels(url: str) -> tuple[list[tuple[str, int]], str, str, dict[str, Any]]:
    """Return the sentinels, the name of what they watch, the URL as of a plain Redis, and what the
    sentinels want themselves.

    `redis+sentinel://USER:PASSWORD@HOST:PORT,HOST:PORT/SERVICE?db=0&sentinel_password=…`
    """
    scheme, _, rest = url.partition("://")
    place, _, query = rest.partition("?")
    where, _, service = place.partition("/")
    who, _, hosts = where.rpartition("@")
    found = []
    for one in hosts.split(","):
        host, _, port = one.rpartition(":") if re.search(r":\d+$", one) else (one, "", "")
        found.append((host.strip("[]"), int(port or _SENTINEL_PORT)))
    if not service or "/" in service or not all(host for host, _ in found):
        raise ValueError("it must be redis+sentinel://HOST:PORT,HOST:PORT/SERVICE")
    own, rest_of_query = {}, []
    for name, value in parse_qsl(query):
        if name.startswith("sentinel_"):
            own[name.removeprefix("sentinel_")] = value
        else:
            rest_of_query.append((name, value))
    plain = f"{scheme.partition('+')[0]}://{who + '@' if who else ''}sentinel"
    return found, unquote(service), f"{plain}?{urlencode(rest_of_query)}", own
