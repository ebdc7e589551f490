"""What each thing that happens does to a session: one pure function for each kind of thing.

    on_waiting    the platform says that the customer waits        (webhook)
    on_resolved   the platform says that the session is over       (webhook)
    reserve       the plan gave it a slot
    on_outcome    an assign call came back, or did not
    on_view       its room was read, and showed something       (``core.readings``)
    on_recovery   a new leader found it unsettled
    on_clock_back a new leader found times in it that lie ahead of its own clock
    on_due        its time to be looked at came
    on_room       a person asked for something                  (``core.requests``)

The rule behind them: **while a request may still land, neither the room nor the slot is given to anyone
else**, and a request is only sent again for the same agent. It may still land until ``quarantine_s`` after we
gave up on it (``unknown_at``), also when another request for the same agent has landed meanwhile, and also when the
conversation is over: it would land in the customer's next one. So a customer who comes back within that time can only
be given that agent, and is, in their turn.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from allocator.core import outcomes as o
from allocator.core.ids import AgentId, SessionId
from allocator.core.session import OPEN, UNSETTLED, Session, State, moved, opened

SPACED_OUT = {State.WAITING: 2, State.RESERVED: 3, State.DOUBT: 3}
"""Looks at the room of somebody who has no agent are not spaced out further than after so many: with each, others
pass. That the platform is not asked too often while it is away is the breaker's business."""

TOLD = ("resolved", "the customer came back")
"""The endings that an event told us of when they had just happened. Of the others the platform may know long since."""

AVOID_MAX = 16
"""So many refused agents are remembered for a room; the oldest is forgotten, and may be tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Durations of the protocol, in seconds. Checked against each other where the settings are read."""

    platform_timeout_s: float
    """After this an unanswered call is given up."""
    quarantine_s: float
    """A request that was given up may still land for so long."""
    first_look_s: float
    """How long after a first unknown outcome the room is read; doubles from there."""
    longest_look_s: float
    lag_s: float
    """The platform's reads may be older than this: a fresh wait or a fresh assignment may not show yet."""
    refusals_max: int
    """So many refusals park a session."""


def on_waiting(session: Session, at: datetime, now: datetime, timing: Timing) -> Session:
    """An allocation webhook for a room that has an open session; ``at``: when the inbox accepted it.

    Mostly a repetition. For an assigned session it is a signal: either the message crossed our assignment,
    or the agent was taken out, or the session is over and its resolve has not arrived. The room tells.
    """
    if session.state is State.ASSIGNED:
        assert session.assigned_at is not None
        look_at = max(now, session.assigned_at + timedelta(seconds=timing.lag_s))
        return replace(session, again_at=session.again_at or at, due_at=session.due_at or look_at)
    if session.state in UNSETTLED and session.resolve_seen:
        due_at = now if session.state is State.DOUBT else session.due_at
        return replace(session, again_at=session.again_at or at, due_at=due_at)
    return session


def on_resolved(
    session: Session, now: datetime, timing: Timing, *, at: datetime | None = None, number: int | None = None
) -> Session:
    """A resolve webhook for a room that has an open session; ``at``: when the inbox accepted it, ``number``: what
    the platform calls the session that it ended.
    """
    match session.state:
        case State.ASSIGNED if may_land(session, now, timing):
            last = largest(session.previous, number)
            return moved(session, State.DOUBT, previous=last, resolve_seen=True, due_at=now)
        case State.ASSIGNED if not session.reopened and not is_before_announcement(session, at):
            return ended(session, State.RESOLVED, now, as_told(TOLD[0], at, now, timing), at=at)
        case State.ASSIGNED:
            return replace(session, previous=largest(session.previous, number), due_at=now)
        case State.WAITING:  # withdrawn, or a late resolve of the room's previous session: the room tells
            return replace(session, verify=True, due_at=now)
        case _:
            newer = number is not None and (session.previous is None or number > session.previous)
            again_at = None if newer else session.again_at  # who had come back is gone again
            return replace(session, previous=largest(session.previous, number), resolve_seen=True, again_at=again_at)


