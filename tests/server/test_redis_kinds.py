"""RedisBackplane on every kind of Redis: Valkey, TLS, few rights, Sentinel, a Cluster."""

from __future__ import annotations

import logging
import os
import re
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from byway.backplane import Backplane, Claim, Unavailable
from byway.backplane.conversation import Conversation, Facts, NoResponse
from byway.backplane.directory import Directory
from byway.backplane.redis import RedisBackplane
from byway.backplane.scripts import SCRIPTS
from byway.errors import UsageError
from byway.limits import ServerLimits
from tests.server.test_redis import A, B, call, claim, claim_at_last, digest, process, serve
from tests.support.process import Program, free_port, wait_until_accepting
from tests.support.redis import KINDS, RedisServer, program_of, redis_server
from tests.support.tls import Authority

COMMANDS = (
    "eval evalsha info time hmget hset hget zcount get set del zrem pexpire zadd "
    "zremrangebyscore zrange"
)
"""What a user of Redis has to be allowed, as docs/how-to/several-processes.md lists it."""


async def works(url: str, **options: Any) -> None:
    """See two processes share keys."""
    async with process(url, A, **options) as a, process(url, B, **options) as b:
        assert await claim(a, 1) == Claim(A)
        assert await claim(b, 1) == Claim(A)
        assert await call(b, A) == b"hello"
        a.ended(b"\1" * 32)


@pytest.mark.parametrize("kind", KINDS)
async def test_kinds(kind: str) -> None:
    """From the oldest that is served to Valkey."""
    with redis_server(kind) as server:
        await works(server.url())


async def test_a_unix_socket_and_another_database() -> None:
    """As redis-py names them."""
    with redis_server("redis", "--unixsocket", "{folder}/redis.sock") as server:
        await works(f"unix://{server.folder}/redis.sock?db=3")
        with server.client(db=3) as client:
            assert client.exists("byway:{byway}:epoch")


async def test_a_user_with_few_rights() -> None:
    """The commands that the page lists, on the keys of the namespace, and no others."""
    with redis_server() as server:
        allowed = [f"+{one}" for one in COMMANDS.split()]
        with server.client() as client:
            client.execute_command(
                "ACL", "SETUSER", "byway", "on", ">pass:word/1", "~byway:{byway}:*", *allowed
            )
            url = f"redis://byway:pass%3Aword%2F1@127.0.0.1:{server.port}/0"
            await works(url)
            client.execute_command("ACL", "SETUSER", "byway", "-info")
            with pytest.raises(UsageError, match="(?i)info") as caught:
                async with process(url, A):
                    pass
    assert "pass" not in str(caught.value)
    used = {one for script in SCRIPTS for one in re.findall(r"redis.call\('(\w+)'", script.text)}
    assert {one.lower() for one in used} | {"eval", "evalsha"} == set(COMMANDS.split())


@pytest.mark.parametrize(
    ("who", "said"), [("byway:wrong", "invalid username"), ("", "authentication")]
)
async def test_who_may_not_log_in_is_told_so_at_start(who: str, said: str) -> None:
    """And no password is repeated."""
    with redis_server("redis", "--requirepass", "right", password="right") as server:
        url = f"redis://{who + '@' if who else ''}127.0.0.1:{server.port}/0"
        with pytest.raises(UsageError, match=f"(?i){said}") as caught:
            async with process(url, A):
                pass
        assert "wrong" not in str(caught.value).replace("WRONGPASS", "")


