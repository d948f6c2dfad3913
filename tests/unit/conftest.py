"""Hypothesis tries as hard as the environment asks for."""

from __future__ import annotations

from tests.support.effort import apply_effort

apply_effort()
