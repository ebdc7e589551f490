"""Prometheus metrics of the allocator. The only module that knows prometheus-client.

Labels are apps, kinds and reasons: all of them few. Never a room, an agent or a person.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)

from allocator.core import outcomes as o
from allocator.core.ids import AppId, Epoch
from allocator.core.session import Session, State
from allocator.ports import Standing

_CALL_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8)
_ROUND_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_WAIT_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14400)


class Metrics:
    """The :class:`~allocator.ports.Watch`."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        self._leader = Gauge("antre_leader", "1 while this allocator leads.", registry=registry)
        self._term = Gauge("antre_term", "The newest term that this allocator led in.", registry=registry)
        self._rounds = Histogram("antre_round_seconds", "One round.", buckets=_ROUND_BUCKETS, registry=registry)
        self._events = Counter("antre_events_recorded", "Events taken out of the inbox.", registry=registry)
        self._aside = Counter("antre_events_put_aside", "Entries nobody could read.", ["app"], registry=registry)
        self._assigned = Counter("antre_assignments", "Sessions that came to an agent.", ["app"], registry=registry)
        self._ended = Counter("antre_sessions_ended", "Sessions that ended.", ["app", "state"], registry=registry)
        self._wait = Histogram(
            "antre_wait_seconds", "From acceptance to assignment.", ["app"], buckets=_WAIT_BUCKETS, registry=registry
        )
        self._calls = Histogram(
            "antre_platform_call_seconds",
            "Calls of the platform.",
            ["app", "call", "result"],
            buckets=_CALL_BUCKETS,
            registry=registry,
        )
        self._drift = Counter(
            "antre_drift_repaired", "Differences between ledger and platform.", ["app", "kind"], registry=registry
        )
        self._waiting = Gauge("antre_waiting", "Sessions that wait, by reason.", ["app", "reason"], registry=registry)
        self._oldest = Gauge("antre_oldest_wait_seconds", "The longest wait.", ["app"], registry=registry)
        self._sessions = Gauge("antre_sessions_open", "Open sessions, by state.", ["app", "state"], registry=registry)
        self._used = Gauge("antre_slots_used", "Slots that are occupied.", ["app"], registry=registry)
        self._total = Gauge("antre_slots_total", "Slots of the agents who are online.", ["app"], registry=registry)
        self.policy_refused = Gauge(
            "antre_policy_refused", "1 while the policy file, as it is, is refused.", registry=registry
        )
        self._fairness = Gauge(
            "antre_fairness_ratio",
            "evenness: sessions that went to whom they were due by open time and capacity; turn: sessions that nobody "
            "of their lane who came later was given before. Both weigh the last half hour as much as all before.",
            ["app", "of"],
            registry=registry,
        )
        self._reasons: dict[AppId, set[str]] = {}

    def led(self, epoch: Epoch | None) -> None:
        """See the port. Who does not lead has no figures: they would be old ones."""
        self._leader.set(0 if epoch is None else 1)
        if epoch is not None:
            self._term.set(epoch)
            return
        for gauge in (self._waiting, self._oldest, self._sessions, self._used, self._total, self._fairness):
            gauge.clear()
        self._reasons.clear()

    def round(self, seconds: float, events: int, sessions: Sequence[Session]) -> None:
        """See the port."""
        self._rounds.observe(seconds)
        self._events.inc(events)
        for session in sessions:
            if session.ended_at is not None:
                self._ended.labels(session.app, session.state).inc()
            elif session.state is State.ASSIGNED and session.slot is not None:
                self._came_to_an_agent(session)

    def called(self, app: AppId, call: str, result: object, seconds: float) -> None:
        """See the port."""
        because = result.because if isinstance(result, o.NotSeen) else result
        self._calls.labels(app, call, _word(because)).observe(seconds)

    def put_aside(self, app: AppId) -> None:
        """See the port."""
        self._aside.labels(app).inc()

    def drift(self, app: AppId, kind: str) -> None:
        """See the port."""
        self._drift.labels(app, kind).inc()

    def fair(self, app: AppId, evenness: float | None, turn: float | None) -> None:
        """See the port."""
        for of, value in (("evenness", evenness), ("turn", turn)):
            if value is not None:
                self._fairness.labels(app, of).set(value)

    def stands(self, app: AppId, standing: Standing, reasons: Mapping[str, int], slots: int, now: datetime) -> None:
        """See the port."""
        for reason in self._reasons.get(app, set()) - set(reasons):
            self._waiting.labels(app, reason).set(0)
        self._reasons.setdefault(app, set()).update(reasons)
        for reason, count in reasons.items():
            self._waiting.labels(app, reason).set(count)
        for state in ("waiting", "reserved", "doubt", "assigned"):
            self._sessions.labels(app, state).set(standing.states.get(state, 0))
        oldest = standing.oldest
        self._oldest.labels(app).set(0 if oldest is None else max(0.0, (now - oldest).total_seconds()))
        self._used.labels(app).set(standing.slots_used)
        self._total.labels(app).set(slots)

    def _came_to_an_agent(self, session: Session) -> None:
        self._assigned.labels(session.app).inc()
        if session.assigned_at is not None:
            self._wait.labels(session.app).observe(
                max(0.0, (session.assigned_at - session.waiting_since).total_seconds())
            )


_WORDS: dict[type, str] = {
    o.Done: "done",
    o.SomebodyThere: "somebody_there",
    o.AlreadyOver: "already_over",
    o.AgentRefused: "agent_refused",
    o.RoomRefused: "room_refused",
    o.CredentialsRefused: "credentials_refused",
    o.NotNow: "not_now",
    o.Unknown: "unknown",
    o.NotSent: "not_sent",
}


def _word(result: object) -> str:
    return _WORDS.get(type(result), "done")
