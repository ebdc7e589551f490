"""How fairly sessions went to agents, and how far the order was from first come first served. Pure.

*Evenness*: an agent's due is their share of the slots that were open: their capacity, for as long as they were seen
online. Evenness is 1 less the share of the sessions that went to somebody else than was due; less than one session more
or less is nobody's fault and does not count. What a policy wants (``sticky``, rules, caps) shows in it too.

*Turn*: the share of the sessions that were given out in their turn: nobody of their lane who came later was given to an
agent before them. Who waits for an agent of their own is passed, and counts.

Older facts weigh less: half as much every ``HALF_LIFE_S``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from allocator.core.ids import AgentId, Lane

HALF_LIFE_S = 1800.0
GAP_MAX_S = 10.0
"""Nobody looked for longer than that: who was online meanwhile is not known, and does not count."""
NEGLIGIBLE = 1e-6
FEW = 0.5
"""With less than half a session left, long ago, there is nothing to tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A session that was given to an agent for the first time. ``since``: its place."""

    agent: AgentId
    lane: Lane
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What is remembered of one app, at ``at`` (seconds on the clock that does not jump; None: nothing yet)."""

    at: float | None
    open: Mapping[AgentId, float]
    """Slot-seconds that were open, taken or free."""
    given: Mapping[AgentId, float]
    passed: float
    newest: Mapping[Lane, datetime]
    """The latest place in each lane that was given out."""


NOTHING = Tally(at=None, open={}, given={}, passed=0.0, newest={})


def tallied(tally: Tally, now: float, online: Mapping[AgentId, int], given: Iterable[Given]) -> Tally:
    """``tally`` with what happened since: ``online`` are the capacities of those who are, ``given`` is in order."""
    seconds = 0.0 if tally.at is None else max(0.0, now - tally.at)
    kept = 0.5 ** (seconds / HALF_LIFE_S)
    opened = {agent: slots * min(seconds, GAP_MAX_S) for agent, slots in online.items()}
    counts: dict[AgentId, float] = {}
    newest, passed = dict(tally.newest), tally.passed * kept
    for one in given:
        counts[one.agent] = counts.get(one.agent, 0.0) + 1.0
        passed += one.lane in newest and one.since < newest[one.lane]
        newest[one.lane] = max(newest.get(one.lane, one.since), one.since)
    return Tally(
        at=now,
        open=_faded(tally.open, kept, opened),
        given=_faded(tally.given, kept, counts),
        passed=passed,
        newest=newest,
    )


def evenness(tally: Tally) -> float | None:
    """From 0 to 1: everybody got what was due. None: nothing was given out."""
    given, slots = sum(tally.given.values()), sum(tally.open.values())
    if given < FEW or not slots:
        return None
    agents = {*tally.open, *tally.given}
    wrong = [abs(tally.given.get(agent, 0.0) - given * tally.open.get(agent, 0.0) / slots) for agent in agents]
    return max(0.0, 1.0 - sum(max(0.0, one - 1.0) for one in wrong) / (2 * given))


def turn(tally: Tally) -> float | None:
    """From 0 to 1: all sessions came in their turn. None: nothing was given out."""
    given = sum(tally.given.values())
    return None if given < FEW else max(0.0, 1.0 - tally.passed / given)


def _faded(old: Mapping[AgentId, float], kept: float, new: Mapping[AgentId, float]) -> dict[AgentId, float]:
    faded = {agent: value * kept for agent, value in old.items() if value * kept > NEGLIGIBLE}
    for agent, value in new.items():
        faded[agent] = faded.get(agent, 0.0) + value
    return faded
