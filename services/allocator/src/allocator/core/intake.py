"""What events do to the sessions of their rooms: a pure fold, in the order of the inbox.

Idempotent by the event's id (the caller passes each only once) and by the platform's session number: a
resolve that comes again under another event id is known by its ``service``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from allocator.core.changes import Changes
from allocator.core.ids import AppId, RoomId, SessionId, lane_of
from allocator.core.lifecycle import (
    TOLD,
    Timing,
    as_told,
    ended,
    is_before_announcement,
    largest,
    may_land,
    moved_to_doubt,
    on_resolved,
    on_waiting,
)
from allocator.core.session import OPEN, UNSETTLED, Session, State, opened
from contract import Event, RoomResolved, RoomWaiting

Room = tuple[AppId, RoomId]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """An event with its place in the order: ``at`` is when the inbox accepted it. ``found``: no webhook told
    us, the sweep did, and what it was shown is as the platform was at ``as_of`` or later.
    """

    event: Event
    at: datetime
    found: bool
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a room's last session ended, or a resolve came for the room. ``service``: the largest number that a
    resolve of the room named; ``previous``: what the last session was told of the one before it.
    """

    at: datetime
    service: int | None
    previous: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the ledger knows about the rooms of some arrivals."""

    fresh: Sequence[Arrival]
    """Those that were not recorded before, in order."""
    sessions: Mapping[Room, Session]
    """Each room's open session."""
    ends: Mapping[Room, End]
    """The last end in each room without an open session, if there was one."""


FIRST = 0
"""The ``previous`` of a room's first session: less than any number of the platform's."""

GHOST_WINDOW = timedelta(minutes=2)
"""A wait that starts so soon after an end may be a late webhook of what ended: its room is read first."""


def take_in(known: Known, now: datetime, timing: Timing) -> Changes:
    """What the fresh arrivals change."""
    changes = Changes()
    rooms, ends = dict(known.sessions), dict(known.ends)
    for arrival in known.fresh:
        room = (arrival.event.app, arrival.event.room)
        for before, after in _steps(rooms.get(room), arrival, ends.get(room), now, timing):
            rooms[room] = changes.note(before, after, _number_of_what_ended(arrival.event))
        if isinstance(arrival.event, RoomResolved):
            ends[room] = _end(arrival, arrival.event, ends.get(room), rooms.get(room))
        if room in rooms and rooms[room].state not in OPEN:
            ends.setdefault(room, End(at=now, service=None, previous=rooms[room].previous))
            del rooms[room]
    return changes


_Step = tuple[Session | None, Session]


def _steps(
    session: Session | None, arrival: Arrival, end: End | None, now: datetime, timing: Timing
) -> Iterator[_Step]:
    """How the room's session becomes what it is after ``arrival``."""
    event = arrival.event
    if isinstance(event, RoomResolved):
        if session is not None and not _is_late(event, session):
            yield session, on_resolved(session, now, timing, at=arrival.at, number=event.service)
    elif session is None and _is_of_before(arrival, end, now):
        return
    elif session is None:
        in_question = end is not None and _is_in_question(arrival, event, end)
        yield None, _new(event, arrival, end, look_at=now if in_question else None)
    elif arrival.found:
        return
    elif _settles_the_question(event, session):
        yield session, replace(session, verify=False, due_at=None, waiting_since=arrival.at)
    elif _is_later_session(event, session):
        yield from _next_session(session, event, arrival, now, timing)
    elif session.state in UNSETTLED and event.previous is not None and event.previous < (session.previous or 0):
        return  # it was sent before the last end that we know of
    else:
        yield session, _learned(on_waiting(session, arrival.at, now, timing), event)


