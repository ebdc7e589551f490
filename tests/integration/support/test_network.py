"""The proxy misbehaves as it is told to, and not otherwise."""

import socket
import threading

from support.network import Proxy


def test_a_proxy_loses_the_replies_it_is_told_to_and_no_others():
    """A Redis that answers +OK to everything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_answer_ok, args=(server,), daemon=True).start()
        with Proxy([server.getsockname()[1]]) as proxy:
            assert _ask(proxy.port, b"GET other\r\n") == b"+OK\r\n"
            proxy.lose_replies_to(b"lease", times=1)
            assert _ask(proxy.port, b"GET other\r\n") == b"+OK\r\n"
            assert _ask(proxy.port, b"GET lease\r\n") == b""
            assert _ask(proxy.port, b"GET lease\r\n") == b"+OK\r\n"
            assert proxy.lost == 1


def _answer_ok(server):
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        connection.recv(100)
        connection.sendall(b"+OK\r\n")


def _ask(port, request):
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(request)
        try:
            return connection.recv(100)
        except ConnectionResetError:
            return b""
