"""What reading a room does to its session: the second half of the lifecycle (``core.lifecycle``)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from allocator.core import outcomes as o
from allocator.core.lifecycle import Timing, assigned, ended, landed_by, may_land, pause, released, until_next_look
from allocator.core.session import Session, State, moved


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """How a room was read: when the reading began, and whether somebody waits in its app who came before the customer
    who came back to it.
    """

    asked_at: datetime
    others_first: bool = False


def on_view(session: Session, view: o.View, now: datetime, timing: Timing, sight: Sight | None = None) -> Session:
    """The room of ``session`` was read and showed ``view``."""
    sight = sight or Sight(asked_at=now)
    if isinstance(view, o.NotSeen) and session.due_at is None:
        return session  # it was looked at to be on the safe side
    if isinstance(view, o.NotSeen):
        return replace(session, tries=session.tries + 1, due_at=now + until_next_look(session, timing))
    seen = replace(session, checked_at=now)
    fresh_until = _fresh_until(session, now, timing)
    if not isinstance(view, o.Waits | o.Served) and now < fresh_until:
        return replace(seen, due_at=fresh_until)  # may still show the room's previous session
    match session.state:
        case State.WAITING:
            return _viewed_waiting(seen, view, now, fresh_until)
        case State.ASSIGNED:
            return _viewed_assigned(seen, view, now, timing)
        case _:
            return _viewed_unsettled(seen, view, now, timing, sight)


def _viewed_waiting(session: Session, view: o.View, now: datetime, fresh_until: datetime) -> Session:
    match view:
        case o.Waits():
            return replace(session, verify=False, due_at=None, tries=0)
        case o.Served() if now < fresh_until:  # may still show the room's previous session
            return replace(session, due_at=fresh_until)
        case o.Served():
            return _served_by_another(session, now)
        case o.Over():
            return ended(session, State.WITHDRAWN, now, "resolved while it waited")
        case _:
            return ended(session, State.PARKED, now, "no such room")


def _viewed_assigned(session: Session, view: o.View, now: datetime, timing: Timing) -> Session:
    assert session.assigned_at is not None
    settled_from = session.assigned_at + timedelta(seconds=timing.lag_s)
    match view:
        case o.Served(ours=True):
            return replace(session, due_at=None, again_at=None, tries=0)
        case o.Served() if now < settled_from:
            return replace(session, due_at=settled_from)
        case o.Served():
            return replace(session, agent=None, slot=None, capacity=None, due_at=None, again_at=None, tries=0)
        case o.Waits() if now < settled_from:
            return replace(session, due_at=settled_from)
        case o.Waits():
            return replace(released(session, now), reopened=True, again_at=None)
        case o.Over():
            return ended(session, State.RESOLVED, now, "found resolved")
        case _:
            return ended(session, State.RESOLVED, now, "room is gone")


def _viewed_unsettled(session: Session, view: o.View, now: datetime, timing: Timing, sight: Sight) -> Session:
    match view:
        case o.Served(ours=True):  # by one of our requests; another may still land, in the customer's next session
            return assigned(replace(session, **_in_next_session(session)), now, unknown_at=session.unknown_at)
        case o.Served():
            return _served_by_another(session, now)
        case _ if may_land(session, sight.asked_at, timing):
            return _viewed_in_doubt(session, view, now, timing, sight)
        case o.Over():
            return ended(session, State.RESOLVED, now, "found resolved")
        case o.Waits() if session.again_at is not None:  # who waits is the customer who came back
            return ended(session, State.RESOLVED, now, "resolved while in doubt", at=session.again_at)
        case o.Waits():
            return replace(released(session, now), due_at=now + pause(session.tries, timing), tries=session.tries + 1)
        case _:
            return ended(session, State.PARKED, now, "no such room")


def _viewed_in_doubt(session: Session, view: o.View, now: datetime, timing: Timing, sight: Sight) -> Session:
    """Nobody is in the room, and a request may still land in it: in this session, or in the customer's next one."""
    assert session.unknown_at is not None
    match view:
        case o.Waits() if sight.others_first:
            return replace(session, due_at=now + timedelta(seconds=timing.first_look_s))
        case o.Waits():  # the same agent again
            return moved(session, State.RESERVED, due_at=None, reserved_at=now, **_in_next_session(session))
        case _:  # hold the slot; if the customer comes back, that is told
            return replace(session, due_at=landed_by(session.unknown_at, timing))


def _in_next_session(session: Session) -> dict[str, Any]:
    """What changes in ``session`` when it is the customer's next one, if it is: its place is that of the new wait."""
    if session.again_at is None:
        return {}
    return {"waiting_since": session.again_at, "again_at": None, "resolve_seen": False}


def _served_by_another(session: Session, now: datetime) -> Session:
    """Somebody we did not choose serves the room: adopt that. Our slot is free."""
    return moved(
        session,
        State.ASSIGNED,
        agent=None,
        slot=None,
        capacity=None,
        assigned_at=now,
        due_at=None,
        verify=False,
        unknown_at=None,
        tries=0,
        resolve_seen=False,
    )


def _fresh_until(session: Session, now: datetime, timing: Timing) -> datetime:
    """Until when a reading may show the room's previous session. A wait that begins far ahead of us was given its
    place by a clock that is not ours, which says nothing here.
    """
    lag = timedelta(seconds=timing.lag_s)
    return now if session.waiting_since > now + lag else session.waiting_since + lag
