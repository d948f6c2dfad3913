"""For each rule a run that breaks a promise without it, and the faults that show it best.

Knows: seeds. Nothing else.
"""

from __future__ import annotations

from tests.scale.flaws import Flaw, Setting

FOUND_BY: dict[Flaw, Setting] = {
    kept.flaw: kept
    for kept in (
        Setting(1, flaw=Flaw.TAKEOVER, faults=("kill",)),
        Setting(12, flaw=Flaw.NO_ANSWER, faults=("slow",)),
        Setting(39, flaw=Flaw.NO_RELEASE, faults=("abandon",)),
        Setting(
            11,
            flaw=Flaw.NO_COUNT,
            faults=(
                "stop",
                "slow",
            ),
        ),
        Setting(
            1,
            flaw=Flaw.NO_FENCE,
            faults=(
                "stop",
                "slow",
                "abandon",
            ),
        ),
        Setting(15, flaw=Flaw.NO_UNUSED, faults=("full",)),
        Setting(
            39,
            flaw=Flaw.RELAYED_OPENS,
            faults=(
                "full",
                "slow",
            ),
        ),
        Setting(
            1,
            flaw=Flaw.NO_HOLDING,
            faults=(
                "pause",
                "slow",
            ),
        ),
        Setting(44, flaw=Flaw.NO_TOMB, faults=("cut",)),
        Setting(96, flaw=Flaw.END_ONCE, faults=("unreachable",)),
        Setting(4, flaw=Flaw.NO_REFUSAL, faults=("slow",)),
        Setting(1, flaw=Flaw.SAME_NAME, faults=("cut",)),
        Setting(1, flaw=Flaw.KEPT_NAME, faults=("kill",)),
        Setting(1, flaw=Flaw.NO_REFRESH, faults=("cut",)),
        Setting(3, flaw=Flaw.EVICTION, faults=("cut",)),
        Setting(1, flaw=Flaw.NO_SETTLING, faults=("empty",)),
        Setting(1, flaw=Flaw.NO_ASSERTION, faults=("empty",)),
        Setting(17, flaw=Flaw.ASSERT_ONCE, faults=("flush", "unreachable")),
        Setting(
            14,
            flaw=Flaw.SETTLED_BY_TIME,
            faults=(
                "empty",
                "slow",
            ),
        ),
        Setting(
            1,
            flaw=Flaw.CLOCK_SETTLES,
            faults=(
                "unreachable",
                "empty",
            ),
        ),
        Setting(6, flaw=Flaw.NO_RUN_ID, faults=("snapshot",)),
        Setting(
            3,
            flaw=Flaw.OLD_CLAIM,
            faults=(
                "flush",
                "slow",
            ),
        ),
        Setting(1, flaw=Flaw.NO_WAITING, faults=("stop",)),
        Setting(1, flaw=Flaw.SHORT_LEASE, faults=("pause",)),
        Setting(
            4,
            flaw=Flaw.ABSENT,
            faults=(
                "empty",
                "refuse",
            ),
        ),
        Setting(
            18,
            flaw=Flaw.YOUNG,
            faults=(
                "empty",
                "pause",
            ),
        ),
        Setting(2, flaw=Flaw.REFUSED, faults=("refuse",)),
        Setting(
            62,
            flaw=Flaw.OWN_BEAT,
            faults=(
                "unreachable",
                "refuse",
            ),
        ),
        Setting(
            183,
            flaw=Flaw.FAST_BEATS,
            faults=(
                "refuse",
                "pause",
                "slow",
                "flush",
            ),
        ),
        Setting(14, flaw=Flaw.NO_TAKEN, faults=("freeze",)),
        Setting(1, "workers", flaw=Flaw.MISSING_LOCK, faults=("clean",)),
        Setting(14, "workers", flaw=Flaw.KEPT_LOCK, faults=("kill",)),
        Setting(1, "workers", flaw=Flaw.UNMENDED, faults=("clean",)),
        Setting(8, links="pubsub", flaw=Flaw.NO_TAIL, faults=("nothing",)),
        Setting(29, links="pubsub", flaw=Flaw.NO_NUMBERS, faults=("nothing",)),
    )
    if kept.flaw is not None
}
