"""The endpoint with small bounds, for tests that exceed them."""

from __future__ import annotations

from dataclasses import replace

from byway import Endpoint
from tests.apps.endpoint_app import handler
from tests.apps.limits import SMALL

app = Endpoint(handler, limits=SMALL)
crowded = Endpoint(handler, limits=replace(SMALL, sessions=2))
