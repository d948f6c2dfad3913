"""What of the contract runs behind proxies: tests that exist."""

from __future__ import annotations

from tests.contract import test_closing, test_handshake, test_messages
from tests.contract.conftest import CHANGED_BY_PROXIES


def test_each_name_is_that_of_a_test() -> None:
    """Else one that got another name would not run behind a proxy any more."""
    modules = (test_closing, test_handshake, test_messages)
    assert {name for name in CHANGED_BY_PROXIES if any(hasattr(one, name) for one in modules)} == (
        CHANGED_BY_PROXIES
    )
