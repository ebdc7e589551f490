"""The port for those who run a process: ``/metrics``, and ``/livez`` and ``/readyz`` where it has checks.

Served from a thread of its own, so that it answers, truthfully, even when the event loop stands still.
"""

import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app

from chassis.settings import SettingError

Check = Callable[[], str | None]
"""None: all is well. Otherwise a few words on what is not."""

_Start = Callable[[str, list[tuple[str, str]]], Any]


def serve(host: str, port: int, registry: CollectorRegistry, checks: Mapping[str, Check]) -> Callable[[], None]:
    """Listen; returns what stops it. ``checks`` maps a path to its check.

    Raises :class:`SettingError` when the port cannot be had.
    """
    kind = _Server6 if ":" in host else _Server
    try:
        server = make_server(host, port, _application(registry, checks), kind, _Quiet)
    except OSError as error:
        raise SettingError(f"ANTRE_METRICS_PORT {port} on {host} cannot be listened on: {error.strerror}") from None
    thread = threading.Thread(target=server.serve_forever, name="ops", daemon=True)
    thread.start()
    return lambda: _stop(server)


def _stop(server: WSGIServer) -> None:
    server.shutdown()
    server.server_close()


def _application(registry: CollectorRegistry, checks: Mapping[str, Check]) -> Callable[..., Iterable[bytes]]:
    metrics: Callable[..., Iterable[bytes]] = make_wsgi_app(registry)

    def application(environ: dict[str, Any], start: _Start) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            return metrics(environ, start)
        if path in checks:
            return _answer(start, checks[path]())
        return _plain(start, "404 Not Found", "not here; there are /metrics, " + ", ".join(sorted(checks)))

    return application


def _answer(start: _Start, wrong: str | None) -> list[bytes]:
    return _plain(start, "200 OK", "ok") if wrong is None else _plain(start, "503 Service Unavailable", wrong)


def _plain(start: _Start, status: str, body: str) -> list[bytes]:
    start(status, [("Content-Type", "text/plain; charset=utf-8")])
    return [body.encode() + b"\n"]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        """Like the original, less its question to the name service, which can stand still for many seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]
        self.setup_environ()


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Quiet(WSGIRequestHandler):
    timeout = 10  # seconds that a caller may be silent: each holds a thread

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Probes come every few seconds; their lines help nobody."""
