"""How long somebody will wait, guessed from how often slots came free lately; or nothing, where that would be a guess.

The place counts how many slots must come free first; each that came free within the last hour (at most ``FREED_MAX``
of them) tells how often they do. Both are small numbers, so the range is wide: with ``k`` seen and ``n`` to come, the
logarithm of the wait has about the variance ``1/n + 1/k``. Of ten waits eight end within it, as long as people go on
as they did; nothing here knows that the lunch break is about to begin.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import exp, sqrt

from allocator.core.answers import Place
from allocator.core.glance import Glance
from allocator.core.ids import AgentId
from allocator.core.reasons import WaitReason

FREED_MIN = 5
"""With fewer nothing is said."""
FREED_MAX = 50
SEEN_WITHIN = timedelta(hours=1)
EIGHT_OF_TEN = 1.2816
"""Standard deviations to each side of the middle of a normal distribution that hold eight of ten."""
QUIET = 4.0
"""When nothing came free for so many times as long as usual, things are not as they were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Seconds from now on; of ten waits one ends before ``least_s`` and one after ``most_s``."""

    seconds: float
    least_s: float
    most_s: float


def expected_wait(place: int, freed: Sequence[datetime], now: datetime) -> Expected | None:
    """For whoever is number ``place``, from 1, of those who wait for the slots that came free at ``freed``; None: not
    known.
    """
    seen = sorted(at for at in freed if now - SEEN_WITHIN <= at <= now)[-FREED_MAX:]
    if len(seen) < FREED_MIN or place < 1:
        return None
    took_s = (now - seen[0]).total_seconds()
    times = len(seen) - 1
    usual_s = took_s / times
    if usual_s <= 0 or (now - seen[-1]).total_seconds() > QUIET * usual_s + 1:
        return None
    seconds = place * usual_s
    spread = exp(EIGHT_OF_TEN * sqrt(1 / place + 1 / times))
    return Expected(seconds=seconds, least_s=seconds / spread, most_s=seconds * spread)


def expected_waits(
    places: Sequence[Place], freed: Sequence[tuple[datetime, AgentId]], glance: Glance | None, now: datetime
) -> list[Expected | None]:
    """For each of ``places``, who are the first of an app: only for those who wait for a slot, nothing else."""
    agents: dict[str, set[int]] = {}
    for seen in () if glance is None else glance.agents:
        for lane in seen.lanes:
            agents.setdefault(lane, set()).add(seen.agent)
    before: Counter[str] = Counter()
    found: list[Expected | None] = []
    for one in places:
        mine = agents.get(one.lane, set())
        number = 1 + sum(count for lane, count in before.items() if lane == one.lane or agents.get(lane, set()) & mine)
        waits = glance is not None and glance.reasons.get(one.lane) == WaitReason.ALL_AT_CAPACITY
        in_turn = one.due_at is None
        times = [at for at, agent in freed if agent in mine] if waits and in_turn else []
        found.append(expected_wait(number, times, now))
        before[one.lane] += in_turn
    return found
