"""Byway on Python 3.13, with bareASGI 5; see `make environments`."""

from __future__ import annotations

import pytest

from tests.environments.parts import CONTRACT, LEAST_CONTRACT, LEAST_UNIT, PROCESSES, UNIT
from tests.support.environments import LIMIT, run_tests

pytestmark = pytest.mark.timeout(LIMIT)


def test_the_unit_tests_pass() -> None:
    assert run_tests("py313", *UNIT) >= LEAST_UNIT


def test_signals_and_forks_are_as_on_the_oldest() -> None:
    assert run_tests("py313", *PROCESSES) >= 20


def test_the_contract_holds_over_every_transport() -> None:
    assert run_tests("py313", *CONTRACT) >= LEAST_CONTRACT
