"""Prometheus metrics of the allocator. The only package that knows prometheus-client.

Labels are apps, kinds and reasons: all of them few. Never a room, an agent or a person.

    Work      what this process did: counters and histograms. They stay, and add up over the replicas
    System    how the whole system stands: gauges. Only who leads has them, so they add up as well
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Metric
from prometheus_client.core import CounterMetricFamily

from allocator.adapters.metrics.system import Inbox, System
from allocator.adapters.metrics.work import Work
from allocator.core.chances import Planned
from allocator.core.ids import AppId, Epoch
from allocator.core.intake import Arrival
from allocator.core.session import Session
from allocator.ports import Entry, Outlook, Queue, Standing
from chassis.vitals import introduce
from contract import RoomResolved


class Metrics:
    """The :class:`~allocator.ports.Watch`."""

    def __init__(self, version: str = "unknown") -> None:
        self.registry = registry = CollectorRegistry()
        introduce(registry, "allocator", version)
        self._epoch: Epoch | None = None
        self.trust_left: Callable[[], float] = lambda: math.inf
        """Seconds for which we may still believe that we lead. Asked at each scrape, by another thread."""
        self.statements: Callable[[], int] = lambda: 0
        """How many statements the rounds' transactions had, in all."""
        self._work = Work(registry)
        self._system, self._inbox = System(), Inbox()
        registry.register(_While(self._leads, self._system.registry))
        registry.register(_While(lambda: self.trust_left() > 0, self._inbox.registry))
        registry.register(_Statements(self))
        leader = Gauge("antre_leader", "1 while this allocator leads and its lease is sure.", registry=registry)
        leader.set_function(lambda: float(self._leads()))
        trust = Gauge(
            "antre_lease_trust_seconds",
            "For how long the lease is sure; 0: it is not, or it is somebody else's. Who has it leads, unless Postgres "
            "cannot be had.",
            registry=registry,
        )
        trust.set_function(lambda: max(0.0, self.trust_left()))
        self._term = Gauge("antre_term", "The newest term that this allocator led in.", registry=registry)
        self._changes = Counter("antre_leader_changes", "How often this allocator came to lead.", registry=registry)
        self.policy_refused = Gauge(
            "antre_policy_refused", "1 while the policy file, as it is, is refused.", registry=registry
        )

    def expect(self, apps: Iterable[AppId]) -> None:
        """These will be served by whoever leads."""
        for app in apps:
            self._work.expect(app)

    def led(self, epoch: Epoch | None) -> None:
        """See the port. Who does not lead has no figures: they would be old ones."""
        if epoch is None:
            self._system.clear()
            self._inbox.clear()
            self._work.forget()
        else:
            self._term.set(epoch)
            self._changes.inc(self._epoch is None)
        self._epoch = epoch

    def round(
        self, seconds: float, entries: Sequence[Entry], sessions: Sequence[Session], plans: Sequence[Planned]
    ) -> None:
        """See the port."""
        self._work.round(seconds, entries)
        told = {(one.event.app, one.event.room): one.at for one in _resolves(entries)}
        for session in sessions:
            self._work.moved(session, told.get((session.app, session.room)))
        for plan in plans:
            self._work.planned(plan)

    def called(self, app: AppId, call: str, result: object, seconds: float) -> None:
        """See the port."""
        self._work.called(app, call, result, seconds)

    def put_aside(self, app: AppId) -> None:
        """See the port."""
        self._work.put_aside(app)

    def drift(self, app: AppId, kind: str) -> None:
        """See the port."""
        self._work.drift(app, kind)

    def fair(self, app: AppId, evenness: float | None, turn: float | None) -> None:
        """See the port."""
        self._system.fair(app, evenness, turn)

    def stands(
        self, app: AppId, standing: Standing, reasons: Mapping[str, int], outlook: Outlook, now: datetime
    ) -> None:
        """See the port."""
        self._system.stands(app, standing, reasons, self._work.in_doubt_since(app), now)
        self._system.looks(app, outlook)

    def queue(self, app: AppId, queue: Queue, now: datetime) -> None:
        """See the port."""
        self._inbox.queue(app, queue, now)

    def _leads(self) -> bool:
        return self._epoch is not None and self.trust_left() > 0


def _resolves(entries: Sequence[Entry]) -> list[Arrival]:
    arrivals = [entry.arrival for entry in entries if entry.arrival is not None]
    return [one for one in arrivals if isinstance(one.event, RoomResolved)]


class _While:
    """A registry whose metrics are there only while ``leads``. Also a leader that was stopped and goes on says nothing
    about a system that has another leader by now.
    """

    def __init__(self, leads: Callable[[], bool], registry: CollectorRegistry) -> None:
        self._registry = registry
        self._leads = leads

    def collect(self) -> Iterable[Metric]:
        return self._registry.collect() if self._leads() else ()

    def describe(self) -> Iterable[Metric]:
        """Their names, so that no two can be the same."""
        return self._registry.collect()


class _Statements:
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        yield CounterMetricFamily(
            "antre_round_statements", "Statements in the rounds' transactions.", value=self._metrics.statements()
        )