async def test_tls_to_redis_and_between_processes(tmp_path: Path) -> None:
    """With certificates of the two that both sides check."""
    authority = Authority(tmp_path)
    door = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    door.load_cert_chain(authority.certificate_file, authority.key_file)
    files = ["--tls-cert-file", str(authority.certificate_file)]
    files += ["--tls-key-file", str(authority.key_file)]
    files += ["--tls-ca-cert-file", str(authority.authority_file), "--tls-auth-clients", "no"]
    with redis_server("redis", "--port", "0", "--tls-port", "{port}", *files) as server:
        url = f"rediss://127.0.0.1:{server.port}/0?ssl_ca_certs={authority.authority_file}"
        await works(url, tls=(door, authority.context()))
        await works(url, tls=False)
        with pytest.raises(Unavailable):  # nobody vouches for this certificate
            async with process(f"rediss://127.0.0.1:{server.port}/0", A, tls=False) as a:
                await claim(a, 1)


def test_links_in_clear_beside_an_encrypted_redis_are_refused() -> None:
    """Unless that is said."""
    for url in ("rediss://redis/0", "rediss+sentinel://redis/main"):
        with pytest.raises(UsageError, match="tls="):
            RedisBackplane(url)
        RedisBackplane(url, tls=False)


# Sentinel


@pytest.fixture
def sentinel(tmp_path: Path) -> Iterator[tuple[RedisServer, RedisServer, int]]:
    """A master, its replica and a sentinel that watches them."""
    with redis_server() as master, redis_server() as replica:
        with replica.client() as client:
            client.replicaof("127.0.0.1", master.port)
        config = tmp_path / "sentinel.conf"
        port = free_port()
        config.write_text(
            f"port {port}\nbind 127.0.0.1\ndir {tmp_path}\n"
            f"sentinel monitor main 127.0.0.1 {master.port} 1\n"
            "sentinel down-after-milliseconds main 500\n"
            "sentinel failover-timeout main 3000\n"
            "requirepass watch\n"
        )
        program = Program([program_of("redis"), config, "--sentinel"])
        try:
            assert wait_until_accepting(program, port)
            with redis.Redis(port=port, password="watch") as client:
                wait(lambda: client.sentinel_slaves("main"))
            with master.client() as client:
                wait(lambda: client.info("replication")["slave0"]["state"] == "online")
            yield master, replica, port
        finally:
            program.kill()
            assert program.process.stdout is not None
            program.process.stdout.close()


def wait(until: Any, seconds: float = 20.0) -> None:
    """Wait until something is so; nothing tells when."""
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.05)


async def test_a_sentinel_names_the_master_and_the_next_one(
    sentinel: tuple[RedisServer, RedisServer, int],
) -> None:
    """The replica that is promoted is a new epoch; all claims are there again."""
    master, replica, port = sentinel
    url = f"redis+sentinel://127.0.0.1:1,127.0.0.1:{port}/main?sentinel_password=watch"
    async with process(url, A) as a, process(url, B) as b:
        assert await claim(a, 1) == Claim(A)
        epoch = a._directory.epoch  # type: ignore[attr-defined]
        master.stop()
        assert await claim_at_last(b, 2) == Claim(B)
        assert await claim_at_last(b, 1) == Claim(A)
        assert a._directory.epoch > epoch  # type: ignore[attr-defined]
        with replica.client() as client:
            assert client.info("replication")["role"] == "master"


# A Cluster


async def test_a_cluster_is_found_by_any_of_its_nodes() -> None:
    """All keys are in one slot, which may be another node's."""
    # By default the bus is 10,000 ports above the other, which may be none.
    arguments = ("--cluster-enabled", "yes", "--cluster-port", "{bus_port}")
    with redis_server("redis", *arguments) as one, redis_server("redis", *arguments) as two:
        with one.client() as first, two.client() as second:
            slot: Any = first.execute_command("CLUSTER", "KEYSLOT", "byway:{byway}:epoch")
            for key in ("s:x", "n:x", "names"):
                assert first.execute_command("CLUSTER", "KEYSLOT", f"byway:{{byway}}:{key}") == slot
            second.execute_command("CLUSTER", "ADDSLOTSRANGE", slot, slot)
            for low, high in ((0, slot - 1), (slot + 1, 16383)):
                first.execute_command("CLUSTER", "ADDSLOTSRANGE", low, high)
            first.execute_command("CLUSTER", "MEET", "127.0.0.1", two.port, two.bus_port)
            for client in (first, second):
                wait(lambda client=client: client.cluster("INFO")["cluster_state"] == "ok")
            await works(one.url())
            assert second.exists("byway:{byway}:epoch")


