"""Where one application is served by several processes: workers of one server, or servers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.several import PLACES, Several, serving


@pytest.fixture(scope="module", params=PLACES)
def several(request: pytest.FixtureRequest) -> Iterator[Several]:
    """Serve `several_app` in each place."""
    with serving(request.param, "tests.apps.several_app:app") as one:
        yield one
