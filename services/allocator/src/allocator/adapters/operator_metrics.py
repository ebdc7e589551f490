"""Prometheus metrics of the operator."""

from collections.abc import Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)

_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class OperatorMetrics:
    """The :class:`~allocator.ports.OperatorWatch`."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        self._objects = Gauge("antre_policy_objects", "AllocationPolicy objects.", registry=registry)
        self._holds = Gauge(
            "antre_policy_objects_condition",
            "AllocationPolicy objects of which a condition holds.",
            ["condition"],
            registry=registry,
        )
        self._seconds = Histogram(
            "antre_operator_reconcile_seconds", "One look at all objects.", buckets=_BUCKETS, registry=registry
        )
        self._failures = Counter(
            "antre_operator_reconcile_failures", "Looks that ended with an error.", registry=registry
        )

    def objects(self, counts: Mapping[str, int]) -> None:
        """See the port."""
        self._objects.set(counts["all"])
        for condition in ("Accepted", "Conflict", "Live"):
            self._holds.labels(condition).set(counts[condition])

    def reconciled(self, seconds: float, *, well: bool) -> None:
        """See the port."""
        self._seconds.observe(seconds)
        if not well:
            self._failures.inc()
