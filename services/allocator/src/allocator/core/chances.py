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
        self._freed: dict[AgentId, list[datetime]] = {}
        """When an agent's slots came free that were not given out since, the first one first."""
        self._free: dict[SessionId, datetime] = {}
        """When the slots came free that were given to those who are reserved."""

    def planned(self, plan: Planned) -> Iterator[float]:
        """How long each slot that is given out lay idle while somebody waited who could have had it."""
        sessions = {one.id: one for line in plan.heads.values() for one in line}
        for given in plan.made.reservations:
            session = sessions[given.session]
            free = self._free_since(given.agent, plan.loads)
            excused = [at for at in (self._patient.get(session.id), self._excused.get(session.lane)) if at]
            since = max(session.waiting_since, *excused or [free])
            self._could[session.id] = min(since, self._could.get(session.id, since))
            self._free[session.id] = free
            yield _seconds(max(since, free), plan.at)
        self._excuse(plan)

    def came(self, session: Session) -> float:
        """``session`` was assigned: how long after it could have been."""
        assert session.assigned_at is not None
        since = self._could.pop(session.id, None) or session.reserved_at or session.assigned_at
        return _seconds(since, session.assigned_at)

    def turnaround(self, session: Session) -> float | None:
        """How long after its agent's slot came free ``session`` came; None: it did not wait then."""
        free = self._free.pop(session.id, None)
        if free is None or session.assigned_at is None or free < session.waiting_since:
            return None
        return _seconds(free, session.assigned_at)

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

    def ended(self, session: Session, told_at: datetime | None) -> None:
        """``session`` is over. ``told_at``: when the inbox accepted the word of it; that may be long before it was
        recorded, if nobody led.
        """
        assert session.state not in OPEN
        self._could.pop(session.id, None)
        self._free.pop(session.id, None)
        at = told_at or session.ended_at
        if session.state is State.RESOLVED and session.agent is not None and at is not None:
            self._freed.setdefault(session.agent, []).append(at)
            if sum(map(len, self._freed.values())) > _FREED_MAX:
                self._freed.clear()

    def _free_since(self, agent: AgentId, loads: Mapping[AgentId, Load]) -> datetime:
        """When the slot came free that ``agent`` is given somebody on; the ledger knows when that was recorded."""
        freed = self._freed.get(agent)
        if not freed:
            return datetime.fromtimestamp(loads.get(agent, IDLE).busy_at, UTC)
        first = freed.pop(0)
        if not freed:
            del self._freed[agent]
        return first

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
