"""What an operations team decides, ready for use: who may take whom, how many at once, in which order, when.

:func:`compile_spec` makes a :class:`Policy` of what people write (:mod:`allocator.core.spec`), or raises
:class:`PolicyError` with the place and the reason; a policy that is in force is never half of one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import UNSET, UnsetType

from allocator.core.hours import MINUTES_A_DAY, Hours, Interval
from allocator.core.ids import AgentId, Lane, parts_of
from allocator.core.roster import Seen
from allocator.core.spec import CAPACITY_MAX, ChannelMax, Day, HoursSpec, Outside, Rule, Spec, Strategy, row_of
from allocator.core.spec_rules import PolicyError, read_spec, seconds_of

__all__ = ["CAPACITY_MAX", "ChannelCap", "Eligible", "Halt", "Place", "Policy", "PolicyError", "Sticky", "Strategy"]
__all__ += ["compile_spec", "standard"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where sessions come from; None: from anywhere."""

    sources: frozenset[str] | None
    channels: frozenset[str] | None

    def has(self, lane: Lane) -> bool:
        """Whether the sessions of ``lane`` come from there."""
        source, channel = parts_of(lane)
        return (self.sources is None or source in self.sources) and (self.channels is None or channel in self.channels)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelCap:
    """Of one agent's sessions, at most ``most`` from ``place``."""

    place: Place
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Eligible:
    """Who may take the sessions from ``place``: who is of ``divisions`` or among ``agents``."""

    place: Place
    divisions: frozenset[str]
    agents: frozenset[AgentId]

    def has(self, seen: Seen) -> bool:
        """Whether this agent may."""
        return seen.agent in self.agents or not self.divisions.isdisjoint(seen.divisions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sticky:
    """Who served a room last is preferred for ``remembered_s``, and waited for ``patience_s``."""

    remembered_s: int
    patience_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """A person has paused the app, whatever its policy says."""

    by: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy in force. ``version`` is the row it came from; 0 is the one before any was given. Names of divisions
    and e-mail addresses are as :func:`folded` has them.
    """

    version: int
    default_capacity: int
    total: int | None
    capacities: dict[AgentId, int]
    by_email: dict[str, int] = field(repr=False)
    by_division: dict[str, int]
    channel_caps: tuple[ChannelCap, ...]
    eligibility: tuple[Eligible, ...]
    paused: bool
    strategy: tuple[Strategy, ...]
    sticky: Sticky | None
    hours: Hours | None
    row: Mapping[str, Any] = field(repr=False)
    """What it was made of, as it is stored: it may name people by their addresses, so it is shown nowhere by itself."""
    halt: Halt | None = None
    """No part of the policy, but in force with it: a pause by hand."""

    def capacity_of(self, seen: Seen) -> int:
        """How many customers an agent may have at once: what the agent's own number and address say, else the
        divisions, else the default. Where several say it, the smallest.
        """
        if not self.capacities and not self.by_email and not self.by_division:
            return self.default_capacity
        own = (self.capacities.get(seen.agent), self.by_email.get(seen.email or ""))
        named = [most for most in own if most is not None]
        if not named:
            named = [self.by_division[name] for name in seen.divisions if name in self.by_division]
        return min(named, default=self.default_capacity)

    def eligible(self, lane: Lane) -> Eligible | None:
        """The rule that says who may take the sessions of ``lane``; None: whoever the platform lets into the room."""
        return next((rule for rule in self.eligibility if rule.place.has(lane)), None)

    @property
    def asks_platform(self) -> bool:
        """Whether the platform chooses the agent."""
        return self.strategy == (Strategy.PLATFORM,)

    def is_open(self, now: datetime) -> bool:
        """Whether customers are given to agents at ``now``."""
        return self.hours is None or not self.hours.holds or self.hours.is_open(now)


def compile_spec(spec: Any, version: int) -> Policy:
    """The policy that ``spec`` (mappings, lists, plain values) describes. Raises :class:`PolicyError`."""
    return compiled(read_spec(spec), version)


def compiled(spec: Spec, version: int) -> Policy:
    """The policy that ``spec`` means."""
    capacity = spec.capacity
    return Policy(
        version=version,
        default_capacity=capacity.default,
        total=None if capacity.total is UNSET else capacity.total,
        capacities={AgentId(one.id): one.max for one in capacity.agents if one.id is not UNSET},
        by_email={folded(one.email): one.max for one in capacity.agents if one.email is not UNSET},
        by_division={folded(one.name): one.max for one in capacity.divisions},
        channel_caps=tuple(map(_channel_cap, capacity.channels)),
        eligibility=tuple(map(_eligible, spec.eligibility)),
        paused=spec.paused,
        strategy=tuple(spec.strategy),
        sticky=_sticky(spec),
        hours=None if spec.hours is UNSET else _hours(spec.hours),
        row=row_of(spec),
    )


def standard() -> Policy:
    """The policy before anybody gave one: two customers an agent, as the original service has it."""
    return compile_spec({}, version=0)


def folded(name: str) -> str:
    """A name as it is compared: the case of its letters makes no difference, nor does space around it."""
    return name.strip().casefold()


def _place(sources: list[str] | UnsetType, channels: list[int] | UnsetType) -> Place:
    return Place(
        sources=None if sources is UNSET else frozenset(sources),
        channels=None if channels is UNSET else frozenset(map(str, channels)),
    )


def _channel_cap(cap: ChannelMax) -> ChannelCap:
    sources = UNSET if cap.source is UNSET else [cap.source]
    channels = UNSET if cap.channel_id is UNSET else [cap.channel_id]
    return ChannelCap(place=_place(sources, channels), most=cap.max)


def _eligible(rule: Rule) -> Eligible:
    return Eligible(
        place=_place(rule.when.sources, rule.when.channel_ids),
        divisions=frozenset(() if rule.divisions is UNSET else map(folded, rule.divisions)),
        agents=frozenset(() if rule.agents is UNSET else map(AgentId, rule.agents)),
    )


def _sticky(spec: Spec) -> Sticky | None:
    if Strategy.STICKY not in spec.strategy:
        return None
    return Sticky(remembered_s=seconds_of(spec.sticky.for_), patience_s=seconds_of(spec.sticky.patience))


def _hours(hours: HoursSpec) -> Hours:
    always = (Interval(days=frozenset(range(7)), begins=0, ends=MINUTES_A_DAY),)
    days = list(Day)
    return Hours(
        zone=ZoneInfo(hours.timezone),
        intervals=always
        if hours.open is UNSET
        else tuple(
            Interval(
                days=frozenset(days.index(day) for day in one.days), begins=_minute(one.from_), ends=_minute(one.to)
            )
            for one in hours.open
        ),
        closed=frozenset(date.fromisoformat(one.date) for one in hours.closed),
        holds=hours.outside is Outside.HOLD,
    )


def _minute(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)
