"""The bounds that the server under the application lacks."""

import asyncio

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from webhook_gateway import server
from webhook_gateway.server import BoundedProtocol


class Transport(asyncio.Transport):
    """Remembers what was written and whether it was closed."""

    def __init__(self):
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data):
        self.written += data

    def close(self):
        self.closed = True

    def is_closing(self):
        return self.closed

    def pause_reading(self):
        """Nothing is read."""

    def resume_reading(self):
        """Nothing is read."""


async def application(_scope, receive, send):
    await receive()
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
async def connect(monkeypatch):
    monkeypatch.setattr(server, "HEAD_TIMEOUT_S", 0.05)
    monkeypatch.setattr(server, "CONNECTIONS_MAX", 3)
    state = ServerState()
    config = Config(application, http=BoundedProtocol, ws="none", lifespan="off", log_config=None)

    def made():
        protocol = BoundedProtocol(config, state, {})
        transport = Transport()
        protocol.connection_made(transport)
        return protocol, transport

    return made


async def test_somebody_who_says_nothing_is_hung_up_on(connect):
    _, transport = connect()
    await asyncio.sleep(0.1)
    assert transport.closed


@pytest.mark.parametrize("begun", [b"P", b"\r\n", b"POST /x HTTP/1.1\r\nhost: a\r\nx-lo"])
async def test_somebody_who_only_begins_is_hung_up_on_and_cannot_buy_time(connect, begun):
    protocol, transport = connect()
    protocol.data_received(begun)
    for _ in range(5):
        await asyncio.sleep(0.02)
        if not transport.closed:
            protocol.data_received(b"\r\n" if begun == b"\r\n" else b"O" if begun == b"P" else b"n")
    assert transport.closed


async def test_a_complete_head_stops_the_clock(connect):
    protocol, transport = connect()
    protocol.data_received(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nab")
    await asyncio.sleep(0.1)
    assert b"204" in transport.written
    assert not transport.closed


async def test_a_second_request_has_its_own_clock(connect):
    protocol, transport = connect()
    protocol.data_received(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    await asyncio.sleep(0.01)
    protocol.data_received(b"GET / HT")
    await asyncio.sleep(0.1)
    assert transport.closed


async def test_a_head_over_the_bound_is_refused(connect):
    protocol, transport = connect()
    protocol.data_received(b"GET / HTTP/1.1\r\n")
    for _ in range(20):
        if not transport.closed:
            protocol.data_received(b"x: " + b"y" * 1_000 + b"\r\n")
    assert transport.closed
    assert transport.written.startswith(b"HTTP/1.1 400 ")


async def test_connections_beyond_the_bound_are_closed_at_once(connect):
    transports = [connect()[1] for _ in range(5)]
    assert [transport.closed for transport in transports] == [False, False, False, True, True]


async def test_where_it_is_crowded_a_new_connection_is_not_kept_idle_for_long(connect, monkeypatch):
    monkeypatch.setattr(server, "CROWDED", 1)
    monkeypatch.setattr(server, "CROWDED_KEEP_ALIVE_S", 0.05)
    (first, kept), (second, closed) = connect(), connect()
    for protocol in (first, second):
        protocol.data_received(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    await asyncio.sleep(0.15)
    assert (kept.closed, closed.closed) == (False, True)
