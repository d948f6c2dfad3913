"""The contract: what is said before the first message, and what the handler sees of its client."""

from __future__ import annotations

import json
from http.cookies import SimpleCookie
from typing import Any
from uuid import uuid4

import pytest

import byway
from tests.contract.conftest import Contract
from tests.support.peers import connect


async def test_the_application_chooses_the_subprotocol(contract: Contract) -> None:
    async with contract.connect("/choose", subprotocols=["chat.v1", "chat.v2"]) as channel:
        assert channel.subprotocol == "chat.v2"
        assert json.loads(str(await channel.receive())) == ["chat.v1", "chat.v2"]


async def test_no_subprotocol_is_chosen_where_none_is_offered(contract: Contract) -> None:
    """Nothing of byway's own offers reaches the application."""
    async with contract.connect("/choose") as channel:
        assert channel.subprotocol is None
        assert json.loads(str(await channel.receive())) == []


async def test_the_application_need_not_choose(contract: Contract) -> None:
    async with contract.connect("/echo", subprotocols=["chat.v1"]) as channel:
        assert channel.subprotocol is None


async def test_headers_and_cookies_of_accept_reach_the_client(contract: Contract) -> None:
    async with contract.connect("/headers") as channel:
        assert channel.headers["x-answer"] == "from the handler"
        cookies = SimpleCookie()
        for line in channel.headers.get_list("set-cookie"):
            cookies.load(line)
        assert {name: one.value for name, one in cookies.items()} == {"first": "1", "second": "2"}
        assert cookies["second"]["httponly"]


async def test_a_refusal_before_accept_is_a_403(contract: Contract) -> None:
    name = uuid4().hex
    with pytest.raises(byway.Refused) as caught:
        async with contract.connect(f"/refuse?id={name}"):
            pass
    assert caught.value.status == 403
    assert {one.transport for one in caught.value.attempts} == {contract.transport}


async def test_a_refusal_ends_the_attempts_and_runs_the_handler_once(contract: Contract) -> None:
    """What the application refuses over one transport it would refuse over all.

    A WebSocket's handshake gets a bare 403; the next attempt, or handshake, says whose it was.
    """
    name = uuid4().hex
    others = [one for one in ("websocket", "stream", "sse", "poll") if one != contract.transport]
    with pytest.raises(byway.Refused) as caught:
        async with contract.connect(f"/refuse?id={name}", transports=[contract.transport, *others]):
            pass
    assert len(caught.value.attempts) <= (2 if contract.transport == "websocket" else 1)
    await contract.server.log.seen(f"refusing {name}")
    assert sum(f"refusing {name}" in line for line in contract.server.log.lines) == 1


async def test_a_refusal_with_an_answer_of_its_own_reaches_the_client(contract: Contract) -> None:
    status, headers, body = 429, {"retry-after": "7"}, b"come back later"
    with pytest.raises(byway.Refused) as caught:
        async with contract.connect("/deny"):
            pass
    assert (caught.value.status, caught.value.body) == (status, body)
    # Some proxies write names in their own way.
    assert headers.items() <= {name.lower(): one for name, one in caught.value.headers}.items()


async def test_an_exception_before_accept_is_a_500_and_logged_once(contract: Contract) -> None:
    name = uuid4().hex
    with pytest.raises(byway.Refused) as caught:
        async with contract.connect(f"/fail-early?id={name}"):
            pass
    assert caught.value.status == 500
    await contract.server.log.seen(f"ExpectedFailure: {name}")
    assert sum(name in line for line in contract.server.tracebacks()) == 1


async def seen(contract: Contract, path: str, **options: Any) -> dict[str, Any]:
    """Return what the handler sees of its client."""
    async with contract.connect(path, **options) as channel:
        got: dict[str, Any] = json.loads(str(await channel.receive()))
        return got


async def test_path_parameters_and_query_string_are_seen(contract: Contract) -> None:
    got = await seen(contract, "/info/caf%C3%A9/42?a=1&b=x%20y&a=2")
    assert got["params"] == {"name": "café", "number": 42}
    assert got["path"] == "/info/café/42"
    assert got["query"] == "a=1&b=x%20y&a=2"
    assert got["root_path"] == ""


async def test_cookies_and_headers_are_seen(contract: Contract) -> None:
    sent = [("cookie", "a=1; b=2"), ("authorization", "Bearer t"), ("x-more", "1"), ("x-more", "2")]
    got = await seen(contract, "/info", headers=sent)
    received = [tuple(pair) for pair in got["headers"]]
    # HTTP/2 may put cookies last, and Apache joins what has one name (RFC 9110, section 5.3).
    if contract.way is not None and contract.way.variant.program == "apache":
        sent[2:] = [("x-more", "1, 2")]
    assert sorted(pair for pair in received if pair[0] in dict(sent)) == sorted(sent)


async def test_the_client_address_is_seen(contract: Contract) -> None:
    got = await seen(contract, "/info")
    assert got["client"] == "127.0.0.1"
    assert got["server"] in (contract.ports or (contract.server.port,))


async def test_the_scope_is_that_of_a_websocket(contract: Contract) -> None:
    got = await seen(contract, "/info", subprotocols=["chat.v1"])
    assert (got["type"], got["scheme"]) == ("websocket", "wss" if contract.tls else "ws")
    assert got["subprotocols"] == ["chat.v1"]
    assert "method" not in got["keys"]
    headers = dict(got["headers"])
    # Some applications go by these instead of the type: Engine.IO's.
    assert (headers["connection"], headers["upgrade"]) == ("Upgrade", "websocket")
    assert not headers.keys() & {"byway", "content-type", "content-length", "transfer-encoding"}
    # The session key is a secret of the carrier's; the application could log it.
    assert "byway.1" not in str(got["headers"])


async def test_the_url_may_be_that_of_a_websocket(contract: Contract) -> None:
    got = await seen(contract, "/info")
    url = contract.url("/info", scheme="ws")
    async with connect(url, contract.transport, **contract.options) as channel:
        again = json.loads(str(await channel.receive()))
    assert again["path"] == got["path"]