# What is refused


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
async def test_a_redis_that_may_throw_claims_away_is_refused(policy: str) -> None:
    """Where its memory is bounded at all. Later it is only said: sessions go on."""
    with redis_server("redis", "--maxmemory", "50mb", "--maxmemory-policy", policy) as server:
        with pytest.raises(UsageError, match="noeviction"):
            async with process(server.url(), A):
                pass
        with server.client() as client:
            client.config_set("maxmemory", 0)
        async with process(server.url(), A) as a:
            assert await claim(a, 1) == Claim(A)


async def test_a_policy_that_changes_later_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """And what it has thrown away."""
    with redis_server() as server:
        async with process(server.url(), A) as a:
            keeper = a._keeper  # type: ignore[attr-defined]
            caplog.set_level(logging.WARNING, "byway.backplane")
            with server.client() as client:
                client.config_set("maxmemory-policy", "allkeys-random")
                used = client.info("memory")["used_memory"]
                client.config_set("maxmemory", used + 1_000_000)
                await keeper._check()
                await keeper._check()
                for number in range(30):
                    client.set(f"other:{number}", b"x" * 100_000)
            await keeper._check()
    assert sum("noeviction" in one and "not safe" in one for one in caplog.messages) == 1
    assert any("has thrown away" in one for one in caplog.messages)


def test_a_redis_that_is_too_old_is_refused() -> None:
    """It says which one is wanted."""
    for version in ((6, 0, 16), (5, 0)):
        assert "6.2 or later" in Facts(version, "", True, 0).complaint()
    for version in ((6, 2, 0), (7, 2, 4), (8, 0)):
        assert not Facts(version, "", True, 0).complaint()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": "http://redis"}, "redis://"),
        ({"url": "redis://:secret@host:nine"}, "URL"),
        ({"url": "redis://:secret/more@host/0"}, "%2F"),
        ({"url": "redis://:secret#more@host/0"}, "%23"),
        ({"url": "redis://host/0?nonsense=secret"}, "query"),
        ({"url": "redis+sentinel://host/main?sentinel_nonsense=secret"}, "query"),
        ({"url": "redis+sentinel://host"}, "SERVICE"),
        ({"url": "redis+sentinel://:26379/main"}, "SERVICE"),
        ({"namespace": ""}, "namespace"),
        ({"namespace": "a}b"}, "namespace"),
        ({"namespace": "x" * 65}, "namespace"),
        ({"advertise": ""}, "advertise"),
        ({"advertise": "http://host/"}, "advertise"),
        ({"advertise": "10.0.0.1:7400"}, "without a port"),
        ({"port": 65536}, "ports"),
        ({"ports": []}, "ports"),
        ({"port": 7400, "ports": [7400]}, "not both"),
        ({"secret": "short"}, "secret"),
        ({"when_away": "close"}, "when_away"),
    ],
)
def test_what_cannot_work_is_refused_at_once(options: dict[str, Any], said: str) -> None:
    """Before anything is connected; a password in a URL is not repeated."""
    with pytest.raises(UsageError, match=said) as caught:
        RedisBackplane(**{"url": "redis://127.0.0.1/0", **options})
    assert "secret" not in str(caught.value) or said == "secret"


async def test_sentinels_that_are_away_are_named_without_their_options() -> None:
    """What redis-py says of them holds all options; some of its releases leave passwords in."""
    where = f"127.0.0.1:{free_port()}"
    conversation = Conversation(f"redis+sentinel://{where}/main?sentinel_password=secret")
    with pytest.raises(NoResponse, match="No master found for 'main'") as caught:
        await conversation.facts()
    assert "redis." not in str(caught.value)
    await conversation.aclose()


