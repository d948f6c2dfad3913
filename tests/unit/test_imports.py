"""What an import loads: a server no client, a client no server, `import byway` nearly nothing."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import byway

NOTHING = ["asyncio", "byway.channel", "byway.errors", "httpx", "ssl"]


def loaded(statement: str) -> set[str]:
    """Run a statement in a new interpreter, and return the modules that it has loaded then."""
    program = f"import json, sys\n{statement}\nprint(json.dumps(list(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )
    return set(json.loads(done.stdout))


def test_byway_by_itself_loads_none_of_its_modules() -> None:
    assert not loaded("import byway") & set(NOTHING)


@pytest.mark.parametrize("name", sorted(byway.__all__))
def test_a_public_name_is_that_of_its_module(name: str) -> None:
    value = getattr(byway, name)
    module = sys.modules[byway._HOMES[name]]
    assert value is getattr(module, name)
    assert vars(byway)[name] is value, "it is looked up once"


def test_every_public_name_has_a_home_and_nothing_else_has() -> None:
    assert set(byway._HOMES) == set(byway.__all__)
    assert set(dir(byway)) >= set(byway.__all__) | byway._MODULES


def test_modules_are_attributes_without_an_import_of_their_own() -> None:
    for name in byway._MODULES:
        assert getattr(byway, name) is sys.modules[f"byway.{name}"]
    loaded("import byway\nassert byway.server.watch and byway.errors.CarrierLost")


def test_a_name_that_is_not_there_is_said_as_python_says_it() -> None:
    with pytest.raises(AttributeError, match="module 'byway' has no attribute 'conect'"):
        _ = byway.conect  # type: ignore[attr-defined]
    with pytest.raises(ImportError, match="cannot import name 'conect'"):
        exec("from byway import conect", {})  # noqa: S102 - what a user writes
