"""How the whole system stands: gauges that only the leader has."""

from collections.abc import Mapping
from datetime import datetime

from prometheus_client import CollectorRegistry, Gauge

from allocator.core.ids import AppId
from allocator.ports import Outlook, Queue, Standing

STATES = ("waiting", "reserved", "doubt", "assigned")


class _Gauges:
    """Set about once a second. ``registry`` has nothing else in it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()

    def clear(self) -> None:
        """Nothing is known any more."""
        for value in vars(self).values():
            if isinstance(value, Gauge):
                value.clear()

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, ["app", *labels], registry=self.registry)


class Inbox(_Gauges):
    """What waits in the inbox. Told by who has the lease, also while Postgres is away and nobody leads."""

    def __init__(self) -> None:
        super().__init__()
        self._inbox = self._gauge("antre_inbox_events", "Events that are durable in Redis and not yet recorded.")
        self._head = self._gauge("antre_inbox_head_age_seconds", "For how long the oldest of them has been there.")

    def queue(self, app: AppId, queue: Queue, now: datetime) -> None:
        """See the port."""
        self._inbox.labels(app).set(queue.length)
        self._head.labels(app).set(_age(queue.head, now))


class System(_Gauges):
    """Told by who leads."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting = self._gauge("antre_waiting", "Sessions that wait, by reason.", "reason")
        self._oldest = self._gauge("antre_oldest_wait_seconds", "The longest wait.")
        self._sessions = self._gauge("antre_sessions_open", "Open sessions, by state.", "state")
        self._parked = self._gauge(
            "antre_sessions_parked", "Sessions that were refused for good, and nobody has been in the room since."
        )
        self._doubt = self._gauge(
            "antre_oldest_doubt_seconds", "For how long the oldest doubt has not been settled; 0: there is none."
        )
        self._used = self._gauge("antre_slots_used", "Slots that are occupied.")
        self._held = self._gauge("antre_slots_held_in_doubt", "Those of them whose session is in doubt.")
        self._total = self._gauge("antre_slots", "Slots of the agents who are online.")
        self._foreign = self._gauge("antre_slots_foreign", "Slots that customers have who were not given by us.")
        self._online = self._gauge("antre_agents_online", "Agents who are online, as the platform said last.")
        self._policy = self._gauge("antre_policy_version", "The version of the policy in force.")
        self._circuit = self._gauge(
            "antre_platform_circuit",
            "Calls of the platform: 0 they flow, 1 one at a time tries, 2 they pause, 3 our credentials are refused.",
        )
        self._calls = self._gauge("antre_platform_calls_in_flight", "Calls of the platform under way.", "call")
        self._fairness = self._gauge(
            "antre_fairness_ratio",
            "evenness: sessions that went to whom they were due by open time and capacity; turn: sessions that nobody "
            "of their lane who came later was given before. Both weigh the last half hour as much as all before.",
            "of",
        )
        self._reasons: dict[AppId, set[str]] = {}

    def clear(self) -> None:
        """See the base."""
        super().clear()
        self._reasons.clear()

    def stands(
        self, app: AppId, standing: Standing, reasons: Mapping[str, int], in_doubt: datetime | None, now: datetime
    ) -> None:
        """See the port. ``in_doubt``: since when somebody has been, as far as this process remembers; each time a
        request is sent again the ledger's doubt begins anew.
        """
        known = self._reasons.setdefault(app, set())
        known.update(reasons)
        for reason in known:  # a reason that was there once stays, with 0: a line in a picture ends, not breaks off
            self._waiting.labels(app, reason).set(reasons.get(reason, 0))
        for state in STATES:
            self._sessions.labels(app, state).set(standing.states.get(state, 0))
        self._parked.labels(app).set(standing.parked)
        self._oldest.labels(app).set(_age(standing.oldest, now))
        doubts = [since for since in (standing.oldest_doubt, in_doubt) if since is not None]
        self._doubt.labels(app).set(_age(min(doubts, default=None), now))
        self._used.labels(app).set(standing.slots_used)
        self._held.labels(app).set(standing.states.get("doubt", 0))

    def looks(self, app: AppId, seen: Outlook) -> None:
        """See the port."""
        self._total.labels(app).set(seen.slots)
        self._foreign.labels(app).set(seen.foreign)
        self._online.labels(app).set(seen.agents_online)
        self._circuit.labels(app).set(seen.circuit)
        if seen.policy is not None:
            self._policy.labels(app).set(seen.policy)
        for call, count in seen.calls.items():
            self._calls.labels(app, call).set(count)

    def fair(self, app: AppId, evenness: float | None, turn: float | None) -> None:
        """See the port."""
        for of, value in (("evenness", evenness), ("turn", turn)):
            if value is not None:
                self._fairness.labels(app, of).set(value)


def _age(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())
