"""What an operations team decides: how much an agent carries, in which order agents are chosen.

One schema for every door (a file, a Kubernetes object's ``spec``)::

    capacity:
      default: 2
      agents:
        - {id: 164867, max: 5}
    paused: false
    strategy: [leastLoaded, longestIdle]        # or [platform]

:func:`compile_spec` makes a :class:`Policy` of such a mapping, or raises :class:`PolicyError` with the place and the
reason; a policy that is in force is never half of one.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import msgspec

from allocator.core.ids import AgentId

CAPACITY_MAX = 1000

Capacity = Annotated[int, msgspec.Meta(ge=0, le=CAPACITY_MAX)]


class Strategy(StrEnum):
    """How to choose among the agents who may."""

    LEAST_LOADED = "leastLoaded"
    """By percent of their capacity."""
    LONGEST_IDLE = "longestIdle"
    """Who was given somebody, or was freed of somebody, longest ago."""
    PLATFORM = "platform"
    """Whom the platform suggests, if the maximum allows: the original service's way. Stands alone."""


class PolicyError(Exception):
    """Not a policy. ``path`` is where, like ``$.capacity.default``; the text says why."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy in force. ``version`` is the row it came from; 0 is the one before any was given."""

    version: int
    default_capacity: int
    capacities: dict[AgentId, int]
    paused: bool
    strategy: tuple[Strategy, ...]

    def capacity_of(self, agent: AgentId) -> int:
        """How many customers ``agent`` may have at once."""
        return self.capacities.get(agent, self.default_capacity)

    @property
    def asks_platform(self) -> bool:
        """Whether the platform chooses the agent."""
        return self.strategy == (Strategy.PLATFORM,)


class _Agent(msgspec.Struct, forbid_unknown_fields=True):
    id: Annotated[int, msgspec.Meta(gt=0)]
    max: Capacity


class _Capacity(msgspec.Struct, forbid_unknown_fields=True):
    default: Capacity = 2
    agents: list[_Agent] = []


class _Spec(msgspec.Struct, forbid_unknown_fields=True):
    capacity: _Capacity = msgspec.field(default_factory=_Capacity)
    paused: bool = False
    strategy: list[Strategy] = msgspec.field(default_factory=lambda: [Strategy.LEAST_LOADED, Strategy.LONGEST_IDLE])


def compile_spec(spec: Any, version: int) -> Policy:
    """The policy that ``spec`` (mappings, lists, plain values) describes. Raises :class:`PolicyError`."""
    checked = _checked(spec)
    ids = [agent.id for agent in checked.capacity.agents]
    if len(set(ids)) < len(ids):
        raise PolicyError("$.capacity.agents", "an agent is named twice")
    _check_strategy(checked.strategy)
    return Policy(
        version=version,
        default_capacity=checked.capacity.default,
        capacities={AgentId(agent.id): agent.max for agent in checked.capacity.agents},
        paused=checked.paused,
        strategy=tuple(checked.strategy),
    )


def standard() -> Policy:
    """The policy before anybody gave one: two customers an agent, as the original service has it."""
    return compile_spec({}, version=0)


def _checked(spec: Any) -> _Spec:
    try:
        return msgspec.convert({} if spec is None else spec, _Spec)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `")
        raise PolicyError(path.rstrip("`") or "$", reason) from None


def _check_strategy(strategy: list[Strategy]) -> None:
    if not strategy:
        raise PolicyError("$.strategy", "empty: name at least one of " + ", ".join(Strategy))
    if len(set(strategy)) < len(strategy):
        raise PolicyError("$.strategy", "a strategy is named twice")
    if Strategy.PLATFORM in strategy and len(strategy) > 1:
        raise PolicyError("$.strategy", "platform chooses alone: name no other beside it")
