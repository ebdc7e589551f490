"""Who gets whom. ``plan(snapshot)`` is the decision, and it is nothing else: same snapshot, same plan.

First come, first served: sessions are looked at in the order of ``waiting_since`` over all lanes, and each
takes the best agent who may take it and has a free slot. One that nobody can take now stays, with its
:class:`WaitReason`, and holds up nobody behind it. Only where who may take it is being asked at this moment do
those behind it wait, for that moment: they might take its agent.

Cost: O((heads + agents) · log agents). A lane whose agents are all full is found so once, not once a head.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush, merge

from allocator.core.ids import AgentId, Lane, SessionId
from allocator.core.policy import Policy, Strategy
from allocator.core.reasons import WaitReason
from allocator.core.roster import IDLE, Foreign, Load, Roster, foreign_of
from allocator.core.session import Session

Rank = tuple[float, ...]
"""What the strategies say of an agent; the smallest is chosen. Ends with the id, so there are no ties."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A session near the front of its lane."""

    session: SessionId
    lane: Lane
    waiting_since: datetime
    avoid: frozenset[AgentId]


AGAINST_MAX = 2
"""So many runners-up are named with a choice, for those who ask why."""

AVOIDED_FOR = timedelta(seconds=5)
"""So long an agent whom the platform refused for a room is passed over there: longer than its lists are late. Then
they may be tried again: perhaps they were away, and there may be nobody else."""


