"""The agents whom a plan can give somebody to, while it is made: how full they are, and who comes first in a lane.

Cost: an agent is ranked once, and again whenever they were given somebody. The lanes that the same agents may take
share a heap of them, made when the first session is looked at; who was given somebody by way of another is put right
when they come up.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush, heapreplace
from operator import attrgetter

from allocator.core.foreign import Foreign
from allocator.core.ids import AgentId, Lane
from allocator.core.policy import Policy, Strategy
from allocator.core.reasons import WaitReason
from allocator.core.roster import IDLE, Load, Roster, Seen

Rank = tuple[float, ...]
"""What the strategies say of an agent; the smallest is chosen. Ends with the id, so there are no ties."""

AGAINST_MAX = 2
"""So many runners-up are named with a choice, for those who ask why."""

FIRST_OF_HEAP = 2 ** (AGAINST_MAX + 1) - 1

PATIENT_MAX = 50
"""So many sessions of a lane may wait for an agent of their own at the front of it; further ones take who is free.
It bounds how many a round has to load to find one who does not."""


class Candidate:
    """An agent while a plan is made."""

    __slots__ = ("_lowest", "_measures", "busy_at", "capacity", "from_cap", "id", "rank", "taken", "used")

    def __init__(self, agent: AgentId, load: Load, *, capacity: int, foreign: int, measures: "_Measures") -> None:
        self.id = agent
        self.capacity = capacity
        self.taken = set(load.taken)
        self.used = len(load.taken) + foreign
        self.busy_at = load.busy_at
        self.from_cap: list[int] = []
        """How many of the agent's sessions each of the policy's channel caps counts."""
        self._measures = measures
        self._lowest = 1
        self.rank = self.ranked()

    def take(self, caps: Sequence[int]) -> int:
        """The lowest number that is free, for a session that ``caps`` count. There is one: fewer than ``capacity``
        are taken.
        """
        slot = self._lowest
        while slot in self.taken:
            slot += 1
        self.taken.add(slot)
        self._lowest = slot + 1
        self.used += 1
        for cap in caps:
            self.from_cap[cap] += 1
        self.rank = self.ranked()
        return slot

    def ranked(self) -> Rank:
        """What the strategies say now, in their order; the id is last."""
        return (*[measure(self) for measure in self._measures], self.id)


_Measures = tuple[Callable[[Candidate], float], ...]

_MEASURES: Mapping[Strategy, Callable[[Candidate], float]] = {
    Strategy.STICKY: lambda _: 1.0,  # 0.0 for the one agent of whom a session asks for
    Strategy.LEAST_LOADED: lambda agent: agent.used / agent.capacity if agent.capacity else 1.0,
    Strategy.LONGEST_IDLE: attrgetter("busy_at"),
    Strategy.PLATFORM: lambda _: 0.0,
}


class Pool:
    """The agents of a lane, or of several that the same agents may take, while a plan is made."""

    __slots__ = ("_agents", "capped", "caps", "counted", "online")

    def __init__(self, online: Mapping[AgentId, Candidate], caps: tuple[tuple[int, int], ...]) -> None:
        self.online = online
        """All who may and are online, full or not."""
        self.caps = caps
        """The channel caps that the lanes' sessions count for: which one, and how many it allows."""
        self.counted = tuple(cap for cap, _ in caps)
        with_room = [agent for agent in online.values() if agent.used < agent.capacity]
        self._agents = [(agent.rank, agent) for agent in with_room if not caps or self.is_free(agent)]
        """A heap. Who is full may still be in it, and who was given somebody since is out of place."""
        heapify(self._agents)
        self.capped = len(self._agents) < len(with_room)
        """Whether a channel cap keeps somebody out who has room otherwise."""

    @property
    def is_empty(self) -> bool:
        """Whether nobody can be had any more."""
        return not self._agents

    def is_free(self, agent: Candidate) -> bool:
        """Whether ``agent`` has room for one from here."""
        if agent.used >= agent.capacity:
            return False
        return not self.caps or all(agent.from_cap[cap] < most for cap, most in self.caps)

    def best(self, avoid: frozenset[AgentId]) -> Candidate | None:
        """The best free agent, who stays in the heap, as everybody does who is free."""
        passed: list[tuple[Rank, Candidate]] = []
        found: Candidate | None = None
        agents, caps = self._agents, self.caps
        while agents and found is None:
            rank, agent = agents[0]
            if agent.used >= agent.capacity:
                heappop(agents)
            elif caps and not self.is_free(agent):
                self.capped = True
                heappop(agents)
            elif agent.rank is not rank:  # was given somebody since they were ranked
                heapreplace(agents, (agent.rank, agent))
            elif avoid and agent.id in avoid:
                passed.append(heappop(agents))
            else:
                found = agent
        for entry in passed:
            heappush(agents, entry)
        return found

    def next_best(self, chosen: Candidate, avoid: frozenset[AgentId]) -> tuple[Rank, ...]:
        """Who would have been next, best first, as far as the first of the heap tell, which has its smallest there."""
        first = [
            rank
            for rank, agent in self._agents[:FIRST_OF_HEAP]
            if agent.rank is rank and agent is not chosen and agent.used < agent.capacity and agent.id not in avoid
        ]
        first.sort()
        return tuple(first[:AGAINST_MAX])


