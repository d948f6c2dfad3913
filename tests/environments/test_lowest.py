"""Byway with each dependency in the lowest release that is declared; see `make environments`."""

from __future__ import annotations

import pytest

from tests.environments.parts import (
    CONTRACT,
    HTTP_UNIT,
    LEAST_CONTRACT,
    LEAST_HTTP_UNIT,
    LEAST_SERVERS,
    LEAST_UNIT,
    SERVERS,
    UNIT,
)
from tests.support.environments import LIMIT, run_tests

pytestmark = pytest.mark.timeout(LIMIT)


def test_the_unit_tests_pass() -> None:
    assert run_tests("lowest", *UNIT) >= LEAST_UNIT


def test_the_contract_holds_over_every_transport() -> None:
    assert run_tests("lowest", *CONTRACT) >= LEAST_CONTRACT


def test_the_lowest_httpx2_works() -> None:
    assert run_tests("lowest", *HTTP_UNIT, library="httpx2") >= LEAST_HTTP_UNIT


def test_servers_share_sessions_over_redis() -> None:
    assert run_tests("lowest", *SERVERS) >= LEAST_SERVERS
