"""Sends traces by OTLP over HTTP, in its JSON form. The only module that knows it, and loaded only where traces are on.

    tell ──▶ a queue with a bound ──▶ a thread of its own ──▶ the endpoint

What does not fit into the queue, and what the endpoint does not take, is dropped and counted. An endpoint that is away
costs two lines in the log, and the end of the process waits for it ``CLOSE_S`` at most. By hand, because where
OpenTelemetry's SDK is installed other libraries load it whether traces are on or not (docs/decisions).
"""

import json
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry

from chassis.logs import logger
from chassis.traces import Role, Span, spans_counted

QUEUE_MAX = 8_192
BATCH_MAX = 512
EVERY_S = 0.5
TIMEOUT_S = 5.0
CLOSE_S = 2.0
_ANSWER_MAX = 65_536
_SIGNAL = "/v1/traces"
_TAKEN = range(200, 300)
_ROLES = {Role.INTERNAL: 1, Role.SERVER: 2, Role.CLIENT: 3}
"""SpanKind."""

_log = logger(__name__)
_Said = dict[str, Any]


class Otlp:
    """The :class:`~chassis.traces.Tracer`; many threads may tell it."""

    def __init__(
        self, endpoint: str, headers: Mapping[str, str], about: Mapping[str, str], registry: CollectorRegistry
    ) -> None:
        self._post = _Post(endpoint, headers)
        self._about = about
        counter = spans_counted(registry)
        self._sent, self._dropped, self._failed = (counter.labels(word) for word in ("sent", "dropped", "failed"))
        self._queue: deque[Span] = deque()
        self._is_well = True
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)
        self._thread.start()

    def tell(self, span: Span) -> None:
        """See the port."""
        if len(self._queue) < QUEUE_MAX:
            self._queue.append(span)
        else:
            self._dropped.inc()

    def close(self) -> None:
        """Send what is left, if that goes fast."""
        self._closing.set()
        self._thread.join(CLOSE_S)

    def _run(self) -> None:
        while not self._closing.wait(EVERY_S):
            self._send_all()
        self._send_all()

    def _send_all(self) -> None:
        """Until the queue is empty, or the endpoint does not take any. No connection is kept for the next time: by then
        the endpoint may have closed it.
        """
        while (batch := list(self._take())) and self._send(batch):
            pass
        self._post.close()

    def _take(self) -> Iterator[Span]:
        for _ in range(min(BATCH_MAX, len(self._queue))):
            yield self._queue.popleft()

    def _send(self, batch: Sequence[Span]) -> bool:
        why = self._post(request(batch, self._about))
        taken = why is None
        (self._sent if taken else self._failed).inc(len(batch))
        if taken and not self._is_well:
            _log.info("traces_sent_again")
        elif self._is_well and not taken:
            _log.warning("traces_not_sent", why=why, then="they are dropped")
        self._is_well = taken
        return taken


class _Post:
    """Posts to the endpoint, on one connection until it is closed; belongs to one thread. No redirects, no proxy."""

    def __init__(self, endpoint: str, headers: Mapping[str, str]) -> None:
        parts = urlsplit(endpoint)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        assert parts.hostname is not None
        self._connection = kind(parts.hostname, parts.port, timeout=TIMEOUT_S)
        self._path = parts.path.rstrip("/") + _SIGNAL
        self._headers = {**headers, "content-type": "application/json"}

    def __call__(self, body: bytes) -> str | None:
        """None: taken; otherwise why not, in a word or two of ours."""
        try:
            self._connection.request("POST", self._path, body, self._headers)
            answer = self._connection.getresponse()
            left_out = len(answer.read(_ANSWER_MAX)) == _ANSWER_MAX
        except (OSError, HTTPException, ValueError) as error:
            self.close()
            return type(error).__name__
        if left_out:
            self.close()
        return None if answer.status in _TAKEN else f"it answers {answer.status}"

    def close(self) -> None:
        """Another request opens it again."""
        self._connection.close()


def request(spans: Sequence[Span], about: Mapping[str, str]) -> bytes:
    """An ExportTraceServiceRequest in JSON: ids in hexadecimal, 64-bit numbers as text. ``about``: the process."""
    scope = {"scope": {"name": "antre"}, "spans": [_span(span) for span in spans]}
    resource = {"resource": {"attributes": _attributes(about)}, "scopeSpans": [scope]}
    return json.dumps({"resourceSpans": [resource]}, separators=(",", ":")).encode()


def _span(span: Span) -> _Said:
    said = {"reason": span.reason, "outcome": span.outcome, "agent": span.agent}
    known = {f"antre.{name}": value for name, value in said.items() if value is not None}
    parent = {} if span.parent is None else {"parentSpanId": f"{span.parent.span:016x}"}
    return {
        "traceId": f"{span.place.trace:032x}",
        "spanId": f"{span.place.span:016x}",
        **parent,
        "name": span.name,
        "kind": _ROLES[span.role],
        "startTimeUnixNano": str(span.began_ns),
        "endTimeUnixNano": str(max(span.began_ns, span.ended_ns)),
        "attributes": _attributes({"antre.app": span.app, "antre.room": span.room, **known}),
    }


def _attributes(values: Mapping[str, str | int]) -> list[_Said]:
    return [
        {"key": name, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
        for name, value in values.items()
    ]