async def test_a_database_that_is_not_there_is_an_error_at_start() -> None:
    """It would never respond."""
    with redis_server() as server:
        backplane = RedisBackplane(server.url() + "?db=99").bind(A)
        with pytest.raises(UsageError, match="DB index is out of range"):
            await backplane.start(serve)


async def test_a_conversation_that_has_ended_connects_no_more() -> None:
    """An opening or a look that comes late leaves no connection behind."""
    with redis_server() as server:
        conversation = Conversation(server.url())
        directory = Directory(A, "late", ServerLimits(), "1")
        await conversation.ask(directory.ask_look(B))
        await conversation.aclose()
        with pytest.raises(NoResponse, match="leaves"):
            await conversation.ask(directory.ask_look(B))


async def test_openings_without_redis_are_bounded() -> None:
    """No more claims wait for the directory than it may be told; one that went leaves nothing."""
    url = f"redis://127.0.0.1:{free_port()}"
    limits = ServerLimits(sessions=2)
    backplane = RedisBackplane(url, when_away="open", advertise="127.0.0.1").bind(A, limits)
    await backplane.start(serve)
    try:
        for number in range(10):
            assert await claim(backplane, number) == Claim(A)
            backplane.release(digest(number))
        for number in range(4):
            assert await claim(backplane, number) == Claim(A)
        with pytest.raises(Unavailable, match="as many claims"):
            await claim(backplane, 4)
    finally:
        await backplane.aclose()


def test_without_redis_py_it_says_what_to_install() -> None:
    """Importing byway needs none."""
    code = """
import sys
sys.modules["redis"] = None
import byway
from byway import UsageError
from byway.backplane.choice import choose, resolve
from byway.limits import ServerLimits
for use in (
    lambda: choose(resolve("redis://127.0.0.1"), "aaaaaaaa", ServerLimits()),
    lambda: __import__("byway.backplane.redis"),
):
    try:
        use()
    except (UsageError, ImportError) as error:
        assert "byway[redis]" in str(error), error
    else:
        raise AssertionError
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def two_free_ports() -> range:
    """Return two in a row, below those that the system gives away by itself."""
    for first in range(20_000 + os.getpid() % 1000 * 10, 32_000, 2):
        try:
            for port in (first, first + 1):
                socket.create_server(("", port)).close()
        except OSError:
            continue
        return range(first, first + 2)
    raise AssertionError("no two ports in a row are free")


async def test_a_range_of_ports_is_tried_in_turn() -> None:
    """For several processes on a machine; one more than it has is an error at start."""
    with redis_server() as server:
        ports = two_free_ports()
        async with process(server.url(), A, ports=ports), process(server.url(), B, ports=ports):
            extra: Backplane = RedisBackplane(server.url(), ports=ports).bind("cccccccc")
            with pytest.raises(UsageError, match="wider range"):
                await extra.start(serve)
            await extra.aclose()


async def test_an_address_that_is_advertised_is_written(tmp_path: Path) -> None:
    """And listened to on all addresses of the machine, as a router may stand between."""
    with redis_server() as server:
        async with process(server.url(), A, advertise="localhost"), process(server.url(), B) as b:
            with server.client() as client:
                record: Any = client.hget(f"byway:{{byway}}:n:{A}", "record")
            assert b'"host":"localhost"' in record
            assert await call(b, A) == b"hello"


async def test_the_address_is_the_one_from_which_redis_is_reached() -> None:
    """IPv6, too; over a Unix socket the loopback's."""
    assert await Conversation("redis://127.0.0.1:7/0").own_address() == "127.0.0.1"
    assert await Conversation("redis://[::1]:7/0").own_address() == "::1"
    assert await Conversation("unix:///nowhere").own_address() == "127.0.0.1"
