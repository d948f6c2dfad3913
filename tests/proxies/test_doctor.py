"""The doctor's verdict through each proxy: it calls usable what carries a session, and no more."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from byway import diagnose
from tests.proxies.together import Outcomes, settle, together
from tests.proxies.variants import VARIANTS, Variant
from tests.proxies.world import Way, World

TIMEOUT = 5.0
"""Seconds of a visit: what never answers takes all of them."""

REASONS = {
    "nginx": "nginx removes it",
    "haproxy": "got status 403 from something on the way",
    "apache": "without its `Upgrade`",
    "caddy": "got status 502 from Caddy",
    "envoy": "got status 403 from Envoy",
    "squid/accelerator": "Squid removes it",
    "squid/interception": "Squid removes it",
    "squid/port443": "port 443 only",
}
"""What is said of a WebSocket that does not pass, by program or variant."""

DELAYS = {"haproxy/plain"}
"""Proxies that may hold each piece of a response for a moment, which the preference then says.

HAProxy does so for 0.2 s on plain HTTP/1.1, unless `option http-no-delay` is set.
"""

HELD_BACK = "only after the response had ended"
"""What is said of an answer that does not pass."""


async def visit(_: None, way: Way) -> None:
    """Let the doctor look, and hold its report against what sessions were seen to do."""
    variant = way.variant
    report = await diagnose(way.url("/echo"), timeout=TIMEOUT, **way.options())
    works = tuple(one.transport for one in report.findings if one.outcome == "works")
    assert works == variant.works, [
        (one.transport, one.outcome, one.why) for one in report.findings
    ]
    assert report.served
    preferred = report.preference.split(", ")
    if variant.name in DELAYS:
        assert preferred[0] == "websocket"
        preferred.sort(key=variant.works.index)
    assert preferred == list(variant.works), report
    for finding in report.findings:
        if (name := finding.transport) not in variant.works:
            known = REASONS.get(variant.name) or REASONS.get(variant.program)
            reason = known if name == "websocket" else HELD_BACK
            assert reason is not None, report
            assert reason in finding.why, report
            assert finding.advice, report


@pytest.fixture(scope="module")
def visits(proxies: World) -> Outcomes:
    """Make all of them."""
    return together(proxies, VARIANTS, visit, at_once=8, using=nullcontext)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_the_verdict_is_what_happens(visits: Outcomes, variant: Variant) -> None:
    settle(visits, variant)
