"""Since when those who wait could have been served: the figures that are about us, not about how many agents there are.

    waits ──▶ nobody could serve (all full, outside hours, …): *excused* ──▶ somebody could ──▶ assigned
                                                                             └── the delay ──┘

A plan serves whoever can be served, so who could have been served and was not is seen by what a plan does not give as
a reason: no plan was made (nobody led), or the reason is ours (the platform could not be asked). What was never planned
by this leader is counted from when the agent became free.

All of it is lost with the lead, and missed by nobody: it is for figures, nothing is decided by it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from allocator.core.ids import AgentId, AppId, Lane, SessionId
from allocator.core.plan import Plan
from allocator.core.reasons import WaitReason
from allocator.core.roster import IDLE, Load
from allocator.core.session import OPEN, Session, State

EXCUSED = frozenset(
    {
        WaitReason.NO_AGENT_ONLINE,
        WaitReason.ALL_AT_CAPACITY,
        WaitReason.NO_ELIGIBLE_AGENT,
        WaitReason.CHANNEL_AT_CAPACITY,
        WaitReason.APP_AT_CAPACITY,
        WaitReason.WAITING_FOR_THEIR_AGENT,
        WaitReason.OUTSIDE_HOURS,
        WaitReason.PAUSED,
    }
)
"""No agent was free for them, or the policy wanted it so."""
_FREED_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan for ``app``, made at ``at``, of the sessions in ``heads``."""

    app: AppId
    at: datetime
    heads: Mapping[Lane, Sequence[Session]]
    made: Plan
    loads: Mapping[AgentId, Load]


class Chances:
    """One app, as long as one leader leads. Times in seconds come out."""

    def __init__(self) -> None:
        self._excused: dict[Lane, datetime] = {}
        """When a plan last left the first of a lane waiting for an excused reason."""
        self._patient: dict[SessionId, datetime] = {}
        """The same for those who wait for an agent of their own."""
        self._could: dict[SessionId, datetime] = {}
        """Since when those who are reserved could have been served."""
        self._doubts: dict[SessionId, datetime] = {}
        self._freed: dict[AgentId, datetime] = {}
        """When an agent's last session ended, if none was given since."""

    def planned(self, plan: Planned) -> Iterator[float]:
        """How long each slot that is given out lay idle while somebody waited who could have had it."""
        sessions = {one.id: one for line in plan.heads.values() for one in line}
        for given in plan.made.reservations:
            session = sessions[given.session]
            free = datetime.fromtimestamp(plan.loads.get(given.agent, IDLE).busy_at, UTC)
            excused = [at for at in (self._patient.get(session.id), self._excused.get(session.lane)) if at]
            since = max(session.waiting_since, *excused or [free])
            self._could[session.id] = min(since, self._could.get(session.id, since))
            yield _seconds(max(since, free), plan.at)
        self._excuse(plan)

    def came(self, session: Session) -> float:
        """``session`` was assigned: how long after it could have been."""
        assert session.assigned_at is not None
        since = self._could.pop(session.id, None) or session.reserved_at or session.assigned_at
        return _seconds(since, session.assigned_at)

    def turnaround(self, session: Session) -> float | None:
        """How long after the end of the agent's last session ``session`` came; None: it did not wait then."""
        if session.agent is None or session.assigned_at is None:
            return None
        freed = self._freed.pop(session.agent, None)
        if freed is None or freed < session.waiting_since:
            return None
        return _seconds(freed, session.assigned_at)

    def moved(self, session: Session) -> None:
        """``session`` came into its state. A doubt lasts until it is settled, however often it is sent again."""
        if session.state is State.DOUBT:
            self._doubts.setdefault(session.id, session.unknown_at or session.reserved_at or session.waiting_since)
        elif session.state is not State.RESERVED:
            self._doubts.pop(session.id, None)

    @property
    def in_doubt_since(self) -> datetime | None:
        """Since when the oldest of those in doubt is."""
        return min(self._doubts.values(), default=None)

    def ended(self, session: Session) -> None:
        """``session`` is over."""
        assert session.state not in OPEN
        self._could.pop(session.id, None)
        if session.state is State.RESOLVED and session.agent is not None and session.ended_at is not None:
            self._freed[session.agent] = session.ended_at
            if len(self._freed) > _FREED_MAX:
                del self._freed[next(iter(self._freed))]

    def _excuse(self, plan: Planned) -> None:
        reasons = plan.made.reasons
        for lane, line in plan.heads.items():
            left = [reasons[one.id] for one in line if one.id in reasons]
            if left and left[0] in EXCUSED:
                self._excused[lane] = plan.at
        patient = {one: at for one, at in self._patient.items() if one in reasons}
        now = {one: plan.at for one, why in reasons.items() if why is WaitReason.WAITING_FOR_THEIR_AGENT}
        self._patient = patient | now


def _seconds(since: datetime, until: datetime) -> float:
    return max(0.0, (until - since).total_seconds())
