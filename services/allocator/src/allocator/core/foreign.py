"""How many customers an agent has that are not ours (given by hand, taken over), by the platform's late counts.

A count is what was the case at some moment of the last ``lag_s``, nobody knows which. How many we held we know of each
of them. So a count is read as an interval of customers that are not ours:

    at least    count - the most that we held in that time
    at most     count - what we hold now

The two are the same while nothing of ours ends. An end opens it: does the count still hold our customer, or
somebody else's in their place? To wait until that is certain would cost the next customer seconds; to take it for ours
gives an agent one too many to whom somebody gave a customer by hand just then. Believed is the larger of two figures:

- what any reading of the last ``kept_s`` *proves*: the largest "at least";
- what no reading of the last ``trusted_s`` *excludes*: the smallest "at most".

A reading from before an end excludes it, so a slot that comes free is given to who waits at once. Only where that
reading is too old by now, and no later one tells the two apart, the slot stays empty until the count has caught up. So
who was given by hand counts after ``lag_s`` and ``trusted_s`` at the latest.

A slot that is given out again in the round in which it came free was held all the time, for this purpose. One that was
held for who is served no more (in doubt, or the end was told late) hides somebody else's customer until it is given
up: then it was never held, and what was counted last is looked at again.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import inf

from allocator.core.ids import AgentId
from allocator.core.roster import IDLE, Load, Roster, Seen

Foreign = Mapping[AgentId, int]
"""How many customers that are not ours an agent has, cautiously; nobody who has none."""

NOTHING: frozenset[int] = frozenset()

_Since = tuple[float, frozenset[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Which slots of each agent were occupied, each time with since when, oldest first; nothing is known of the time
    before ``since``.
    """

    since: float
    slots: Mapping[AgentId, tuple[_Since, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the count that was read at ``at`` says of the customers that are not ours."""

    at: float
    least: int
    most: int


Readings = Mapping[AgentId, tuple[Reading, ...]]
"""Of each agent those that still say something."""


def as_found(loads: Mapping[AgentId, Load], since: float) -> Held:
    """What a leader knows that begins at ``since``."""
    return Held(since=since, slots={agent: ((since, load.taken),) for agent, load in loads.items()})


def held_after(held: Held, slots: Mapping[AgentId, frozenset[int]], now: float, kept_s: float) -> Held:
    """``held`` when these are occupied from ``now`` on, without what was over ``kept_s`` ago."""
    known = dict(held.slots)
    for agent, taken in slots.items():
        line = known.get(agent) or ((held.since, NOTHING),)
        if line[-1][1] != taken:
            known[agent] = _then(tuple(_lasting(line, now, kept_s)), now, taken)
    return Held(since=held.since, slots=known)


def _then(line: tuple[_Since, ...], now: float, taken: frozenset[int]) -> tuple[_Since, ...]:
    return line if line and line[-1][1] == taken else (*line, (now, taken))


def _lasting(line: tuple[_Since, ...], now: float, kept_s: float) -> Iterator[_Since]:
    """Without what began in the round that is ``now``, and what ended long ago."""
    for one, (end, _) in pairwise((*line, (now, NOTHING))):
        if one[0] < end and end > now - kept_s:
            yield one


def never_held(held: Held, slots: Mapping[AgentId, frozenset[int]]) -> Held:
    """``held`` as if ``slots`` had been free."""
    known = dict(held.slots)
    for agent, freed in slots.items():
        known[agent] = tuple((at, taken - freed) for at, taken in known.get(agent, ()))
    return Held(since=held.since, slots=known)


def readings_after(
    readings: Readings, roster: Roster, loads: Mapping[AgentId, Load], held: Held, *, lag_s: float, kept_s: float
) -> Readings:
    """``readings`` with what ``roster`` shows, and without what is older than ``kept_s`` before it."""
    known = dict(readings)
    for seen in roster.agents:
        new = _read(seen, roster.read_at, lag_s, loads.get(seen.agent, IDLE), held)
        known[seen.agent] = (*_worth(known.get(seen.agent, ()), new, kept_s), new)
    return known


def _read(seen: Seen, at: float, lag_s: float, load: Load, held: Held) -> Reading:
    counts = _held_since(held.slots.get(seen.agent, ()), at - lag_s)
    left = counts[-1]
    if at - lag_s < held.since:  # whose end another leader was told of may be counted
        counts.append(len(load.taken) + load.closed)
    return Reading(at=at, least=max(0, seen.count - max(counts)), most=max(0, seen.count - left))


def _held_since(line: tuple[_Since, ...], begin: float) -> list[int]:
    """How many slots were occupied at one time or another since ``begin``."""
    if not line:
        return [0]
    ends = (*(at for at, _ in line[1:]), inf)
    return [len(taken) for (_, taken), end in zip(line, ends, strict=True) if end > begin]


def _worth(before: Iterable[Reading], new: Reading, kept_s: float) -> Iterator[Reading]:
    """Those that are not too old, and say more than a later one."""
    for old in before:
        says_more = old.least > new.least or old.most < new.most or old.at > new.at
        if says_more and old.at > new.at - kept_s:
            yield old


def believed(readings: Readings, trusted_from: float) -> Foreign:
    """What to believe when a reading excludes something until it is older than ``trusted_from``; the last one does in
    any case.
    """
    found = {agent: _believed(line, trusted_from) for agent, line in readings.items() if line[-1].most or len(line) > 1}
    return {agent: count for agent, count in found.items() if count}


def _believed(line: tuple[Reading, ...], trusted_from: float) -> int:
    proven = max(one.least for one in line)
    trusted_from = min(trusted_from, max(one.at for one in line))
    return max(proven, min(one.most for one in line if one.at >= trusted_from))