def as_told(ending: str, at: datetime | None, now: datetime, timing: Timing) -> str:
    """``ending``, or where the inbox heard of it longer ago than the platform is late, a word that says so: what nobody
    wrote down while a store was away does not show in the platform's counts any more.
    """
    late = at is not None and now - at > timedelta(seconds=timing.lag_s)
    return f"{ending}, written down late" if late else ending


def is_before_announcement(session: Session, at: datetime | None) -> bool:
    """Whether what the inbox accepted at ``at`` speaks of a time before the request that gave ``session`` its agent.

    Such a request lands in whatever session the room has by then, which may be the next one.
    """
    return at is not None and session.reserved_at is not None and at < session.reserved_at


def may_land(session: Session, seen_at: datetime, timing: Timing) -> bool:
    """Whether a request that was given up may still land, as far as what was seen at ``seen_at`` can tell; what the
    platform shows may be ``lag_s`` old.
    """
    return session.unknown_at is not None and seen_at < landed_by(session.unknown_at, timing)


def landed_by(unknown_at: datetime, timing: Timing) -> datetime:
    """When what was given up at ``unknown_at`` cannot land any more, as the platform shows it."""
    return unknown_at + timedelta(seconds=timing.quarantine_s + timing.lag_s)


def largest(*numbers: int | None) -> int | None:
    """The largest of those of the platform's numbers that are known."""
    return max((number for number in numbers if number is not None), default=None)


def reserve(session: Session, *, agent: AgentId, slot: int, capacity: int, version: int, now: datetime) -> Session:
    """The plan gave ``session`` slot ``slot`` of ``agent``. Written down; the platform is not told yet."""
    return moved(
        session,
        State.RESERVED,
        agent=agent,
        slot=slot,
        capacity=capacity,
        policy_version=version,
        reserved_at=now,
        unknown_at=None,
        tries=0,
    )


def on_outcome(session: Session, outcome: o.Outcome, now: datetime, timing: Timing) -> Session:
    """An assign call for ``session`` came back with ``outcome``, or did not come back."""
    match outcome:
        case o.Done():  # this request; one that was given up before it may still land
            return assigned(session, now, unknown_at=session.unknown_at)
        case o.SomebodyThere():
            return moved_to_doubt(session, due_at=now)
        case o.Unknown():
            due_at = now + until_next_look(session, timing)
            return moved_to_doubt(session, unknown_at=now, tries=session.tries + 1, due_at=due_at)
        case _ if session.unknown_at is not None:
            return _refused_in_doubt(session, session.unknown_at, outcome, now, timing)
        case _:
            return _without_effect(session, outcome, now, timing)


def on_recovery(session: Session, now: datetime, *, over: bool) -> Session:
    """A new leader found ``session`` unsettled: its predecessor may have a request under way, for the same agent.

    What was reserved is announced again at once, which that request cannot harm: whichever comes second is
    refused. So it keeps its place before those who came later. ``over``: the inbox tells of an end in that room, so
    the request may have landed and more may have happened: look first.
    """
    if session.state is State.DOUBT or over:
        return moved_to_doubt(session, unknown_at=now, due_at=now)
    return replace(session, unknown_at=now, due_at=None, reserved_at=now)


def farthest(timing: Timing) -> timedelta:
    """No session is ever due longer than this from now on."""
    return timedelta(seconds=max(timing.quarantine_s + timing.lag_s, timing.longest_look_s) + 1)


def on_clock_back(session: Session, now: datetime) -> Session:
    """A predecessor's clock ran far ahead of ours. What it put off would never come; what it saw was a while ago."""
    return replace(
        session,
        due_at=None if session.due_at is None else now,
        assigned_at=_by(session.assigned_at, now),
        checked_at=_by(session.checked_at, now),
        unknown_at=_by(session.unknown_at, now),
    )


def on_due(session: Session) -> Session:
    """Its time came. A session that waited out a back-off is in the backlog again, at its old place."""
    return replace(session, due_at=None)


def needs_view(session: Session) -> bool:
    """Whether what is due is a look at the room (else a back-off ends)."""
    return session.state is not State.WAITING or session.verify


def ended(session: Session, state: State, now: datetime, why: str, *, at: datetime | None = None) -> Session:
    """``session`` at its end. Its slot is free; who served it is kept. ``at``: when the inbox heard of the end; what
    begins there, if the customer wrote again before, begins no earlier.
    """
    again_at = None if session.again_at is None else max(session.again_at, at or now)
    return moved(
        session,
        state,
        slot=None,
        capacity=None,
        due_at=None,
        verify=False,
        ended_at=now,
        again_at=again_at,
        ending=why,
    )


