"""Event streams of the application's own go on as they would without byway."""

from __future__ import annotations

import httpx
import pytest

from tests.support.servers import uvicorn


def test_an_applications_own_event_stream_does_not_keep_the_server_from_stopping() -> None:
    with uvicorn("tests.apps.own_events_app:app", "--timeout-graceful-shutdown", "30") as server:
        with httpx.stream("GET", server.url("/events"), timeout=20) as response:
            lines = response.iter_lines()
            assert next(lines) == "data: first"
            server.program.terminate()
            with pytest.raises(httpx.RemoteProtocolError):  # sse-starlette cuts its streams off
                list(lines)
        assert server.program.wait(timeout=10) is not None
        assert not [line for line in server.log.lines if "graceful shutdown exceeded" in line]
