"""What this process did: counters and histograms."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Histogram

from allocator.core import outcomes as o
from allocator.core.chances import Chances, Planned
from allocator.core.ids import AppId
from allocator.core.session import OPEN, Session, State
from allocator.ports import Entry

DRIFT = (
    *("webhook_missed", "resolve_missed", "agent_removed", "taken_over", "served_by_another"),
    "reservation_forgotten",
)
"""The kinds there are; one that is not named here is counted all the same."""
_CALL_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8)
_ROUND_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_WAIT_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14400)
_DELAY_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


class Work:
    """Registers with ``registry``. Of the apps, only what was counted has a series."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._rounds = Histogram("antre_round_seconds", "One round.", buckets=_ROUND_BUCKETS, registry=registry)
        self._events = Counter("antre_events_recorded", "Events taken out of the inbox.", registry=registry)
        self._aside = self._counter("antre_events_put_aside", "Entries of the inbox that nobody could read.")
        self._planned = self._counter("antre_sessions_planned", "Sessions that a round gave a slot.")
        self._assigned = self._counter("antre_assignments", "Sessions that came to an agent.")
        self._ended = self._counter("antre_sessions_ended", "Sessions that ended.", "state")
        self._drift = self._counter(
            "antre_drift_repaired", "Differences between our ledger and the platform that were repaired.", "kind"
        )
        self._wait = self._histogram("antre_wait_seconds", "From a webhook's acceptance to the assignment.")
        self._delay = self._histogram(
            "antre_service_delay_seconds",
            "From when an agent was free for a customer, and the policy allowed it, to the assignment.",
            _DELAY_BUCKETS,
        )
        self._idle = self._histogram(
            "antre_slot_idle_seconds",
            "How long a slot lay idle while somebody waited who could have had it, until it was given out.",
            _DELAY_BUCKETS,
        )
        self._turnaround = self._histogram(
            "antre_resolve_to_assign_seconds",
            "From the end of an agent's session to the agent's next one, where somebody waited.",
            _DELAY_BUCKETS,
        )
        self._calls = self._counter("antre_platform_calls", "Calls of the platform that ended.", "call", "outcome")
        self._call_seconds = Histogram(
            "antre_platform_call_seconds",
            "Calls of the platform, by what is called.",
            ["call"],
            buckets=_CALL_BUCKETS,
            registry=registry,
        )
        self._chances: dict[AppId, Chances] = defaultdict(Chances)

    def expect(self, app: AppId) -> None:
        """Begin what alerts look at with nought: of a counter that is not there before its first one, nobody can tell
        that it grew.
        """
        self._assigned.labels(app)
        for kind in DRIFT:
            self._drift.labels(app, kind)

    def forget(self) -> None:
        """We do not lead any more; counters stay."""
        self._chances.clear()

    def round(self, seconds: float, entries: Sequence[Entry]) -> None:
        """See the port."""
        self._rounds.observe(seconds)
        self._events.inc(len(entries))

    def planned(self, plan: Planned) -> None:
        """A plan was made, and written down."""
        idle = list(self._chances[plan.app].planned(plan))
        if idle:
            self._planned.labels(plan.app).inc(len(idle))
        for seconds in idle:
            self._idle.labels(plan.app).observe(seconds)

    def moved(self, session: Session, told_at: datetime | None) -> None:
        """``session`` came into the state that it is in. ``told_at``: when a resolve of its room was accepted."""
        self._chances[session.app].moved(session)
        if session.state not in OPEN:
            self._ended.labels(session.app, session.state).inc()
            self._chances[session.app].ended(session, told_at)
        elif session.state is State.ASSIGNED and session.slot is not None:
            self._came_to_an_agent(session)

    def in_doubt_since(self, app: AppId) -> datetime | None:
        """Since when a session of ``app`` has been in doubt, the longest; None: none is, as far as we remember."""
        return self._chances[app].in_doubt_since

    def called(self, app: AppId, call: str, result: object, seconds: float) -> None:
        """See the port."""
        because = result.because if isinstance(result, o.NotSeen) else result
        self._calls.labels(app, call, _word(because)).inc()
        self._call_seconds.labels(call).observe(seconds)

    def put_aside(self, app: AppId) -> None:
        """See the port."""
        self._aside.labels(app).inc()

    def drift(self, app: AppId, kind: str) -> None:
        """See the port."""
        self._drift.labels(app, kind).inc()

    def _came_to_an_agent(self, session: Session) -> None:
        chances = self._chances[session.app]
        self._assigned.labels(session.app).inc()
        if session.assigned_at is None:
            return
        wait_s = (session.assigned_at - session.waiting_since).total_seconds()
        self._wait.labels(session.app).observe(max(0.0, wait_s))
        self._delay.labels(session.app).observe(chances.came(session))
        turnaround_s = chances.turnaround(session)
        if turnaround_s is not None:
            self._turnaround.labels(session.app).observe(turnaround_s)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, ["app", *labels], registry=self._registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...] = _WAIT_BUCKETS) -> Histogram:
        return Histogram(name, text, ["app"], buckets=buckets, registry=self._registry)


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