def successor(session: Session, number: int | None = None) -> Session | None:
    """The session that begins where ``session`` ended, when the customer wrote again before the end came.
    ``number``: what the platform calls ``session``, where it told.

    Its room is read first: the message may have crossed the end.
    """
    if session.state in OPEN or session.again_at is None:
        return None
    digest = sha256(f"{session.id} again".encode()).hexdigest()[:32]
    return opened(
        id=SessionId(digest),
        app=session.app,
        room=session.room,
        lane=session.lane,
        since=session.again_at,
        previous=largest(number, session.previous),
        look_at=session.ended_at,
    )


def moved_to_doubt(session: Session, **changes: object) -> Session:
    """``session`` in DOUBT, with its agent and its slot."""
    if session.state is State.DOUBT:
        return replace(session, **changes)  # type: ignore[arg-type]  # replace() checks no types
    return moved(session, State.DOUBT, **changes)


def assigned(session: Session, now: datetime, *, unknown_at: datetime | None = None) -> Session:
    """Its agent is in the room. ``unknown_at``: of another request that may still land."""
    return moved(
        session,
        State.ASSIGNED,
        assigned_at=now,
        due_at=now if session.resolve_seen else None,
        unknown_at=unknown_at,
        tries=0,
        avoid=(),
        resolve_seen=False,
    )


def _without_effect(session: Session, outcome: o.Outcome, now: datetime, timing: Timing) -> Session:
    """A first and only request that surely changed nothing."""
    match outcome:
        case o.AlreadyOver():
            return ended(session, State.WITHDRAWN, now, "resolved before it was assigned")
        case o.RoomRefused(reason):
            return ended(session, State.PARKED, now, reason)
        case o.AgentRefused(reason):
            return _try_another(session, reason, now, timing)
        case _:  # the app is paused as a whole; the session keeps its place
            return released(session, now)


def _try_another(session: Session, reason: str, now: datetime, timing: Timing) -> Session:
    if session.refusals + 1 >= timing.refusals_max:
        return ended(session, State.PARKED, now, reason)
    assert session.agent is not None
    avoid = (*session.avoid, session.agent)[-AVOID_MAX:]
    free = replace(released(session, now), refusals=session.refusals + 1, avoid=avoid)
    if free.verify or not session.refusals:
        return free
    # Out of the way of those behind it while it keeps being refused, but never out of its place.
    return replace(free, due_at=now + pause(session.refusals, timing))


def _refused_in_doubt(
    session: Session, unknown_at: datetime, outcome: o.Outcome, now: datetime, timing: Timing
) -> Session:
    """This request changed nothing, but an earlier one may still land."""
    if isinstance(outcome, o.AlreadyOver):  # nothing lands in a resolved room, but it may be opened again
        return moved_to_doubt(session, due_at=now, resolve_seen=True)
    if isinstance(outcome, o.NotNow | o.CredentialsRefused | o.NotSent):
        return moved_to_doubt(session, due_at=now + until_next_look(session, timing), tries=session.tries + 1)
    return moved_to_doubt(session, due_at=landed_by(unknown_at, timing))


def released(session: Session, now: datetime) -> Session:
    """Back to the backlog, at its old place, without agent and slot."""
    look = session.resolve_seen
    return moved(
        session,
        State.WAITING,
        agent=None,
        slot=None,
        capacity=None,
        assigned_at=None,
        unknown_at=None,
        verify=look,
        due_at=now if look else None,
        resolve_seen=False,
    )


def _by(at: datetime | None, now: datetime) -> datetime | None:
    return None if at is None else min(at, now)


def until_next_look(session: Session, timing: Timing) -> timedelta:
    """How long until its room is read again."""
    return pause(min(session.tries, SPACED_OUT.get(session.state, session.tries)), timing)


def pause(tries: int, timing: Timing) -> timedelta:
    """Longer with each try, up to a limit."""
    return timedelta(seconds=min(timing.first_look_s * 2 ** min(tries, 16), timing.longest_look_s))
