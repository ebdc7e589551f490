"""What events do to the sessions of their rooms: a pure fold, in the order of the inbox.

Idempotent by the event's id (the caller passes each only once) and by the platform's session number: a
resolve that comes again under another event id is known by its ``service``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from contract import Event, RoomResolved, RoomWaiting

from allocator.core.changes import Changes
from allocator.core.ids import AppId, RoomId, SessionId, lane_of
from allocator.core.lifecycle import Timing, on_resolved, on_waiting
from allocator.core.session import OPEN, Session, opened

Room = tuple[AppId, RoomId]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """An event with its place in the order: ``at`` is when the inbox accepted it. ``found``: no webhook told
    us, the sweep did."""

    event: Event
    at: datetime
    found: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the ledger knows about the rooms of some arrivals."""

    fresh: Sequence[Arrival]
    """Those that were not recorded before, in order."""
    sessions: Mapping[Room, Session]
    """Each room's open session."""
    ends: Mapping[Room, datetime]
    """When each room's last session ended, or a resolve came for it."""


GHOST_WINDOW = timedelta(minutes=10)
"""A wait that starts so soon after an end may be a late webhook of what ended: its room is read first."""


def take_in(known: Known, now: datetime, timing: Timing) -> Changes:
    """What the fresh arrivals change."""
    changes = Changes()
    rooms = dict(known.sessions)
    ends = dict(known.ends)
    for arrival in known.fresh:
        room = (arrival.event.app, arrival.event.room)
        before = rooms.get(room)
        after = _next(before, arrival, ends.get(room), now, timing)
        if after is not None:
            rooms[room] = changes.note(before, after)
        if isinstance(arrival.event, RoomResolved):
            ends[room] = arrival.at
        if room in rooms and rooms[room].state not in OPEN:
            ends[room] = now
            del rooms[room]
    return changes


def _next(
    session: Session | None, arrival: Arrival, ended_at: datetime | None, now: datetime, timing: Timing
) -> Session | None:
    event = arrival.event
    if isinstance(event, RoomResolved):
        return None if session is None else on_resolved(session, now)
    if session is None:
        return _new(event, arrival, ended_at)
    return None if arrival.found else on_waiting(session, arrival.at, now, timing)


def _new(event: RoomWaiting, arrival: Arrival, ended_at: datetime | None) -> Session:
    in_question = ended_at is not None and arrival.at - ended_at < GHOST_WINDOW
    return opened(
        id=SessionId(event.id),
        app=event.app,
        room=event.room,
        lane=lane_of(event.source, event.channel),
        since=arrival.at,
        verify=in_question,
    )
