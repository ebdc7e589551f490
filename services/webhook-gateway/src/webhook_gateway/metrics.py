"""What the gateway counts. Labels are names of ours; never a token, a room or an app's customer."""

import platform
from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Metrics:
    """All metrics of one process. Children are looked up once, so that counting costs little on the hot path."""

    def __init__(self, registry: CollectorRegistry, version: str, pending: Callable[[], int]) -> None:
        self.registry = registry
        self._webhooks = Counter("antre_webhooks", "Webhooks answered", ["route", "status"], registry=self.registry)
        self._seconds = Histogram(
            "antre_webhook_seconds", "From request to answer", ["route"], buckets=_SECONDS, registry=self.registry
        )
        self._publish = Histogram(
            "antre_publish_seconds", "One durable write of a batch", buckets=_SECONDS, registry=self.registry
        )
        self._sizes = Histogram(
            "antre_publish_batch_size", "Events in one durable write", buckets=_SIZES, registry=self.registry
        )
        self._failures = Counter("antre_publish_failures", "Batches that failed", registry=self.registry)
        Gauge("antre_pending_events", "Events not yet durable", registry=self.registry).set_function(pending)
        _build_info(self.registry, version)
        self._answered: dict[tuple[str, int], Counter] = {}
        self._timed: dict[str, Histogram] = {}

    def answered(self, route: str, status: int, seconds: float) -> None:
        """A webhook on ``route`` (its template) was answered with ``status``."""
        counter = self._answered.get((route, status))
        if counter is None:
            counter = self._answered[route, status] = self._webhooks.labels(route, str(status))
            self._timed[route] = self._seconds.labels(route)
        counter.inc()
        self._timed[route].observe(seconds)

    def committed(self, size: int, seconds: float) -> None:
        """A batch of ``size`` events became durable."""
        self._publish.observe(seconds)
        self._sizes.observe(size)

    def failed(self, _reason: str) -> None:
        """A batch did not become durable, as far as we know."""
        self._failures.inc()


def _build_info(registry: CollectorRegistry, version: str) -> None:
    build = Gauge("antre_build_info", "What runs here", ["service", "version", "python"], registry=registry)
    build.labels("webhook-gateway", version, platform.python_version()).set(1)
    for collector in (ProcessCollector, PlatformCollector):
        collector(registry=registry)
    GCCollector(registry=registry)
