"""Who may take a lane's rooms, as the platform said a moment ago, and what our own rows say of them."""

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


def freed_unseen(before: Mapping[AgentId, Load], loads: Mapping[AgentId, Load]) -> Mapping[AgentId, frozenset[int]]:
    """Slots that were freed since ``before``, of agents of whom more were than we were told of ends lately: the
    platform may not have counted who had them for long.
    """
    changes = ((agent, was.taken, loads.get(agent, IDLE)) for agent, was in before.items())
    return {agent: was - now.taken for agent, was, now in changes if len(was - now.taken) > now.closed}


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
