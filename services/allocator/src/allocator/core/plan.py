"""Who gets whom. ``plan(snapshot)`` is the decision, and it is nothing else: same snapshot, same plan.

First come, first served: sessions are looked at in the order of ``waiting_since`` over all lanes, and each
takes the best agent who may take it and has a free slot. One that nobody can take now stays, with its
:class:`WaitReason`, and holds up nobody behind it. Only where who may take it is being asked at this moment do
those behind it wait, for that moment: they might take its agent.

Cost: O((given + agents) · log agents) for each lane. A lane whose agents are all full is found so once, and the
rest of its sessions are told so in one go.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heapify, heappop, heapreplace

from allocator.core.candidates import PATIENT_MAX, Candidate, Candidates, Line, Pool, Rank
from allocator.core.foreign import Foreign
from allocator.core.ids import AgentId, Lane, SessionId
from allocator.core.policy import Policy
from allocator.core.reasons import WaitReason
from allocator.core.roster import Load, Roster
from allocator.core.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A session near the front of its lane."""

    session: SessionId
    lane: Lane
    waiting_since: datetime
    avoid: frozenset[AgentId]
    last_agent: AgentId | None
    """Who served its room last, if the policy wants that remembered and it was not too long ago."""


AVOIDED_FOR = timedelta(seconds=5)
"""So long an agent whom the platform refused for a room is passed over there: longer than its lists are late. Then
they may be tried again: perhaps they were away, and there may be nobody else."""


CLOCKS_AGREE = timedelta(seconds=5)
"""A session accepted so much later than now was given its place by a clock that is not ours."""


