"""An origin that records what reaches it, and an HTTP client that trusts no environment."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.wire import http_client
from tests.testing.origin import Origin, running_origin


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    """Run the origin."""
    async with running_origin() as one:
        yield one


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """Give an HTTP client."""
    async with http_client() as client:
        yield client
