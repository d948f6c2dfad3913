"""What a URL of Redis may say, and what it may not."""

from __future__ import annotations

import pytest

from byway import UsageError
from byway.backplane.redis import RedisBackplane
from byway.backplane.redis_url import COMMAND_TIME, new_pool

PASSWORD = "not-to-be-shown"


@pytest.mark.parametrize(
    "option",
    [
        "socket_timeout=60",
        "socket_connect_timeout=60",
        "decode_responses=True",
        "decode_responses",
        "retry_on_timeout=yes",
        "max_connections=50",
        "protocol=3",
        "encoding=utf-16",
        "ssl_ca_certs=x&socket_timeout=60",
    ],
)
@pytest.mark.parametrize(
    "place", ["redis://:{}@localhost:6379/0", "unix:///run/redis.sock", "redis+sentinel://a,b/main"]
)
def test_what_byway_relies_on_is_not_for_the_url_to_change(place: str, option: str) -> None:
    """Ours would be overridden: `decode_responses` alone breaks every response."""
    name = option.rpartition("&")[2].partition("=")[0]
    with pytest.raises(UsageError, match=f"byway sets {name} itself") as caught:
        RedisBackplane(f"{place.format(PASSWORD)}?{option}")
    assert PASSWORD not in str(caught.value)


def test_nor_of_sentinels() -> None:
    with pytest.raises(UsageError, match="byway sets sentinel_socket_timeout itself"):
        RedisBackplane("redis+sentinel://a,b/main?sentinel_socket_timeout=9")


@pytest.mark.parametrize(
    "option",
    ["db=3", "client_name=chat", "health_check_interval=10", "username=a&password=b"],
)
def test_everything_else_is(option: str) -> None:
    url = f"redis://localhost:6379?{option}"
    RedisBackplane(url)
    assert new_pool(url, None).connection_kwargs["socket_timeout"] == COMMAND_TIME
