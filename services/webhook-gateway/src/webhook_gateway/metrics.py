"""What the gateway counts. Labels are names of ours; never a token, a room or an app's customer."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from chassis.vitals import introduce

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Metrics:
    """All metrics of one process. Children are looked up once, so that counting costs little on the hot path."""

    def __init__(self, registry: CollectorRegistry, version: str, pending: Callable[[], int]) -> None:
        self.registry = registry
        self._webhooks = Counter(
            "antre_webhooks", "Webhooks answered.", ["kind", "outcome", "status"], registry=self.registry
        )
        self._durable = Histogram(
            "antre_webhook_durable_seconds",
            "From a webhook's request to the answer that it is durable. Those that were refused are not in it.",
            ["kind"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._publish = Histogram(
            "antre_publish_seconds", "One durable write of a batch.", buckets=_SECONDS, registry=self.registry
        )
        self._sizes = Histogram(
            "antre_publish_batch_size", "Events in one durable write.", buckets=_SIZES, registry=self.registry
        )
        self._failures = Counter("antre_publish_failures", "Batches that failed.", registry=self.registry)
        Gauge("antre_pending_events", "Events not yet durable.", registry=self.registry).set_function(pending)
        introduce(self.registry, "webhook-gateway", version)
        self._answered: dict[tuple[str, str], Counter] = {}
        self._timed: dict[str, Histogram] = {}

    def answered(self, kind: str, outcome: str, status: int) -> None:
        """A webhook of ``kind`` had ``outcome``, a word of ours."""
        counter = self._answered.get((kind, outcome))
        if counter is None:
            counter = self._answered[kind, outcome] = self._webhooks.labels(kind, outcome, str(status))
        counter.inc()

    def durable(self, kind: str, seconds: float) -> None:
        """A webhook of ``kind`` was answered with: it is durable."""
        timed = self._timed.get(kind)
        if timed is None:
            timed = self._timed[kind] = self._durable.labels(kind)
        timed.observe(seconds)

    def committed(self, size: int, seconds: float) -> None:
        """A batch of ``size`` events became durable."""
        self._publish.observe(seconds)
        self._sizes.observe(size)

    def failed(self, _reason: str) -> None:
        """A batch did not become durable, as far as we know."""
        self._failures.inc()
