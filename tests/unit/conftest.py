"""Unit tests reach nothing outside their process."""

import socket
from typing import NoReturn

import pytest


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuses every socket call that would connect, listen or look up a name."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("unit tests must not open sockets")

    for name in ("connect", "connect_ex", "bind", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
