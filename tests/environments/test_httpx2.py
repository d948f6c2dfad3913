"""Byway where httpx2 is installed beside httpx, and nothing says which one to use."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from tests.environments.parts import (
    HTTP,
    HTTP2,
    HTTP_CONTRACT,
    HTTP_UNIT,
    LEAST_HTTP,
    LEAST_HTTP2,
    LEAST_HTTP_CONTRACT,
    LEAST_HTTP_UNIT,
)
from tests.support.environments import LIMIT, python_of, run_tests
from tests.support.servers import Server

pytestmark = pytest.mark.timeout(LIMIT)


def doctor(server: Server, *options: str, asked: str = "") -> subprocess.CompletedProcess[str]:
    """Run the doctor there, on a server of this environment."""
    command = python_of("httpx2").with_name("byway")
    return subprocess.run(
        [command, "doctor", server.url("/echo"), "--proxy=none", "--transports=poll", *options],
        env={**os.environ, "BYWAY_HTTP": asked},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_is_used_and_the_doctor_names_it(endpoint_server: Server) -> None:
    found = json.loads(doctor(endpoint_server, "--json").stdout)
    assert found["http_library"].startswith("httpx2 ")
    assert found["works"]


def test_the_environment_may_ask_for_httpx(endpoint_server: Server) -> None:
    found = json.loads(doctor(endpoint_server, "--json", asked="httpx").stdout)
    assert found["http_library"].startswith("httpx 0.")
    assert found["works"]


def test_a_wrong_wish_is_wrong_use(endpoint_server: Server) -> None:
    done = doctor(endpoint_server, asked="requests")
    said = "byway: BYWAY_HTTP is 'requests': set it to httpx or httpx2, or remove it\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)


def test_the_unit_tests_pass() -> None:
    assert run_tests("httpx2", *HTTP_UNIT, library="") >= LEAST_HTTP_UNIT


def test_tls_proxies_and_cookies_work() -> None:
    assert run_tests("httpx2", *HTTP, library="") >= LEAST_HTTP


def test_the_contract_holds_over_http() -> None:
    assert run_tests("httpx2", *HTTP_CONTRACT, library="") >= LEAST_HTTP_CONTRACT


def test_http2_is_spoken() -> None:
    assert run_tests("httpx2", *HTTP2, library="") >= LEAST_HTTP2
