"""What is written down of a session's life at the moment it is decided, for whoever asks later: "why?".

A step is written in the transaction that it tells of. Each change of state has one; a wait has one when the reason
changes for somebody who is first in their lane (those behind wait for the first). Nothing is ever decided by them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from allocator.core import outcomes as o
from allocator.core.changes import Changes
from allocator.core.ids import AgentId, AppId, Lane, RoomId, SessionId
from allocator.core.plan import Reservation
from allocator.core.policy import Policy
from allocator.core.reasons import WaitReason
from allocator.core.session import Session, State


class What(StrEnum):
    """The kinds of steps, in the order of a life: of steps of one moment, the earlier one here came first."""

    RECORDED = "recorded"
    IN_QUESTION = "in_question"
    """The room is read before it is given to anyone."""
    BACK = "back"
    """It waits again, at its old place."""
    WAITS = "waits"
    RESERVED = "reserved"
    AGAIN = "again"
    """The same agent is sent once more."""
    DOUBT = "doubt"
    ASSIGNED = "assigned"
    RESOLVED = "resolved"
    WITHDRAWN = "withdrawn"
    PARKED = "parked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step. ``why``: a word or a few; ``facts``: what else was known, small."""

    app: AppId
    room: RoomId
    session: SessionId
    at: datetime
    what: What
    why: str | None
    agent: AgentId | None
    facts: Mapping[str, Any]


Facts = Mapping[str, Any]

NOTHING: Facts = {}

_OF_STATES = {
    State.WAITING: What.BACK,
    State.RESERVED: What.AGAIN,
    State.DOUBT: What.DOUBT,
    State.ASSIGNED: What.ASSIGNED,
    State.RESOLVED: What.RESOLVED,
    State.WITHDRAWN: What.WITHDRAWN,
    State.PARKED: What.PARKED,
}


def step_of(before: Session | None, after: Session, now: datetime, facts: Mapping[str, Any] = NOTHING) -> Step | None:
    """What is to be told of a row that becomes ``after``, if anything is. ``facts``: what made it so."""
    if before is None:
        return _step(after, now, What.RECORDED, None, {"lane": after.lane, **facts})
    if before.state is not after.state:
        step = _step(after, now, _OF_STATES[after.state], after.ending, facts)
        return step if step.agent is not None else replace(step, agent=before.agent)
    if after.verify and not before.verify:
        return _step(after, now, What.IN_QUESTION, None, facts)
    if after.state is State.RESERVED and after.reserved_at != before.reserved_at:
        return _step(after, now, What.AGAIN, None, facts)
    return None


def steps_of(changes: Changes, now: datetime, facts: Facts = NOTHING) -> list[Step]:
    """The same of all of ``changes``."""
    steps = (step_of(before, after, now, facts) for before, after in changes)
    return [step for step in steps if step is not None]


def step_of_choice(session: Session, given: Reservation, policy: Policy, now: datetime) -> Step:
    """Why ``session`` was given to whom it was, and against whom."""
    facts = {
        "slot": given.slot,
        "capacity": given.capacity,
        "policy": policy.version,
        "by": [str(strategy) for strategy in policy.strategy],
        "rank": given.rank[:-1],
        "against": given.against,
    }
    return _step(session, now, What.RESERVED, None, facts)


def step_of_wait(session: Session, reason: WaitReason, policy: Policy, now: datetime) -> Step:
    """``session`` is first in its lane and waits for ``reason``."""
    halt = policy.halt if reason is WaitReason.PAUSED_BY_HAND else None
    return _step(session, now, What.WAITS, str(reason), NOTHING if halt is None else {"by": halt.by})


def facts_of(answer: o.Outcome | o.View) -> dict[str, Any]:
    """What the platform answered, in a word, and its reason if it gave one."""
    because = answer.because if isinstance(answer, o.NotSeen) else answer
    word = re.sub(r"(?<!^)([A-Z])", r"_\1", type(because).__name__).lower()
    more = {item.name: getattr(because, item.name) for item in fields(because)}
    return {"platform": word, **more}


def _step(session: Session, at: datetime, what: What, why: str | None, facts: Facts) -> Step:
    return Step(
        app=session.app,
        room=session.room,
        session=session.id,
        at=at,
        what=what,
        why=why,
        agent=session.agent,
        facts={name: _rounded(fact) for name, fact in facts.items()},
    )


def _rounded(fact: Any) -> Any:
    """Numbers to thousandths: more says nothing, and takes room."""
    if isinstance(fact, float):
        return round(fact, 3)
    return [_rounded(one) for one in fact] if isinstance(fact, list | tuple) else fact


PASSING = frozenset({WaitReason.ASKING, WaitReason.CALLS_AT_LIMIT, WaitReason.LEAD_IN_QUESTION})
"""Reasons that are over in a moment, as a rule; they are told when they are not."""
PASSING_FOR = timedelta(seconds=3)
SPACED_MAX = timedelta(minutes=1)


@dataclass(slots=True)
class _Told:
    session: SessionId
    reason: WaitReason | None
    at: datetime
    times: int
    other: WaitReason | None
    other_since: datetime


class WaitsTold:
    """Which wait reasons were told already, for those who are first in their lanes: only what changes is told again,
    and what keeps changing is told less and less often (the n-th time no sooner than n seconds after the one before,
    up to a minute). Can be lost at any time: then they are told once more.
    """

    def __init__(self) -> None:
        self._told: dict[Lane, _Told] = {}

    def changed(
        self, firsts: Mapping[Lane, Session], reasons: Mapping[SessionId, WaitReason], now: datetime
    ) -> list[tuple[Session, WaitReason]]:
        """Of ``firsts``, who wait now for ``reasons``, those to tell of; from here on they were told."""
        told = {lane: self._of(lane, first, now) for lane, first in firsts.items()}
        self._told = told
        news = (firsts[lane] for lane, one in told.items() if _is_news(one, reasons[one.session], now))
        return [(first, reasons[first.id]) for first in news]

    def clear(self) -> None:
        """What was told last may not have been written down."""
        self._told = {}

    def _of(self, lane: Lane, first: Session, now: datetime) -> _Told:
        known = self._told.get(lane)
        if known is not None and known.session == first.id:
            return known
        return _Told(session=first.id, reason=None, at=now, times=0, other=None, other_since=now)


def _is_news(told: _Told, reason: WaitReason, now: datetime) -> bool:
    if reason is told.reason:
        told.other = None
        return False
    if reason is not told.other:
        told.other, told.other_since = reason, now
    lasts = not (reason in PASSING and now - told.other_since < PASSING_FOR)
    spaced = now - told.at >= min(timedelta(seconds=told.times), SPACED_MAX)
    if not (lasts and spaced):
        return False
    told.reason, told.at, told.times, told.other = reason, now, told.times + 1, None
    return True
