"""Which browsers there are, and which of them a test can use.

Knows: their names and what they are able to do.
Must not know: how they are started and driven.
"""

from __future__ import annotations

from typing import Final

import pytest

from tests.support.browsers.chromium import Chromium
from tests.support.browsers.firefox import Firefox
from tests.support.browsers.page import Engine
from tests.support.browsers.webkit import WebKit

ENGINES: Final[dict[str, type[Engine]]] = {one.name: one for one in (Chromium, Firefox, WebKit)}
"""All of them by name."""


def needs(*abilities: str) -> pytest.MarkDecorator:
    """Run a test only in the browsers that have these abilities."""
    able = [name for name, engine in ENGINES.items() if engine.can.issuperset(abilities)]
    return pytest.mark.parametrize("engine", able, indirect=True)


def only(*names: str) -> pytest.MarkDecorator:
    """Run a test only in these browsers."""
    return pytest.mark.parametrize("engine", names, indirect=True)