@dataclass(slots=True, kw_only=True)
class Line:
    """What a lane has while a plan is made."""

    pool: Pool
    uses: int | None
    closed: WaitReason | None
    """Why nobody can be had here any more, if so."""
    patient: int = field(default=0)

    def best(self, avoid: frozenset[AgentId]) -> Candidate | None:
        """The best free agent."""
        found = self.pool.best(avoid)
        if found is None and self.pool.is_empty:
            self.closed = WaitReason.CHANNEL_AT_CAPACITY if self.pool.capped else WaitReason.ALL_AT_CAPACITY
        return found

    def give(self, agent: Candidate) -> int:
        """A slot of ``agent``, for a session of this lane."""
        slot = agent.take(self.pool.counted)
        if self.uses is not None:
            self.uses -= 1
            if self.uses <= 0:
                self.closed = WaitReason.ASKING
        return slot


class Candidates:
    """All agents of one plan, and the lines of the lanes."""

    def __init__(self, policy: Policy, loads: Mapping[AgentId, Load], foreign: Foreign) -> None:
        self._policy = policy
        self._loads = loads
        self._foreign = foreign
        self._agents: dict[AgentId, Candidate] = {}
        self._measures = tuple(_MEASURES[strategy] for strategy in policy.strategy)
        self._pools: dict[tuple[tuple[int, ...], frozenset[AgentId]], Pool] = {}
        self._counted: dict[Lane, tuple[int, ...]] = {}
        """Which caps count the sessions of a lane."""

    def line(self, lane: Lane, roster: Roster) -> Line:
        """The line of ``lane``, whose sessions the agents of ``roster`` may take as far as the platform is asked."""
        rule = self._policy.eligible(lane)
        may = [seen for seen in roster.agents if rule.has(seen)] if rule else roster.agents
        known, new = self._agents.get, self._candidate
        online = {seen.agent: known(seen.agent) or new(seen) for seen in may if seen.online}
        pool = self._pool(online, self._caps(lane))
        closed = None if not pool.is_empty else _why_closed(may, online, capped=pool.capped)
        return Line(pool=pool, uses=roster.uses, closed=closed)

    def _pool(self, online: Mapping[AgentId, Candidate], counted: tuple[int, ...]) -> Pool:
        key = counted, frozenset(online)
        if key not in self._pools:
            caps = tuple((cap, self._policy.channel_caps[cap].most) for cap in counted)
            self._pools[key] = Pool(online, caps)
        return self._pools[key]

    def used(self) -> int:
        """How many sessions the app has: ours, and those that are not ours as far as they are known."""
        ours = sum(len(load.taken) for load in self._loads.values())
        return ours + sum(self._foreign.values())

    def _candidate(self, seen: Seen) -> Candidate:
        load = self._loads.get(seen.agent, IDLE)
        found = self._agents[seen.agent] = Candidate(
            seen.agent,
            load,
            capacity=self._policy.capacity_of(seen),
            foreign=self._foreign.get(seen.agent, 0),
            measures=self._measures,
        )
        if self._policy.channel_caps:
            found.from_cap = self._from_caps(load)
        return found

    def _from_caps(self, load: Load) -> list[int]:
        counts = [0] * len(self._policy.channel_caps)
        for lane, count in load.by_lane.items():
            for cap in self._caps(lane):
                counts[cap] += count
        return counts

    def _caps(self, lane: Lane) -> tuple[int, ...]:
        if lane not in self._counted:
            caps = enumerate(self._policy.channel_caps)
            self._counted[lane] = tuple(number for number, cap in caps if cap.place.has(lane))
        return self._counted[lane]


def _why_closed(may: Sequence[Seen], online: Mapping[AgentId, Candidate], *, capped: bool) -> WaitReason:
    if not may:
        return WaitReason.NO_ELIGIBLE_AGENT
    if not online:
        return WaitReason.NO_AGENT_ONLINE
    return WaitReason.CHANNEL_AT_CAPACITY if capped else WaitReason.ALL_AT_CAPACITY