def head_of(session: Session, now: datetime) -> Head:
    """``session`` as the plan sees it."""
    tried_at = session.reserved_at
    return Head(
        session=session.id,
        lane=session.lane,
        waiting_since=session.waiting_since,
        avoid=frozenset(session.avoid if tried_at and now - tried_at < AVOIDED_FOR else ()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All that a round may know about one app."""

    policy: Policy
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
    reservations: list[Reservation] = []
    reasons: dict[SessionId, WaitReason] = {}
    for head in _in_order(snapshot.heads):
        given = desk.gate(head) or desk.serve(head)
        if isinstance(given, Reservation):
            reservations.append(given)
        else:
            reasons[head.session] = given
    return Plan(reservations=tuple(reservations), reasons=reasons)


def _in_order(heads: Mapping[Lane, tuple[Head, ...]]) -> Iterator[Head]:
    return merge(*heads.values(), key=lambda head: (head.waiting_since, head.session))


class _Agent:
    """An agent while a plan is made."""

    __slots__ = ("busy_at", "capacity", "id", "taken", "used")

    def __init__(self, snapshot: Snapshot, agent: AgentId) -> None:
        load = snapshot.loads.get(agent, IDLE)
        self.id = agent
        self.capacity = snapshot.policy.capacity_of(agent)
        self.taken = set(load.taken)
        self.used = len(load.taken) + foreign_of(snapshot.foreign, agent)
        self.busy_at = load.busy_at

    @property
    def is_free(self) -> bool:
        return self.used < self.capacity

    def take(self) -> int:
        """The lowest number that is free. There is one: fewer than ``capacity`` are taken."""
        slot = next(number for number in range(1, self.capacity + 1) if number not in self.taken)
        self.taken.add(slot)
        self.used += 1
        return slot

    def rank(self, strategy: tuple[Strategy, ...]) -> Rank:
        return (*(self._by(one) for one in strategy), float(self.id))

    def _by(self, strategy: Strategy) -> float:
        match strategy:
            case Strategy.LEAST_LOADED:
                return self.used / self.capacity
            case Strategy.LONGEST_IDLE:
                return self.busy_at
            case Strategy.STICKY | Strategy.PLATFORM:  # say nothing of an agent alone
                return 0.0


@dataclass(slots=True)
class _Line:
    """The agents of one lane while a plan is made: a heap by rank, and how many assignments are left."""

    agents: list[tuple[Rank, AgentId]]
    uses: int | None
    closed: WaitReason | None = field(default=None)


class _Desk:
    """The state of a plan while it is made."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._strategy = snapshot.policy.strategy
        self._budget = snapshot.budget
        self._holds = False
        self._agents: dict[AgentId, _Agent] = {}
        self._lines: dict[Lane, _Line] = {}

    def gate(self, head: Head) -> WaitReason | None:
        """Why ``head`` cannot be served whoever is there."""
        if self._snapshot.policy.paused:
            return WaitReason.PAUSED
        if self._snapshot.gate is not None:
            return self._snapshot.gate
        self._holds = self._holds or head.lane in self._snapshot.awaited
        if self._holds or head.lane not in self._snapshot.rosters:
            return WaitReason.ASKING
        return self._line(head.lane).closed

    def serve(self, head: Head) -> Reservation | WaitReason:
        """The best agent's slot for ``head``, or why there is none."""
        if self._budget <= 0:
            return WaitReason.CALLS_AT_LIMIT
        line = self._line(head.lane)
        agent = self._best(line, head.avoid)
        if agent is None:
            return line.closed or WaitReason.NO_ELIGIBLE_AGENT
        self._budget -= 1
        rank, against = agent.rank(self._strategy), self._runners_up(line, agent, head.avoid)
        slot = agent.take()
        heappush(line.agents, (agent.rank(self._strategy), agent.id))
        self._count_use(line)
        return Reservation(
            session=head.session, agent=agent.id, slot=slot, capacity=agent.capacity, rank=rank, against=against
        )

    def _runners_up(self, line: _Line, chosen: _Agent, avoid: frozenset[AgentId]) -> tuple[Rank, ...]:
        """Who would have been next. The smallest of a heap are among its first few: no others are looked at."""
        few = line.agents[: 2 ** (AGAINST_MAX + 1)]
        others = [
            (rank, one) for rank, one in few if one != chosen.id and one not in avoid and self._agents[one].is_free
        ]
        return tuple(rank for rank, _ in sorted(others)[:AGAINST_MAX])

    def _best(self, line: _Line, avoid: frozenset[AgentId]) -> _Agent | None:
        """Take the best free agent out of ``line``. Those to avoid are put back."""
        passed: list[tuple[Rank, AgentId]] = []
        found: _Agent | None = None
        while line.agents and found is None:
            rank, agent_id = heappop(line.agents)
            agent = self._agents[agent_id]
            if not agent.is_free:
                continue  # full now, by this lane or by another
            if agent.rank(self._strategy) != rank:  # served another lane since it was ranked
                heappush(line.agents, (agent.rank(self._strategy), agent_id))
            elif agent_id in avoid:
                passed.append((rank, agent_id))
            else:
                found = agent
        for entry in passed:
            heappush(line.agents, entry)
        if not line.agents and found is None:
            line.closed = WaitReason.ALL_AT_CAPACITY
        return found

    def _count_use(self, line: _Line) -> None:
        if line.uses is not None:
            line.uses -= 1
            if line.uses <= 0:
                line.closed = WaitReason.ASKING

    def _line(self, lane: Lane) -> _Line:
        if lane not in self._lines:
            self._lines[lane] = self._opened(self._snapshot.rosters[lane])
        return self._lines[lane]

    def _opened(self, roster: Roster) -> _Line:
        online = [seen.agent for seen in roster.agents if seen.online]
        agents = [(agent.rank(self._strategy), agent.id) for agent in map(self._agent, online) if agent.is_free]
        heapify(agents)
        return _Line(agents=agents, uses=roster.uses, closed=_why_closed(roster, online, agents))

    def _agent(self, agent: AgentId) -> _Agent:
        if agent not in self._agents:
            self._agents[agent] = _Agent(self._snapshot, agent)
        return self._agents[agent]


def _why_closed(roster: Roster, online: list[AgentId], free: list[tuple[Rank, AgentId]]) -> WaitReason | None:
    if not roster.agents:
        return WaitReason.NO_ELIGIBLE_AGENT
    if not online:
        return WaitReason.NO_AGENT_ONLINE
    return None if free else WaitReason.ALL_AT_CAPACITY
