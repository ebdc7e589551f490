"""The two ports that cannot fail: those who look on, and the door of policies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from allocator.core.chances import Planned
from allocator.core.ids import AppId, Epoch
from allocator.core.session import Session
from allocator.ports import Entry, Outlook, Queue, Standing


@dataclass
class MemoryWatch:
    """The :class:`~allocator.ports.Watch`: remembers what it was told."""

    epochs: list[Epoch | None] = field(default_factory=list)
    rounds: int = 0
    events: int = 0
    changed: list[Session] = field(default_factory=list)
    calls: list[tuple[AppId, str, object]] = field(default_factory=list)
    aside: list[AppId] = field(default_factory=list)
    drifts: list[tuple[AppId, str]] = field(default_factory=list)
    fairness: dict[AppId, tuple[float | None, float | None]] = field(default_factory=dict)
    standings: dict[AppId, tuple[Standing, Mapping[str, int], Outlook]] = field(default_factory=dict)
    queues: dict[AppId, Queue] = field(default_factory=dict)
    plans: list[Planned] = field(default_factory=list)

    def led(self, epoch: Epoch | None) -> None:
        """See the port."""
        self.epochs.append(epoch)

    def round(
        self, seconds: float, entries: Sequence[Entry], sessions: Sequence[Session], plans: Sequence[Planned]
    ) -> None:
        """See the port."""
        assert seconds >= 0
        self.rounds += 1
        self.events += len(entries)
        self.changed.extend(sessions)
        self.plans.extend(plans)

    def called(self, app: AppId, call: str, result: object, seconds: float) -> None:
        """See the port."""
        assert seconds >= 0
        self.calls.append((app, call, result))

    def put_aside(self, app: AppId) -> None:
        """See the port."""
        self.aside.append(app)

    def drift(self, app: AppId, kind: str) -> None:
        """See the port."""
        self.drifts.append((app, kind))

    def fair(self, app: AppId, evenness: float | None, turn: float | None) -> None:
        """See the port."""
        self.fairness[app] = (evenness, turn)

    def stands(
        self, app: AppId, standing: Standing, reasons: Mapping[str, int], outlook: Outlook, now: datetime
    ) -> None:
        """See the port."""
        assert now.tzinfo is not None
        self.standings[app] = (standing, reasons, outlook)

    def queue(self, app: AppId, queue: Queue, now: datetime) -> None:
        """See the port."""
        assert now.tzinfo is not None
        self.queues[app] = queue


class MemoryPolicyDoor:
    """The :class:`~allocator.ports.PolicyDoor`: what a test gives comes in once."""

    def __init__(self, spec: object | None = None) -> None:
        self._spec = self._latest = spec

    def give(self, spec: object) -> None:
        """A new policy."""
        self._spec = self._latest = spec

    def again(self) -> None:
        """A new leader asks for what there is."""
        self._spec = self._latest

    def newest(self) -> object | None:
        """See the port."""
        spec, self._spec = self._spec, None
        return spec
