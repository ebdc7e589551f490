"""Where traces go in a test: an endpoint that takes OTLP over HTTP, as a collector does, and reads it with the
definitions that OpenTelemetry gives.
"""

import re
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from one_machine.ports import HOST
from support.shape import PATIENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A span as it came. Ids in hexadecimal; ``parent`` is empty for the first of a trace."""

    service: str
    name: str
    trace: str
    span: str
    parent: str
    began_ns: int
    ended_ns: int
    said: dict[str, str | int]


class Collector:
    """Takes traces at ``endpoint``. ``status``: what it answers; ``stalls``: it reads and says nothing; ``hangs_up``:
    it closes each connection after the answer, without a word.
    """

    def __init__(self) -> None:
        self.status, self.stalls, self.hangs_up = 200, False, False
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self._server = ThreadingHTTPServer((HOST, 0), self._handler())
        self.endpoint = f"http://{HOST}:{self._server.server_port}"
        self._over = threading.Event()
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Take nothing any more."""
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    def spans(self, trace: str | None = None) -> list[Seen]:
        """Those that came, of one trace or of all, in the order of their beginnings."""
        found = (span for body in list(self.bodies) for span in _spans(body))
        return sorted((one for one in found if trace in (None, one.trace)), key=lambda one: one.began_ns)

    def must_see(self, fits: Callable[[list[Seen]], object], *, within_s: float = 15.0) -> list[Seen]:
        """Wait until what came fits; all of it."""
        until = time.monotonic() + within_s * PATIENCE
        while not fits(seen := self.spans()):
            assert time.monotonic() < until, f"seen only {seen}"
            time.sleep(0.05)
        return seen

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                collector.headers.append(dict(self.headers))
                if collector.stalls:
                    collector._over.wait()
                    return
                if collector.status == 200 and self.path == "/v1/traces":
                    collector.bodies.append(body)
                self.send_response(collector.status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")
                self.close_connection = self.close_connection or collector.hangs_up

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
                pass

        return Handler


def _spans(body: bytes) -> Iterator[Seen]:
    request = json_format.Parse(_ID.sub(_base64, body), ExportTraceServiceRequest())
    for of_resource in request.resource_spans:
        about = _values(of_resource.resource.attributes)
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                yield Seen(
                    service=str(about["service.name"]),
                    name=span.name,
                    trace=span.trace_id.hex(),
                    span=span.span_id.hex(),
                    parent=span.parent_span_id.hex(),
                    began_ns=span.start_time_unix_nano,
                    ended_ns=span.end_time_unix_nano,
                    said=_values(span.attributes),
                )


_ID = re.compile(rb'(?<=Id":")[0-9a-f]+')


def _base64(found: re.Match[bytes]) -> bytes:
    """OTLP has ids in hexadecimal, where JSON has the bytes of other messages in base64."""
    return b64encode(bytes.fromhex(found[0].decode()))


def _values(attributes: Any) -> dict[str, str | int]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}
