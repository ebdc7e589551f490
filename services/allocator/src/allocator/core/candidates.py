"""The agents whom a plan can give somebody to, while it is made: how full they are, and who comes first in a lane.

Cost: an agent is ranked once, and again whenever they were given somebody. A lane has a heap of its agents, opened
when its first session is looked at; an agent who was given somebody by another lane is put right when they come up.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush, heapreplace
from operator import attrgetter

from allocator.core.ids import AgentId, Lane
from allocator.core.policy import Policy, Strategy
from allocator.core.reasons import WaitReason
from allocator.core.roster import IDLE, Foreign, Load, Roster, Seen, foreign_of

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


@dataclass(slots=True, kw_only=True)
class Line:
    """The agents of one lane while a plan is made."""

    agents: list[tuple[Rank, Candidate]]
    """A heap. Who is full may still be in it, and who was given somebody by another lane is out of place."""
    caps: tuple[tuple[int, int], ...]
    """The channel caps that the lane's sessions count for: which one, and how many it allows."""
    online: Mapping[AgentId, Candidate]
    """All who may and are online, full or not; empty where nobody asks for one by name."""
    uses: int | None
    closed: WaitReason | None
    """Why nobody can be had here any more, if so."""
    capped: bool
    """Whether a channel cap kept somebody out who has room otherwise."""
    patient: int = field(default=0)
    counted: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.counted = tuple(cap for cap, _ in self.caps)

    def is_free(self, agent: Candidate) -> bool:
        """Whether ``agent`` has room for one from here."""
        if agent.used >= agent.capacity:
            return False
        return not self.caps or all(agent.from_cap[cap] < most for cap, most in self.caps)

    def best(self, avoid: frozenset[AgentId]) -> Candidate | None:
        """The best free agent. Everybody who is free stays in the heap; who is given somebody is out of place."""
        passed: list[tuple[Rank, Candidate]] = []
        found: Candidate | None = None
        agents = self.agents
        while agents and found is None:
            rank, agent = agents[0]
            if not self.is_free(agent):  # full now, by this lane or by another
                self.capped = self.capped or agent.used < agent.capacity
                heappop(agents)
            elif agent.rank is not rank:  # was given somebody since they were ranked
                heapreplace(agents, (agent.rank, agent))
            elif avoid and agent.id in avoid:
                passed.append(heappop(agents))
            else:
                found = agent
        for entry in passed:
            heappush(agents, entry)
        if not agents:
            self.closed = WaitReason.CHANNEL_AT_CAPACITY if self.capped else WaitReason.ALL_AT_CAPACITY
        return found

    def next_best(self, chosen: Candidate, avoid: frozenset[AgentId]) -> tuple[Rank, ...]:
        """Who would have been next, best first. The smallest of a heap are among its first: no others are looked at."""
        first = [agent for _, agent in self.agents[:FIRST_OF_HEAP] if agent is not chosen and self.is_free(agent)]
        return tuple(sorted([agent.rank for agent in first if agent.id not in avoid])[:AGAINST_MAX])

    def give(self, agent: Candidate) -> int:
        """A slot of ``agent``, for a session of this lane."""
        slot = agent.take(self.counted)
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
        self._by_name = policy.sticky is not None
        self._counted: dict[Lane, tuple[int, ...]] = {}
        """Which caps count the sessions of a lane."""

    def line(self, lane: Lane, roster: Roster) -> Line:
        """The line of ``lane``, whose sessions the agents of ``roster`` may take as far as the platform is asked."""
        rule = self._policy.eligible(lane)
        may = [seen for seen in roster.agents if rule.has(seen)] if rule else roster.agents
        known, new = self._agents.get, self._candidate
        online = [known(seen.agent) or new(seen) for seen in may if seen.online]
        caps = tuple((cap, self._policy.channel_caps[cap].most) for cap in self._caps(lane))
        line = Line(
            agents=[],
            caps=caps,
            online={agent.id: agent for agent in online} if self._by_name else {},
            uses=roster.uses,
            closed=None,
            capped=False,
        )
        line.agents = [(agent.rank, agent) for agent in online if line.is_free(agent)]
        heapify(line.agents)
        with_room = len(line.agents) if not caps else sum(agent.used < agent.capacity for agent in online)
        line.capped = len(line.agents) < with_room
        if not line.agents:
            line.closed = _why_closed(may, online, capped=line.capped)
        return line

    def used(self) -> int:
        """How many sessions the app has: ours, and those that are not ours as far as they are known."""
        ours = sum(len(load.taken) for load in self._loads.values())
        return ours + sum(foreign_of(self._foreign, agent) for agent in self._foreign)

    def _candidate(self, seen: Seen) -> Candidate:
        load = self._loads.get(seen.agent, IDLE)
        found = self._agents[seen.agent] = Candidate(
            seen.agent,
            load,
            capacity=self._policy.capacity_of(seen),
            foreign=foreign_of(self._foreign, seen.agent) if self._foreign else 0,
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


def _why_closed(may: Sequence[Seen], online: Sequence[Candidate], *, capped: bool) -> WaitReason:
    if not may:
        return WaitReason.NO_ELIGIBLE_AGENT
    if not online:
        return WaitReason.NO_AGENT_ONLINE
    return WaitReason.CHANNEL_AT_CAPACITY if capped else WaitReason.ALL_AT_CAPACITY
