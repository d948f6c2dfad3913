"""How hard Hypothesis tries: `BYWAY_HYPOTHESIS=thorough` for a long run, else the default.

`fuzz` is what `make fuzz` repeats until its time is over, `brief` what the other environments run
(tests/environments), which have the code in common with this one.
"""

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
settings.register_profile(
    "fuzz",
    settings.get_profile("thorough"),
    max_examples=1_000,
    database=None,
)
settings.register_profile(
    "brief",
    settings.get_profile("default"),
    max_examples=10,
    stateful_step_count=10,
    database=None,
)


def apply_effort() -> None:
    """Choose what the environment asks for. Called by the conftest of each folder that needs it."""
    settings.load_profile(os.environ.get("BYWAY_HYPOTHESIS", "default"))
