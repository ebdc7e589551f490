"""A session: one customer's wait and service in a room. The row everything hangs on.

    WAITING ──▶ RESERVED ──▶ ASSIGNED ──▶ RESOLVED
       │          ▲  │ ▲          │
       │          │  ▼ │          └──▶ WAITING      the agent was taken out of the room
       │         DOUBT ◀──┘          (DOUBT: sent, outcome unknown; holds its agent and its slot, also when the
       │                             conversation is over and a request that was given up may land in the next one)
       ├──▶ WITHDRAWN   over before anybody served it
       └──▶ PARKED      refused for good; on a list that a person sees

``MOVES`` is the whole table, and ``MOVES_BY_HAND`` what people may do beyond it; :func:`moved` and
:func:`moved_by_hand` are the only ways from one state to another.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from allocator.core.ids import AgentId, AppId, Lane, RoomId, SessionId


class State(StrEnum):
    """Where a session stands."""

    WAITING = "waiting"
    RESERVED = "reserved"
    DOUBT = "doubt"
    ASSIGNED = "assigned"
    RESOLVED = "resolved"
    WITHDRAWN = "withdrawn"
    PARKED = "parked"


MOVES: dict[State, frozenset[State]] = {
    State.WAITING: frozenset({State.RESERVED, State.ASSIGNED, State.WITHDRAWN, State.PARKED}),
    State.RESERVED: frozenset({State.WAITING, State.DOUBT, State.ASSIGNED, State.WITHDRAWN, State.PARKED}),
    State.DOUBT: frozenset({State.WAITING, State.RESERVED, State.ASSIGNED, State.RESOLVED, State.PARKED}),
    State.ASSIGNED: frozenset({State.WAITING, State.DOUBT, State.RESOLVED}),
    State.RESOLVED: frozenset(),
    State.WITHDRAWN: frozenset(),
    State.PARKED: frozenset(),
}

MOVES_BY_HAND: dict[State, frozenset[State]] = {
    State.WITHDRAWN: frozenset({State.WAITING}),
    State.PARKED: frozenset({State.WAITING, State.WITHDRAWN}),
}
"""What ends by itself stays ended; a person can have it back (``core.requests``), and nobody else."""

OPEN = frozenset({State.WAITING, State.RESERVED, State.DOUBT, State.ASSIGNED})
"""A room has at most one session in these; the schema refuses a second."""

UNSETTLED = frozenset({State.RESERVED, State.DOUBT})
"""A request may be under way: the room and the slot belong to this session alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One row. All times are of the wall clock, in UTC."""

    id: SessionId
    app: AppId
    room: RoomId
    lane: Lane
    state: State
    waiting_since: datetime
    """Its place: when the inbox accepted it, by Redis's one clock; a session that waits again keeps it."""
    due_at: datetime | None
    """When it must be looked at again (a room to read, a back-off to end); None: nothing to do but its turn."""
    verify: bool
    """WAITING only: read the room before giving it to anyone, because this wait is in question."""
    agent: AgentId | None
    slot: int | None
    """Which of the agent's slots it occupies. An ASSIGNED session without one is served by somebody we did
    not choose."""
    capacity: int | None
    """How many slots the agent had when this one was given out; the schema refuses a slot beyond it."""
    policy_version: int | None
    reserved_at: datetime | None
    assigned_at: datetime | None
    ended_at: datetime | None
    checked_at: datetime | None
    """When its room was last read."""
    unknown_at: datetime | None
    """When a request for it was last given up without an answer. None: no request can still land."""
    tries: int
    """Looks and sends in a row that brought no certainty; they space out with it."""
    refusals: int
    """How often the platform refused it, over its life."""
    avoid: tuple[AgentId, ...]
    """Agents that the platform refused for this room."""
    resolve_seen: bool
    """A resolve came while a request was under way: look at the room once the request is settled."""
    again_at: datetime | None
    """A customer's message came after this session was assigned: should the session end, another begins here."""
    previous: int | None
    """The platform's number of the room's session before this one; 0: there was none, None: not known. A resolve that
    names it comes late, and a webhook that names a later one tells that this session is over."""
    reopened: bool
    """It went back to waiting after it was assigned, so a resolve may speak of its earlier life: look first."""
    ending: str | None
    """Why it ended, in a word."""
    trace: str | None
    """The trace parent that its webhook came with, for whoever shows what becomes of it; decides nothing."""


def opened(
    *,
    id: SessionId,  # noqa: A002 - what it is called everywhere
    app: AppId,
    room: RoomId,
    lane: Lane,
    since: datetime,
    previous: int | None,
    look_at: datetime | None,
    trace: str | None = None,
) -> Session:
    """A new session that waits since ``since``. ``look_at``: when its room is read, if it is in question."""
    return Session(
        id=id,
        app=app,
        room=room,
        lane=lane,
        state=State.WAITING,
        waiting_since=since,
        due_at=look_at,
        verify=look_at is not None,
        agent=None,
        slot=None,
        capacity=None,
        policy_version=None,
        reserved_at=None,
        assigned_at=None,
        ended_at=None,
        checked_at=None,
        unknown_at=None,
        tries=0,
        refusals=0,
        avoid=(),
        resolve_seen=False,
        again_at=None,
        previous=previous,
        reopened=False,
        ending=None,
        trace=trace,
    )


def moved(session: Session, state: State, **changes: Any) -> Session:
    """``session`` in ``state``. A move that the table does not have is a bug of ours."""
    assert state in MOVES[session.state], f"{session.state} to {state} is no move"
    return replace(session, state=state, **changes)


def moved_by_hand(session: Session, state: State, **changes: Any) -> Session:
    """``session`` in ``state``, because a person asked for it."""
    assert state in MOVES_BY_HAND[session.state], f"{session.state} to {state} is no move, also by hand"
    return replace(session, state=state, **changes)
