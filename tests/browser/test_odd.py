"""Odd servers, networks and users, played to the module in Node: see odd.mjs."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("odd.mjs")

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None and os.environ.get("BYWAY_REQUIRE_PARTS") != "1",
    reason="node is not installed",
)


async def odd(case: str, *arguments: str) -> dict[str, Any]:
    """Play a case and return what was seen."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        "node", "--expose-gc", str(SCRIPT), case, *arguments, stdout=pipe, stderr=pipe
    )
    try:
        async with asyncio.timeout(20):
            out, error = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise AssertionError("node has not ended") from None
    assert out, error.decode()
    told: dict[str, Any] = json.loads(out)
    return told


@pytest.mark.parametrize("transport", ["stream", "sse", "poll"])
async def test_who_closes_at_once_has_asked_for_nothing(transport: str) -> None:
    told = await odd("closed_at_once", transport)
    assert told == {"log": ["close 1006 false"], "asked": 0, "notAborted": 0}


async def test_a_plain_server_does_not_take_over_a_session() -> None:
    told = await odd("a_plain_server_later")
    assert told == {"log": ["open", "message still here"], "transport": "stream", "plain": False}


async def test_a_plain_socket_has_a_transport_while_it_is_open() -> None:
    told = await odd("a_plain_socket")
    assert told["transports"] == [None, "websocket", None, None]
    assert (told["plain"], told["extensions"]) == (True, "permessage-deflate")
    assert told["state"] == 3
    events = ["open", "message hello", "message [object ArrayBuffer]"]
    # The handshake that offers byway opens without a subprotocol in some browsers: that one is
    # closed, since it may be byway's own whose response lost it, and a plain one is made.
    assert told["log"] == ["closing ", *events, "sent x", "closing ", "close 1000 true"]


async def test_subprotocols_are_bounded_as_in_the_protocol() -> None:
    told = await odd("subprotocols_without_end")
    assert told["found"] == ["taken", "SyntaxError", "taken", "SyntaxError", "SyntaxError"]


async def test_polls_are_let_go() -> None:
    told = await odd("many_polls")
    assert told["polls"] > 20
    assert told["alive"] < 10


async def test_a_poll_that_is_cut_in_its_body_is_repeated() -> None:
    assert await odd("a_poll_cut_in_its_body") == {"carriers": 1}


async def test_without_a_subprotocol_no_answer_is_left_open() -> None:
    told = await odd("no_subprotocol")
    assert told == {"log": ["close 1006 false"], "notAborted": 0}


async def test_an_option_that_is_undefined_is_left_out() -> None:
    assert await odd("options_that_are_undefined") == {"asked": 1}


async def test_options_that_are_no_numbers() -> None:
    assert await odd("options_that_are_wrong") == {"taken": []}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("part", "0"),
        ("part", "1"),
        ("part", "63"),
        ("part", "-5"),
        ("part", "null"),
        ("batch", "0"),
        ("heartbeat", "0"),
        ("heartbeat", "0.001"),
        ("heartbeat", '"10"'),
        ("silence", "0"),
        ("silence", "0.001"),
        ("window", "1e-9"),
        ("window", "null"),
        ("received", '"0"'),
        ("room", '"x"'),
    ],
)
async def test_a_wrong_field_of_open(name: str, value: str) -> None:
    told = await odd("fields_of_open", name, value)
    assert told == {"log": ["close 1006 false"], "requests": 0, "busy": False}


async def test_closes_that_cross_late_are_clean() -> None:
    told = await odd("closes_that_cross_slowly")
    assert told["log"] == ["open", "close 4002 true"]  # what was received


async def test_answers_that_acknowledge_nothing_are_not_asked_for_at_once() -> None:
    """They are asked for after pauses, and after two heartbeats the carrier ends."""
    told = await odd("answers_that_acknowledge_nothing")
    assert told == {"log": ["open"], "few": True, "goesOn": True, "moves": True}


async def test_answers_that_acknowledge_little_need_no_pause() -> None:
    told = await odd("answers_that_acknowledge_one_more_each")
    assert told == {"left": 0, "carriers": 1}


async def test_a_garbled_text_comes_again() -> None:
    told = await odd("a_text_that_was_garbled")
    assert told["log"] == ["open", "message first", "message second", "close 4001 true"]


async def test_a_server_that_does_not_keep_to_the_room() -> None:
    assert (await odd("messages_without_room"))["messages"] == 18


async def test_many_messages_behind_a_blob() -> None:
    assert (await odd("many_messages_behind_a_blob"))["seconds"] < 8


async def test_a_message_that_came_with_open_is_let_go() -> None:
    assert await odd("a_message_with_open") == {"came": True, "alive": False}


async def test_no_timer_is_in_the_past() -> None:
    """Node 21 and later warn of one."""
    assert await odd("a_slow_machine") == {"log": ["close 1006 false"], "negative": 0}


async def test_the_marks_of_a_page_are_not_looked_through() -> None:
    assert await odd("a_page_with_many_marks") == {"left": 0, "looked": 0}


async def test_an_event_in_small_pieces() -> None:
    assert await odd("an_event_in_small_pieces") == {"lengths": [16384]}


async def test_no_open_in_time() -> None:
    told = await odd("no_open_in_time")
    assert told == {"log": ["close 1006 false"], "verdicts": ["failed"] * 3}