def _next_session(
    session: Session, event: RoomWaiting, arrival: Arrival, now: datetime, timing: Timing
) -> Iterator[_Step]:
    """The platform says that ``session`` is over and that the customer is back; its resolve is still to come."""
    if session.state in UNSETTLED or (session.state is State.ASSIGNED and may_land(session, now, timing)):
        yield session, _pinned(session, event, arrival, now)
        return
    if session.state is State.ASSIGNED and (session.reopened or is_before_announcement(session, arrival.at)):
        yield session, replace(session, previous=event.previous, due_at=now)
        return
    state = State.RESOLVED if session.state is State.ASSIGNED else State.WITHDRAWN
    yield session, ended(replace(session, again_at=None), state, now, as_told(TOLD[1], arrival.at, now, timing))
    yield None, _new(event, arrival, None, look_at=None)


def _pinned(session: Session, event: RoomWaiting, arrival: Arrival, now: datetime) -> Session:
    """The customer is back, and a request may still land in their room: it stays with its agent. Look at it now."""
    back = replace(session, previous=event.previous, resolve_seen=True, again_at=arrival.at)
    return back if session.state is State.RESERVED else moved_to_doubt(back, due_at=now)


def _is_late(event: RoomResolved, session: Session) -> bool:
    """Whether a resolve speaks of a session before ``session``. The platform's numbers grow."""
    return event.service is not None and session.previous is not None and event.service <= session.previous


def _number_of_what_ended(event: Event) -> int | None:
    return event.service if isinstance(event, RoomResolved) else None


def _settles_the_question(event: RoomWaiting, session: Session) -> bool:
    """Whether ``session``, whose wait is in question, is the one that this webhook, sent after the end before it,
    speaks of. Then there is no question, and this is its place.
    """
    names_the_end = event.previous is not None and event.previous == session.previous
    return names_the_end and session.state is State.WAITING and session.verify


def _is_later_session(event: RoomWaiting, session: Session) -> bool:
    """Whether a webhook was sent after ``session`` was resolved. The platform's numbers grow; an older number is
    that of a webhook that comes late. Of a session whose own ``previous`` is not known nothing can be said.
    """
    return event.previous is not None and session.previous is not None and event.previous > session.previous


def _learned(session: Session, event: RoomWaiting) -> Session:
    """``session`` with the number of the session before it, if that was not known while it waits."""
    if session.state is not State.WAITING or session.previous is not None or event.previous is None:
        return session
    return replace(session, previous=event.previous)


def _is_in_question(arrival: Arrival, event: RoomWaiting, end: End) -> bool:
    """Whether a wait that begins after ``end`` may be a late webhook of what ended, rather than a customer who
    came back. It is the latter if it names a session that ended.
    """
    if arrival.at - end.at > GHOST_WINDOW:
        return False
    names_an_end = event.previous is not None and event.previous != end.previous
    return not names_an_end or (end.service is not None and event.previous is not None and event.previous < end.service)


def _is_of_before(arrival: Arrival, end: End | None, now: datetime) -> bool:
    """Whether the sweep may have been shown the wait that ended with ``end``. If somebody waits, the next one tells."""
    if arrival.as_of is None or end is None:
        return False
    return arrival.as_of <= end.at <= now  # an end ahead of us was timed by a clock that says nothing here


def _end(arrival: Arrival, event: RoomResolved, end: End | None, session: Session | None) -> End:
    """What is known of the room's end once a resolve came: resolves may come out of order."""
    return End(
        at=arrival.at,
        service=largest(event.service, None if end is None else end.service),
        previous=largest(None if session is None else session.previous, None if end is None else end.previous),
    )


def _new(event: RoomWaiting, arrival: Arrival, end: End | None, *, look_at: datetime | None) -> Session:
    """What begins after ``end`` comes after the number it named, whether the webhook says so (not all do) or not. A
    room that the sweep found may have had any session before; a webhook that names none had none. What the sweep was
    shown may be of before the end, so the wait it found begins no earlier.
    """
    previous = largest(event.previous, None if end is None else end.service)
    return opened(
        id=SessionId(event.id),
        app=event.app,
        room=event.room,
        lane=lane_of(event.source, event.channel),
        since=max(arrival.at, end.at) if arrival.found and end is not None else arrival.at,
        previous=FIRST if previous is None and not arrival.found else previous,
        look_at=look_at,
        trace=event.trace or None,
    )
