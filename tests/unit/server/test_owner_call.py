"""What a process makes of a CALL that is none."""

from __future__ import annotations

import pytest

from byway.server.owner_call import serve_handed
from tests.unit.backplane.pair import calling

REST = b'"headers":[],"client":null,"server":null,"user":null,"place":"p"}'


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"[" * 30_000,
        b'{"v":1,"scope":{"type":"http"},"query":5,' + REST,
        b'{"v":1,"scope":{"type":"http"},"query":"","headers":[[1,2]]}',
        b'{"v":1,"scope":5,"query":"",' + REST,
    ],
)
async def test_a_call_that_cannot_be_read_cuts_its_link_and_nothing_else(
    payload: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with calling() as (link, served):
        await serve_handed(served, payload, lambda _: None)
        assert served._connection is None
    assert "cannot read a call from process" in caplog.text
    assert link.peer in caplog.text or served.peer in caplog.text
