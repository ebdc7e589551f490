"""Unit tests touch no network: whoever tries is told so."""

import socket
from typing import NoReturn

import pytest


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    # An event loop's own socket pair and binding (to look for a port) still work.
    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, _refuse)
    monkeypatch.setattr(socket, "getaddrinfo", _refuse)


def _refuse(*_args: object, **_kwargs: object) -> NoReturn:
    message = "A unit test opened a connection; it belongs into tests/integration."
    raise AssertionError(message)
