"""The second half of a round's transaction: the plan is made, and the slots it gives out are written down."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from allocator.core import lifecycle
from allocator.core.chances import Planned
from allocator.core.changes import Changes
from allocator.core.ids import AgentId, Lane, RoomId
from allocator.core.plan import Plan, plan, why_shut
from allocator.core.policy import Policy
from allocator.core.session import Session
from allocator.core.steps import Step, step_of_choice, step_of_wait
from allocator.ports import Transaction
from allocator.rounds.desk import Desk, Moment

SUSPECTED_MAX = 64
HEADS_AT_LEAST = 4
"""So many of each lane are read before it is known how many are wanted; more where more were wanted the last time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """``sessions`` are to be announced, in order; for each of ``ask`` the roster of its lane is to be
    read, for each of ``view`` its room: the platform counts fewer customers of its agent than we do.
    """

    sessions: Sequence[Session]
    ask: Sequence[Session]
    view: Sequence[Session]
    platform_chooses: bool
    planned: Planned
    waiting: Sequence[Session]
    """Who waits and is first in their lane."""
    steps: Sequence[Step]
    """What there is to tell of it."""


async def reserve(tx: Transaction, desk: Desk, under_way: int, moment: Moment, lag_s: float) -> Reserved:
    """Decide who gets whom in the app of ``desk``, and write it down."""
    ahead = max(desk.wanted, HEADS_AT_LEAST)
    survey = await tx.survey(desk.app, moment.wall - timedelta(seconds=lag_s), ahead)
    policy, loads = survey.policy, survey.loads
    if policy.version != desk.in_use:
        await tx.use_policy(desk.app, policy.version, moment.wall)
    desk.compare(loads, moment.now)
    budget = desk.budget(under_way, moment.now)
    desk.wanted = desk.heads_wanted(policy, loads, budget, moment.now)
    heads = survey.heads if desk.wanted <= ahead else await tx.heads(desk.app, desk.wanted)
    heads = {lane: line[: desk.wanted] for lane, line in heads.items()}
    last = await _last_agents(tx, desk, policy, heads, moment)
    made = plan(desk.snapshot(policy, loads=loads, heads=heads, last_agents=last, budget=budget, moment=moment))
    changes = _changes(made, heads, policy, moment.wall)
    firsts = _firsts(heads, made)
    steps = [*_steps(made, changes, policy, moment.wall), *_waits(desk, firsts, made, policy, moment.wall)]
    await tx.write(changes, steps)
    desk.planned(policy, heads, made, moment.now)
    return Reserved(
        sessions=changes.after,
        ask=desk.to_ask(heads, moment.now),
        view=await _suspected(tx, desk, moment, lag_s),
        platform_chooses=policy.asks_platform,
        planned=Planned(app=desk.app, at=moment.wall, heads=heads, made=made, loads=loads),
        waiting=tuple(firsts.values()),
        steps=steps,
    )


async def _last_agents(
    tx: Transaction, desk: Desk, policy: Policy, heads: Mapping[Lane, Sequence[Session]], moment: Moment
) -> Mapping[RoomId, AgentId]:
    """Who served the rooms of ``heads`` last, where the policy cares."""
    if policy.sticky is None or not heads or why_shut(policy, moment.wall) is not None:
        return {}
    rooms = [session.room for line in heads.values() for session in line]
    return await tx.last_agents(desk.app, rooms, moment.wall - timedelta(seconds=policy.sticky.remembered_s))


async def _suspected(tx: Transaction, desk: Desk, moment: Moment, lag_s: float) -> Sequence[Session]:
    suspects = desk.suspects(moment.now)
    if not suspects:
        return ()
    return await tx.served_by(desk.app, suspects, moment.wall - timedelta(seconds=2 * lag_s), SUSPECTED_MAX)


def _steps(made: Plan, changes: Changes, policy: Policy, now: datetime) -> Iterator[Step]:
    sessions = {session.id: session for session in changes.after}
    for given in made.reservations:
        yield step_of_choice(sessions[given.session], given, policy, now)


def _waits(desk: Desk, firsts: Mapping[Lane, Session], made: Plan, policy: Policy, now: datetime) -> Iterator[Step]:
    for session, reason in desk.waits_told.changed(firsts, made.reasons, now):
        yield step_of_wait(session, reason, policy, now)


def _firsts(heads: Mapping[Lane, Sequence[Session]], made: Plan) -> Mapping[Lane, Session]:
    """Who is first in each lane now."""
    left = {lane: [one for one in line if one.id in made.reasons] for lane, line in heads.items()}
    return {lane: line[0] for lane, line in left.items() if line}


def _changes(made: Plan, heads: Mapping[Lane, Sequence[Session]], policy: Policy, now: datetime) -> Changes:
    sessions = {session.id: session for lane in heads.values() for session in lane}
    changes = Changes()
    for given in made.reservations:
        before = sessions[given.session]
        after = lifecycle.reserve(
            before, agent=given.agent, slot=given.slot, capacity=given.capacity, version=policy.version, now=now
        )
        changes.note(before, after)
    return changes
