"""Who may take a lane's rooms, as the platform said a moment ago, and what its counts are worth.

The platform's count of an agent's customers is late in both directions, so it is never compared with a
capacity as it is. It serves to find the customers that are *not* ours (given by hand, taken over):

    foreign = count - ours at that time - those we just closed, which it may still count

and the largest such figure of the last seconds is believed (``kept_s``), because an assignment of ours that the count
does not show yet would hide a foreign one, and so would an end of ours that it does not hold any more: what was read
before the end has to last for ``lag_s`` and the age of a roster. An agent's used slots are ours plus foreign.

A slot that is held for who is served no more (in doubt, or the end was told late) hides a foreign customer as well,
until it is given up: then what was counted last is looked at again.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from allocator.core.ids import AgentId, Lane


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One agent in a roster. ``count``: customers, as the platform counts."""

    agent: AgentId
    online: bool
    count: int
    divisions: frozenset[str]
    """Their names, as :func:`~allocator.core.policy.folded` has them; empty where the platform does not say."""
    email: str | None = field(repr=False)
    """The same of the address: for policies that name people by it. It is shown nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """The agents who may take the rooms of a lane. ``read_at``: seconds on the clock that does not jump, when
    the reading started. ``uses``: for how many assignments it is good (None: any number).
    """

    agents: tuple[Seen, ...]
    read_at: float
    uses: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What we know of one agent from our own rows."""

    taken: frozenset[int]
    """Numbers of the slots that are occupied."""
    closed: int
    """Sessions of ours of whose end we were told within the last ``lag_s``."""
    busy_at: float
    """Unix time at which the agent was last given or freed of a customer; 0: never."""
    by_lane: Mapping[Lane, int]
    """How many of the taken slots have sessions of which lane; empty unless it was asked for."""


IDLE = Load(taken=frozenset(), closed=0, busy_at=0.0, by_lane={})
"""The load of an agent we have no row of."""

Foreign = Mapping[AgentId, tuple[tuple[float, int], ...]]
"""For each agent, the recent (time, foreign count) pairs that are not zero."""


def foreign_after(foreign: Foreign, roster: Roster, loads: Mapping[AgentId, Load], kept_s: float) -> Foreign:
    """``foreign`` with what ``roster`` shows, and without what is older than ``kept_s`` before it."""
    known = dict(foreign)
    for seen in roster.agents:
        load = loads.get(seen.agent, IDLE)
        count = seen.count - len(load.taken) - load.closed
        recent = tuple(pair for pair in known.get(seen.agent, ()) if pair[0] > roster.read_at - kept_s)
        known[seen.agent] = (*recent, (roster.read_at, count)) if count > 0 else recent
    return {agent: pairs for agent, pairs in known.items() if pairs}


def freed_unseen(before: Mapping[AgentId, Load], loads: Mapping[AgentId, Load]) -> frozenset[AgentId]:
    """Agents of whose slots more were freed since ``before`` than we were told of ends: the platform may not have
    counted who had them for long.
    """
    return frozenset(agent for agent, load in before.items() if _freed_unseen(load, loads.get(agent, IDLE)))


def _freed_unseen(before: Load, load: Load) -> bool:
    return len(before.taken - load.taken) > max(0, load.closed - before.closed)


def of_agents(roster: Roster, agents: Collection[AgentId]) -> Roster:
    """What ``roster`` says of some agents."""
    return replace(roster, agents=tuple(seen for seen in roster.agents if seen.agent in agents))


def short_after(short: Mapping[AgentId, float], roster: Roster, loads: Mapping[AgentId, Load]) -> dict[AgentId, float]:
    """Since when (``read_at``) the platform counts fewer customers of an agent than we do, as ``roster`` shows it."""
    known = dict(short)
    for seen in roster.agents:
        if seen.count < len(loads.get(seen.agent, IDLE).taken):
            known.setdefault(seen.agent, roster.read_at)
        else:
            known.pop(seen.agent, None)
    return known


def foreign_of(foreign: Foreign, agent: AgentId) -> int:
    """How many customers that are not ours ``agent`` has, cautiously."""
    return max((count for _, count in foreign.get(agent, ())), default=0)
