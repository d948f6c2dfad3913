"""The public names: all there, all documented, and errors in the tree that is drawn."""

from __future__ import annotations

import inspect

import pytest

import byway
import byway.errors

PUBLIC = {
    "Attempt",
    "BywayError",
    "CarrierLost",
    "Channel",
    "ChannelClosed",
    "ClientLimits",
    "ConnectError",
    "Endpoint",
    "Evidence",
    "FallbackMiddleware",
    "Finding",
    "FrameError",
    "Headers",
    "Limits",
    "Memory",
    "NoTransport",
    "PeerError",
    "Preference",
    "Refused",
    "Report",
    "ServerLimits",
    "UsageError",
    "Verdict",
    "WrongKind",
    "connect",
    "diagnose",
}


def test_the_public_names_are_these() -> None:
    assert set(byway.__all__) == PUBLIC
    assert byway.__all__ == sorted(byway.__all__)


def test_all_of_them_can_be_imported() -> None:
    names: dict[str, object] = {}
    exec("from byway import *", names)  # noqa: S102 - what a user writes
    assert names.keys() >= PUBLIC


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_each_is_documented(name: str) -> None:
    assert inspect.getdoc(getattr(byway, name))


@pytest.mark.parametrize(
    "name", ["accept", "receive", "send", "close", "code", "transport", "report"]
)
def test_what_a_channel_promises_is_written_on_the_channel(name: str) -> None:
    assert inspect.getdoc(inspect.getattr_static(byway.Channel, name))


@pytest.mark.parametrize(
    ("error", "base"),
    [
        (byway.UsageError, byway.BywayError),
        (byway.UsageError, ValueError),
        (byway.ChannelClosed, byway.BywayError),
        (byway.ConnectError, byway.BywayError),
        (byway.Refused, byway.ConnectError),
        (byway.NoTransport, byway.ConnectError),
        (byway.PeerError, byway.BywayError),
        (byway.FrameError, byway.PeerError),
        (byway.CarrierLost, byway.PeerError),
    ],
)
def test_errors_stand_in_the_tree_that_is_drawn(
    error: type[Exception], base: type[Exception]
) -> None:
    assert issubclass(error, base)
    assert byway.errors.__doc__ is not None
    assert error.__name__ in byway.errors.__doc__


def test_every_error_can_be_imported_from_the_root() -> None:
    errors = {
        name
        for name, one in vars(byway.errors).items()
        if inspect.isclass(one) and issubclass(one, byway.BywayError)
    }
    assert errors <= PUBLIC


def test_no_transport_tells_each_attempt() -> None:
    attempts = [
        byway.Attempt("websocket", 0.5, "cut", None),
        byway.Attempt("poll", 1.25, "answered 403", 403),
    ]
    error = byway.NoTransport(attempts)
    assert error.attempts == tuple(attempts)
    assert "websocket: cut (after 0.5 s)" in str(error)
    assert "poll: answered 403 (after 1.2 s)" in str(error)
