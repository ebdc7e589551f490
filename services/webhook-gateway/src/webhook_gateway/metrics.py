"""What the gateway counts. Labels are names of ours; never a token, a room or an app's customer."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Gauge

from chassis.vitals import introduce
from webhook_gateway.tally import Count, Spread

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Metrics:
    """All metrics of one process. Counted by its event loop alone."""

    def __init__(self, registry: CollectorRegistry, version: str, pending: Callable[[], int]) -> None:
        self.registry = registry
        self._webhooks = Count("antre_webhooks", "Webhooks answered.", ["kind", "outcome", "status"])
        self._durable = Spread(
            "antre_webhook_durable_seconds",
            "From a webhook's request to the answer that it is durable. Those that were refused are not in it.",
            _SECONDS,
            "kind",
        )
        self._publish = Spread("antre_publish_seconds", "One durable write of a batch.", _SECONDS)
        self._sizes = Spread("antre_publish_batch_size", "Events in one durable write.", _SIZES)
        self._failures = Count("antre_publish_failures", "Batches that failed.", [])
        for collector in (self._webhooks, self._durable, self._publish, self._sizes, self._failures):
            registry.register(collector)
        Gauge("antre_pending_events", "Events not yet durable.", registry=registry).set_function(pending)
        introduce(registry, "webhook-gateway", version)

    def answered(self, kind: str, outcome: str, status: int) -> None:
        """A webhook of ``kind`` had ``outcome``, a word of ours."""
        self._webhooks.add((kind, outcome, str(status)))

    def durable(self, kind: str, seconds: float) -> None:
        """A webhook of ``kind`` was answered with: it is durable."""
        self._durable.add(seconds, kind)

    def committed(self, size: int, seconds: float) -> None:
        """A batch of ``size`` events became durable."""
        self._publish.add(seconds)
        self._sizes.add(size)

    def failed(self, _reason: str) -> None:
        """A batch did not become durable, as far as we know."""
        self._failures.add(())
