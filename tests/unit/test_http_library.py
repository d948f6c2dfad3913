"""Which HTTP library is used, what the environment may ask for, and what either gives and takes."""

from __future__ import annotations

import importlib
import importlib.util
import json
import logging
import re
import ssl
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import httpx
import pytest

import byway
import byway.http_library
from byway.channel import header_list
from byway.client.address import endpoint_url, proxy_for, shown
from byway.client.attempt_log import AttemptLog
from byway.doctor.doctor import Diagnosis
from byway.errors import UsageError
from tests.support.process import ROOT, free_port

httpx2 = pytest.importorskip("httpx2")
BOTH = pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])


DIRECTLY = re.compile(r"^\s*(?:import|from) (?:httpx|httpcore)2?\b", re.MULTILINE)


def test_nothing_else_imports_a_library_directly() -> None:
    """Half of byway would use one library then, and half the other. Nor do unit tests."""
    own = {ROOT / "src/byway/http_library.py", Path(__file__)}
    files = [*ROOT.glob("src/**/*.py"), *ROOT.glob("tests/unit/**/*.py")]
    files += [*ROOT.glob("transports/**/*.py"), *ROOT.glob("negotiation/**/*.py")]
    assert len(files) > 200
    assert [one for one in files if one not in own and DIRECTLY.search(one.read_text())] == []


def loaded(monkeypatch: pytest.MonkeyPatch, asked: str | None, *, without: str = "") -> Any:
    """Run the adapter anew, as a process would that has this environment.

    Args:
        monkeypatch: undoes it.
        asked: what `BYWAY_HTTP` says, None where it is not set.
        without: names of libraries that are not installed, separated by spaces.
    """
    monkeypatch.delenv("BYWAY_HTTP", raising=False)
    if asked is not None:
        monkeypatch.setenv("BYWAY_HTTP", asked)
    for name in without.split():
        monkeypatch.setitem(sys.modules, name, cast(ModuleType, None))
    spec = byway.http_library.__spec__
    module = importlib.util.module_from_spec(spec)
    assert spec.loader is not None
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("asked", "without", "used"),
    [
        (None, "", "httpx2"),
        ("", "", "httpx2"),
        (None, "httpx2", "httpx"),
        (None, "httpx", "httpx2"),
        ("httpx", "", "httpx"),
        ("httpx2", "", "httpx2"),
        (" httpx ", "", "httpx"),
        ("httpx", "httpx2", "httpx"),
    ],
)
def test_httpx2_is_used_where_it_is_installed_and_the_environment_may_say_otherwise(
    monkeypatch: pytest.MonkeyPatch, asked: str | None, without: str, used: str
) -> None:
    adapter = loaded(monkeypatch, asked, without=without)
    below = {"httpx": "httpcore", "httpx2": "httpcore2"}[used]
    assert adapter.httpx.URL is sys.modules[used].URL
    assert adapter.httpcore is sys.modules[below]
    assert adapter.AnyIOStream.__module__ == f"{below}._backends.anyio"
    assert adapter.library_name() == f"{used} {sys.modules[used].__version__}"
    with pytest.raises(AttributeError, match="niquests"):
        adapter.niquests  # noqa: B018


@pytest.mark.parametrize(
    ("asked", "without", "said"),
    [
        ("requests", "", r"BYWAY_HTTP is 'requests': set it to httpx or httpx2, or remove it"),
        ("HTTPX", "", r"set it to httpx or httpx2"),
        ("httpx2", "httpx2", r"BYWAY_HTTP .* httpx2, which is not .*: pip .* 'byway\[httpx2\]'"),
        ("httpx", "httpx", r"BYWAY_HTTP .* httpx, which is not installed: pip install httpx"),
    ],
)
async def test_what_cannot_be_had_is_an_error_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, asked: str, without: str, said: str
) -> None:
    adapter = loaded(monkeypatch, asked, without=without)
    with pytest.raises(UsageError, match=said):
        adapter.check_library()
    monkeypatch.setattr(sys.modules["byway.client.connect"], "check_library", adapter.check_library)
    with pytest.raises(UsageError, match=said):
        byway.connect("http://app.example/")
    monkeypatch.setattr("byway.doctor.doctor.check_library", adapter.check_library)
    with pytest.raises(UsageError, match=said):
        Diagnosis("http://app.example/")


