"""The route: the machine's own addresses on the way out."""

from __future__ import annotations

import ipaddress
import socket

import pytest

from byway.client.route import route


def test_it_names_addresses_of_this_machine_or_nothing() -> None:
    found = route()
    if found:
        for address in found.removeprefix("from ").split(","):
            ipaddress.ip_address(address)  # or it raises
    assert route() == found


def test_without_a_way_out_it_names_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object) -> None:
        raise OSError("Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", unreachable)
    assert route() == ""
