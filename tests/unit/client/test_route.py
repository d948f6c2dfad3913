"""The route: the machine's own addresses on the way to others."""

from __future__ import annotations

import ipaddress
import socket

import pytest

from byway.client import route
from byway.client.route import network_name, own_addresses


def test_it_names_addresses_of_this_machine_or_nothing() -> None:
    found = own_addresses()
    for address in found:
        ipaddress.ip_address(address)  # or it raises
    assert own_addresses() == found
    assert network_name(()) == ("from " + ",".join(found) if found else "")


def test_the_way_to_an_address_is_asked_for_in_its_family() -> None:
    assert own_addresses(["127.0.0.1"]) == ("127.0.0.1",)
    assert own_addresses(["::1", "127.0.0.1", "::1"]) in [("::1", "127.0.0.1"), ("127.0.0.1",)]


def test_without_a_way_out_it_names_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object) -> None:
        raise OSError("Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", unreachable)
    assert own_addresses() == ()
    assert network_name(()) == ""


def test_a_network_has_the_name_of_a_tunnel_to_the_server_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(route, "own_addresses", lambda: ("192.0.2.7", "2001:db8::7"))
    assert network_name(["192.0.2.7"]) == "from 192.0.2.7,2001:db8::7"
    assert network_name(["10.8.0.2"]) == "from 10.8.0.2"