def test_a_library_that_cannot_be_imported_is_passed_over_unless_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = importlib.import_module

    def broken(name: str) -> ModuleType:
        if name == "httpx2":
            raise ImportError("no truststore")
        return real(name)

    monkeypatch.setattr(importlib, "import_module", broken)
    with caplog.at_level(logging.WARNING, "byway.http_library"):
        adapter = loaded(monkeypatch, None)
    assert adapter.library_name().startswith("httpx 0.")
    assert "httpx2 is installed, but cannot be imported: no truststore" in caplog.text
    adapter = loaded(monkeypatch, "httpx2")
    with pytest.raises(UsageError, match="httpx2, which cannot be imported: no truststore"):
        adapter.library_name()
    with pytest.raises(UsageError, match="httpx2, which cannot be imported: no truststore"):
        adapter.check_library()


def test_without_either_library_the_import_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ImportError, match="pip install httpx"):
        loaded(monkeypatch, None, without="httpx httpx2").check_library()
    with pytest.raises(ImportError, match="pip install httpx"):
        loaded(monkeypatch, None, without="httpx httpx2").library_name()


def test_one_that_stands_in_the_place_of_httpx_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `httpx2.alias_httpx()` does it."""
    monkeypatch.setitem(sys.modules, "httpx", httpx2)
    adapter = loaded(monkeypatch, "httpx")
    assert adapter.library_name().startswith("httpx2 ")
    assert adapter.httpcore.__name__ == "httpcore2"


async def test_reports_name_the_library() -> None:
    name = byway.http_library.library_name()
    for report in (
        AttemptLog(("websocket", "poll")).report(httpx.URL("http://app.example/"), None),
        Diagnosis("http://app.example/", proxy=None).report(),
    ):
        assert report.http_library == name
        assert f"HTTP requests were made with {name}." in str(report).splitlines()
        assert json.loads(json.dumps(report.as_json()))["http_library"] == name
    nameless = byway.Report(url="http://app.example/")
    assert nameless.as_json()["http_library"] is None
    assert "HTTP requests" not in str(nameless)


async def test_the_log_names_the_library(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "byway.client")
    with pytest.raises(byway.NoTransport):
        async with byway.connect(f"http://127.0.0.1:{free_port()}/", proxy=None):
            pass
    said = f"HTTP requests are made with {byway.http_library.library_name()}"
    assert sum(said in record.getMessage() for record in caplog.records) == 1


@BOTH
async def test_a_url_of_either_library_is_taken(library: Any) -> None:
    url = library.URL("ws://me:secret@app.example:81/chat?q=1")
    assert str(endpoint_url(url)) == "http://me:secret@app.example:81/chat?q=1"
    assert shown(url) == "ws://app.example:81/chat?…"
    assert Diagnosis(url, proxy=None).report().url == "ws://app.example:81/chat?…"
    proxy = library.URL("http://me:secret@proxy.example:3128")
    assert proxy_for(endpoint_url("http://app.example/"), proxy) == str(proxy)
    byway.connect(url, proxy=proxy)


@BOTH
def test_headers_of_either_library_are_taken(library: Any) -> None:
    given = library.Headers([("Authorization", "Bearer 1"), ("X-Two", "a"), ("X-Two", "b")])
    assert header_list(given) == [("authorization", "Bearer 1"), ("x-two", "a, b")]
    byway.connect("http://app.example/", headers=given)


@BOTH
def test_the_headers_that_byway_gives_compare_and_go_with_either_library(library: Any) -> None:
    ours = byway.Headers([(b"Set-Cookie", b"a=1"), (b"X-One", b"1")])
    theirs = library.Headers({"set-cookie": "a=1", "x-one": "1"})
    assert ours == theirs
    assert theirs == ours
    request = library.Request("GET", "http://app.example/", headers=ours)
    assert request.headers["set-cookie"] == "a=1"


@BOTH
def test_tls_settings_of_either_library_are_taken(library: Any) -> None:
    context = library.create_ssl_context()
    assert isinstance(context, ssl.SSLContext)
    byway.connect("https://app.example/", ssl=context)
