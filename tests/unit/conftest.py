"""How hard Hypothesis tries: `BYWAY_HYPOTHESIS=thorough` for a long run, else the default."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

_SLOW_IS_FINE = [HealthCheck.too_slow]
# Explaining a failure traces every line and takes longer than finding it.
_PHASES = [phase for phase in Phase if phase is not Phase.explain]

settings.register_profile(
    "default",
    max_examples=100,
    stateful_step_count=50,
    deadline=None,
    report_multiple_bugs=False,
    phases=_PHASES,
    suppress_health_check=_SLOW_IS_FINE,
)
settings.register_profile(
    "thorough",
    max_examples=5_000,
    stateful_step_count=150,
    deadline=None,
    report_multiple_bugs=False,
    phases=_PHASES,
    suppress_health_check=_SLOW_IS_FINE,
)
settings.load_profile(os.environ.get("BYWAY_HYPOTHESIS", "default"))