def head_of(session: Session, now: datetime, last_agent: AgentId | None) -> Head:
    """``session`` as the plan sees it."""
    tried_at = session.reserved_at
    return Head(
        session=session.id,
        lane=session.lane,
        waiting_since=session.waiting_since,
        avoid=frozenset(session.avoid if tried_at and now - tried_at < AVOIDED_FOR else ()),
        last_agent=last_agent,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All that a round may know about one app."""

    policy: Policy
    at: datetime
    """The time of day."""
    heads: Mapping[Lane, tuple[Head, ...]]
    """For each lane its oldest sessions, in order."""
    rosters: Mapping[Lane, Roster]
    """Those that can be trusted now."""
    awaited: frozenset[Lane]
    """Lanes whose roster is on its way, for a moment: nobody may pass those who wait there."""
    loads: Mapping[AgentId, Load]
    foreign: Foreign
    gate: WaitReason | None
    """Why nothing may be given out now, if so."""
    budget: int
    """How many assignments may be started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """``session`` gets slot ``slot`` of ``agent``, who has ``capacity`` of them."""

    session: SessionId
    agent: AgentId
    slot: int
    capacity: int
    rank: Rank
    """What the strategies said of ``agent``, in their order."""
    against: tuple[Rank, ...]
    """The same of the next best, best first, at most ``AGAINST_MAX``; each ends with the agent's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What was decided: slots given out, in order, and why everybody else waits."""

    reservations: tuple[Reservation, ...]
    reasons: Mapping[SessionId, WaitReason]


def plan(snapshot: Snapshot) -> Plan:
    """Give out slots. Pure."""
    desk = _Desk(snapshot)
    shut = why_shut(snapshot.policy, snapshot.at) or snapshot.gate
    if shut is None:
        desk.serve_all()
    else:
        for heads in snapshot.heads.values():
            desk.turn_away(heads, shut)
    return Plan(reservations=tuple(desk.reservations), reasons=desk.reasons)


def why_shut(policy: Policy, now: datetime) -> WaitReason | None:
    """Why nothing is given to anybody now, by a person's word or by the policy's, if so."""
    if policy.halt is not None:
        return WaitReason.PAUSED_BY_HAND
    if policy.paused:
        return WaitReason.PAUSED
    return None if policy.is_open(now) else WaitReason.OUTSIDE_HOURS


def heads_needed(policy: Policy, free: int) -> int:
    """How many of a lane's oldest sessions a plan needs to see to give ``free`` slots to whom they belong: who waits
    for an agent of their own is passed. One more, so that there is somebody to ask for.
    """
    patient = policy.sticky is not None and policy.sticky.patience_s > 0
    return free + 1 + (PATIENT_MAX if patient else 0)


class _Desk:
    """The state of a plan while it is made."""

    def __init__(self, snapshot: Snapshot) -> None:
        policy = snapshot.policy
        self.reservations: list[Reservation] = []
        self.reasons: dict[SessionId, WaitReason] = {}
        self._snapshot = snapshot
        self._candidates = Candidates(policy, snapshot.loads, snapshot.foreign)
        self._lines: dict[Lane, Line] = {}
        self._left = snapshot.budget
        self._over = WaitReason.CALLS_AT_LIMIT
        """What those are told for whom nothing is left."""
        if policy.total is not None:
            left = policy.total - self._candidates.used()
            if left < self._left:
                self._left, self._over = left, WaitReason.APP_AT_CAPACITY
        self._patience = timedelta(seconds=policy.sticky.patience_s if policy.sticky else 0)

    def serve_all(self) -> None:
        """Look at the oldest session of all lanes, and at the next, until all are served or nothing is left."""
        queue = [
            (line[0].waiting_since, line[0].session, lane, 0) for lane, line in self._snapshot.heads.items() if line
        ]
        heapify(queue)
        while queue and self._left > 0:
            _, _, lane, number = queue[0]
            if lane in self._snapshot.awaited:
                self._over = WaitReason.ASKING
                break
            heads, line = self._snapshot.heads[lane], self._line(lane)
            if line.closed is None:
                self._serve(heads[number], line)
                number += 1
            if line.closed is not None or number == len(heads):
                self.turn_away(heads[number:], line.closed or self._over)
                heappop(queue)
            else:
                heapreplace(queue, (heads[number].waiting_since, heads[number].session, lane, number))
        for _, _, lane, number in queue:
            self.turn_away(self._snapshot.heads[lane][number:], self._why_left(lane))

    def turn_away(self, heads: Iterable[Head], why: WaitReason) -> None:
        """Tell them all why they wait."""
        self.reasons.update(dict.fromkeys([head.session for head in heads], why))

    def _why_left(self, lane: Lane) -> WaitReason:
        if self._over is WaitReason.ASKING or lane not in self._snapshot.rosters:
            return WaitReason.ASKING
        known = self._lines.get(lane)
        return (known and known.closed) or self._over

    def _serve(self, head: Head, line: Line) -> None:
        """The best agent's slot for ``head``, or why there is none."""
        agent = self._own(head, line)
        own = isinstance(agent, Candidate)
        if agent is None:
            agent = line.best(head.avoid) or line.closed or WaitReason.NO_ELIGIBLE_AGENT
        if not isinstance(agent, Candidate):
            self.reasons[head.session] = agent
            return
        self._left -= 1
        rank, against = agent.rank, line.pool.next_best(agent, head.avoid)
        self.reservations.append(
            Reservation(
                session=head.session,
                agent=agent.id,
                slot=line.give(agent),
                capacity=agent.capacity,
                rank=(0.0, *rank[1:]) if own else rank,
                against=against,
            )
        )

    def _own(self, head: Head, line: Line) -> Candidate | WaitReason | None:
        """The agent who served the room last, if they have room; or that they are waited for; None: whoever is best."""
        if self._snapshot.policy.sticky is None or head.last_agent is None or head.last_agent in head.avoid:
            return None
        agent = line.pool.online.get(head.last_agent)
        if agent is None or line.pool.is_free(agent):
            return agent
        if not self._is_patient(head) or line.patient >= PATIENT_MAX:
            return None
        line.patient += 1
        return WaitReason.WAITING_FOR_THEIR_AGENT

    def _is_patient(self, head: Head) -> bool:
        """Whether the policy lets ``head`` wait for an agent of their own; not where clocks disagree, it would be
        for longer.
        """
        waited = self._snapshot.at - head.waiting_since
        return bool(self._patience) and -CLOCKS_AGREE < waited < self._patience

    def _line(self, lane: Lane) -> Line:
        if lane not in self._lines:
            roster = self._snapshot.rosters.get(lane)
            self._lines[lane] = _NOT_ASKED if roster is None else self._candidates.line(lane, roster)
        return self._lines[lane]


_NOT_ASKED = Line(pool=Pool({}, ()), uses=None, closed=WaitReason.ASKING)
