"""A policy, tried on what is the case now: who would get whom, and who would wait and why. Decides nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf

from allocator.core.foreign import Foreign, Readings, as_found, believed, readings_after
from allocator.core.ids import AgentId, Lane, RoomId
from allocator.core.plan import Plan, Snapshot, head_of, plan
from allocator.core.policy import Policy
from allocator.core.roster import Load, Roster
from allocator.core.session import Session

UNLIMITED = 1_000_000
"""A trial starts no calls, so their number is no limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """What is the case in an app."""

    at: datetime
    loads: Mapping[AgentId, Load]
    heads: Mapping[Lane, Sequence[Session]]
    rosters: Mapping[Lane, Roster]
    last_agents: Mapping[RoomId, AgentId]
    """As the policy that is tried wants it."""


def tried(policy: Policy, present: Present, lag_s: float) -> Plan:
    """What ``policy`` would do, were everybody told at once."""
    last = present.last_agents
    heads = {
        lane: tuple(head_of(one, present.at, last.get(one.room)) for one in line)
        for lane, line in present.heads.items()
    }
    snapshot = Snapshot(
        policy=policy,
        at=present.at,
        heads=heads,
        rosters=present.rosters,
        awaited=frozenset(),
        loads=present.loads,
        foreign=_foreign(present, lag_s),
        gate=None,
        budget=UNLIMITED,
    )
    return plan(snapshot)


def _foreign(present: Present, lag_s: float) -> Foreign:
    """As a leader has it that has just begun."""
    readings: Readings = {}
    held = as_found(present.loads, inf)
    for _, roster in sorted(present.rosters.items()):
        readings = readings_after(readings, roster, present.loads, held, lag_s=lag_s, kept_s=inf)
    return believed(readings, -inf)
