"""Reads a policy, and says of one that is none where it is wrong and what is allowed there.

What the structs of :mod:`allocator.core.spec` can say is checked by them; the rest is here, a rule each.
"""

import re
from collections.abc import Hashable, Iterable, Iterator
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import UNSET, inspect

from allocator.core.spec import HoursSpec, Rule, Spec, StickySpec, Strategy

STICKY_MAX_S = 30 * 86_400
PATIENCE_MAX_S = 86_400

_Finding = tuple[str, str]
"""Where, and what is wrong there."""

_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]")
_WORDS = {
    "to": 'a time of day in quotes, as "17:00", or "24:00"',
    "from": 'a time of day in quotes, as "08:00"',
    "date": 'a day in quotes, as "2026-12-25"',
    "for": 'a duration, as "24h" or "1h30m"',
    "patience": 'a duration, as "90s" or "1h30m"',
    "email": "an e-mail address",
    "source": "a kind of channel in small letters, as wa",
    "sources": "a kind of channel in small letters, as wa",
    "apps": "the id of a Qiscus app",
}
"""What is allowed where a pattern says it, for people."""


class PolicyError(Exception):
    """Not a policy. ``path`` is where, like ``$.capacity.default``; the text says why."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


def read_spec(given: Any) -> Spec:
    """The spec in ``given`` (mappings, lists, plain values; None: an empty one). Raises :class:`PolicyError`."""
    try:
        spec = msgspec.convert({} if given is None else given, Spec)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `")
        path = place.rstrip("`") or "$"
        raise PolicyError(path, _explained(reason, path)) from None
    for path, reason in _wrong(spec):
        raise PolicyError(path, reason)
    return spec


def seconds_of(duration: str) -> int:
    """The seconds of a duration as ``1h30m``."""
    units = {"h": 3600, "m": 60, "s": 1}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)([hms])", duration))


def steps_of(path: str) -> list[str]:
    """``$.capacity.agents[0].max`` as steps."""
    return [name or index for name, index in _STEP.findall(path)]


def _wrong(spec: Spec) -> Iterator[_Finding]:
    yield from _capacity(spec)
    for number, rule in enumerate(spec.eligibility):
        yield from _rule(rule, f"$.eligibility[{number}]", spec)
    if spec.apps is not UNSET:
        yield from _twice("$.apps", spec.apps)
    yield from _strategy(spec.strategy)
    yield from _sticky(spec.sticky)
    if spec.hours is not UNSET:
        yield from _hours(spec.hours)


def _capacity(spec: Spec) -> Iterator[_Finding]:
    capacity = spec.capacity
    for number, agent in enumerate(capacity.agents):
        if (agent.id is UNSET) == (agent.email is UNSET):
            yield f"$.capacity.agents[{number}]", "name the agent by `id` or by `email`, one of the two"
    yield from _twice(
        "$.capacity.agents", [_fold(one.id if one.email is UNSET else one.email) for one in capacity.agents]
    )
    yield from _twice("$.capacity.divisions", [_fold(one.name) for one in capacity.divisions])
    if capacity.divisions and Strategy.PLATFORM in spec.strategy:
        yield "$.capacity.divisions", _NO_DIVISIONS
    for number, channel in enumerate(capacity.channels):
        if channel.source is UNSET and channel.channel_id is UNSET:
            yield f"$.capacity.channels[{number}]", "name a `source`, a `channelId`, or both"
    yield from _twice("$.capacity.channels", [(one.source, one.channel_id) for one in capacity.channels])


def _rule(rule: Rule, path: str, spec: Spec) -> Iterator[_Finding]:
    if rule.divisions is UNSET and rule.agents is UNSET:
        yield path, "says of nobody that they may: give `divisions`, `agents`, or both"
    if rule.divisions is not UNSET:
        yield from _twice(f"{path}.divisions", map(_fold, rule.divisions))
        if Strategy.PLATFORM in spec.strategy:
            yield f"{path}.divisions", _NO_DIVISIONS
    if rule.agents is not UNSET:
        yield from _twice(f"{path}.agents", rule.agents)
    if rule.when.sources is not UNSET:
        yield from _twice(f"{path}.when.sources", rule.when.sources)
    if rule.when.channel_ids is not UNSET:
        yield from _twice(f"{path}.when.channelIds", rule.when.channel_ids)


_NO_DIVISIONS = "with strategy platform nobody's divisions are known: name agents instead"


def _strategy(strategy: list[Strategy]) -> Iterator[_Finding]:
    yield from _twice("$.strategy", strategy)
    if Strategy.PLATFORM in strategy and len(strategy) > 1:
        yield "$.strategy", "platform chooses alone: name no other beside it"
    if Strategy.STICKY in strategy[1:]:
        yield f"$.strategy[{strategy.index(Strategy.STICKY)}]", "sticky comes first in the chain"


def _sticky(sticky: StickySpec) -> Iterator[_Finding]:
    if not 0 < seconds_of(sticky.for_) <= STICKY_MAX_S:
        yield "$.sticky.for", "more than 0s, and at most 720h"
    if seconds_of(sticky.patience) > PATIENCE_MAX_S:
        yield "$.sticky.patience", "at most 24h"


def _hours(hours: HoursSpec) -> Iterator[_Finding]:
    try:
        ZoneInfo(hours.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield "$.hours.timezone", f"no time zone is called `{hours.timezone}`; one is called Asia/Jakarta, another UTC"
    for number, interval in enumerate(() if hours.open is UNSET else hours.open):
        path = f"$.hours.open[{number}]"
        if interval.from_ == interval.to:
            yield f"{path}.to", "the interval ends as it begins; all day is from 00:00 to 24:00"
        yield from _twice(f"{path}.days", interval.days)
    for number, closed in enumerate(hours.closed):
        if not _exists(closed.date):
            yield f"$.hours.closed[{number}].date", f"there is no day {closed.date}"
    yield from _twice("$.hours.closed", [one.date for one in hours.closed])


def _exists(day: str) -> bool:
    try:
        date.fromisoformat(day)
    except ValueError:
        return False
    return True


def _twice(path: str, items: Iterable[Hashable]) -> Iterator[_Finding]:
    seen: set[Hashable] = set()
    for number, item in enumerate(items):
        if item in seen:
            yield f"{path}[{number}]", "named twice"
        seen.add(item)


def _fold(name: Any) -> Any:
    return name.strip().casefold() if isinstance(name, str) else name


def _explained(reason: str, path: str) -> str:
    """What msgspec found, with what is allowed there."""
    if "unknown field" in reason:
        return f"{reason}; allowed here: {', '.join(_fields_at(path))}"
    if "Invalid enum value" in reason:
        return f"{reason}; allowed: {', '.join(_values_at(path))}"
    if "array` of length >= 1" in reason:
        return "empty: name at least one, or leave it out"
    name = next((step for step in reversed(steps_of(path)) if not step.isdigit()), "")
    return f"Expected {_WORDS[name]}" if "`str`" in reason and name in _WORDS else reason


def _fields_at(path: str) -> list[str]:
    kind = _type_at(path)
    return [field.encode_name for field in kind.fields] if isinstance(kind, inspect.StructType) else []


def _values_at(path: str) -> list[str]:
    kind = _type_at(path)
    return [str(one.value) for one in kind.cls] if isinstance(kind, inspect.EnumType) else []


def _type_at(path: str) -> inspect.Type:
    kind = inspect.type_info(Spec)
    for step in steps_of(path):
        kind = _inner(kind)
        if isinstance(kind, inspect.ListType):
            kind = kind.item_type
        elif isinstance(kind, inspect.StructType):
            kind = next(field.type for field in kind.fields if field.encode_name == step)
    return _inner(kind)


def _inner(kind: inspect.Type) -> inspect.Type:
    """What a field holds, without its description and without that it may be left out."""
    while isinstance(kind, inspect.Metadata | inspect.UnionType):
        kind = kind.type if isinstance(kind, inspect.Metadata) else kind.types[0]
    return kind
