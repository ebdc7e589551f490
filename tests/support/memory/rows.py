"""The rows of a ledger in memory, and what the schema refuses of them."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from allocator.core.ids import AgentId, AppId, Epoch, RoomId, SessionId
from allocator.core.policy import Halt
from allocator.core.requests import Answer, Request, RequestId
from allocator.core.session import OPEN, UNSETTLED, Session, State
from allocator.core.steps import Step
from allocator.ports import Conflict

Slot = tuple[AppId, AgentId, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventThere:
    """An event that was recorded."""

    kind: str
    room: RoomId
    service: int | None
    accepted_at: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestThere:
    """A request, and what became of it."""

    request: Request
    answer: Answer | None


_FIRST = Epoch(0)


@dataclass(slots=True)
class Rows:
    """All tables."""

    epoch: Epoch = _FIRST
    leader: str = ""
    events: dict[tuple[AppId, str], EventThere] = field(default_factory=dict)
    sessions: dict[SessionId, Session] = field(default_factory=dict)
    slots: dict[Slot, SessionId] = field(default_factory=dict)
    agents: dict[tuple[AppId, AgentId], datetime] = field(default_factory=dict)
    steps: dict[tuple[AppId, RoomId], tuple[Step, ...]] = field(default_factory=dict)
    policies: dict[AppId, tuple[tuple[int, Any], ...]] = field(default_factory=dict)
    in_use: dict[AppId, int] = field(default_factory=dict)
    requests: dict[RequestId, RequestThere] = field(default_factory=dict)
    halts: dict[AppId, Halt] = field(default_factory=dict)
    open_rooms: dict[tuple[AppId, RoomId], SessionId] = field(default_factory=dict)
    """The unique index over open sessions."""

    def copy(self) -> "Rows":
        """What a transaction works on; the rows themselves never change."""
        tables: dict[str, Any] = {name: dict(getattr(self, name)) for name in _TABLES}
        return replace(self, **tables)

    def put(self, session: Session) -> None:
        """Insert or update. Raises :class:`~allocator.ports.Conflict`."""
        _check(session)
        room = (session.app, session.room)
        there = self.open_rooms.get(room)
        if session.state in OPEN:
            if there not in (None, session.id):
                raise Conflict("session_open_room")
            self.open_rooms[room] = session.id
        elif there == session.id:
            del self.open_rooms[room]
        self.sessions[session.id] = session

    def free(self, session: SessionId) -> None:
        """The slot of ``session``, if it has one, is free."""
        for slot in [slot for slot, holder in self.slots.items() if holder == session]:
            del self.slots[slot]

    def give(self, session: Session) -> None:
        """``session`` occupies its slot. Raises :class:`~allocator.ports.Conflict`."""
        slot = _slot_of(session)
        assert slot is not None
        if session.capacity is None or not 1 <= slot[2] <= session.capacity:
            raise Conflict("slot_is_within_capacity")
        if slot in self.slots or session.id in self.slots.values():
            raise Conflict("slot")
        self.slots[slot] = session.id

    def check_slots_are_given(self) -> None:
        """At the end of a transaction: every slot that a session names is there, and no two name the same."""
        named = [slot for one in self.sessions.values() if (slot := _slot_of(one)) is not None]
        if len(set(named)) < len(named):
            raise Conflict("session_on_slot")
        if not set(named) <= set(self.slots):
            raise Conflict("session_slot_is_given")


_TABLES = (
    *("events", "steps", "sessions", "slots", "agents", "policies", "in_use", "requests", "halts"),
    "open_rooms",
)


def _slot_of(session: Session) -> Slot | None:
    if session.slot is None or session.agent is None:
        return None
    return session.app, session.agent, session.slot


def _check(session: Session) -> None:
    if session.state in UNSETTLED and (session.agent is None or session.slot is None):
        raise Conflict("session_under_way_has_a_slot")
    may_have_one = session.state in UNSETTLED | {State.ASSIGNED}
    if session.slot is not None and (session.agent is None or not may_have_one):
        raise Conflict("session_with_a_slot_is_under_way")
    if (session.state in OPEN) != (session.ended_at is None):
        raise Conflict("session_is_open_or_ended")
