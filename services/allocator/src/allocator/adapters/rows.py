"""What the ledger's rows are to the core, and back."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from allocator.adapters import sql
from allocator.core.ids import AgentId, AppId, Lane, RoomId, SessionId
from allocator.core.intake import Arrival, End, Room
from allocator.core.requests import Kind, Request, RequestId
from allocator.core.roster import Load
from allocator.core.session import Session, State
from contract import RoomResolved

_KNOWN = 2 + len(sql.SESSION_COLUMNS)


def session_of(row: Sequence[Any]) -> Session:
    """A session, from its columns in order."""
    values = dict(zip(sql.SESSION_COLUMNS, row, strict=True))
    identity: UUID = values["id"]
    values["id"] = SessionId(identity.hex)
    values["state"] = State(values["state"])
    values["avoid"] = tuple(map(AgentId, values["avoid"]))
    return Session(**values)


def known_of(row: Sequence[Any]) -> Session | End | None:
    """The open session of a row's room; or else its last end."""
    if row[2] is not None:
        return session_of(row[2:_KNOWN])
    at, service, previous = row[_KNOWN : _KNOWN + 3]
    return None if at is None else End(at=at, service=service, previous=previous)


def with_resolves(ends: Mapping[Room, End], recorded: Iterable[Arrival]) -> dict[Room, End]:
    """``ends`` with what is told in the same breath, which no statement that records it can see."""
    later = dict(ends)
    for one in recorded:
        if isinstance(one.event, RoomResolved):
            room = one.event.app, one.event.room
            later[room] = _later(later.get(room), one.at, one.event.service)
    return later


def _later(end: End | None, at: Any, service: int | None) -> End:
    if end is None:
        return End(at=at, service=service, previous=None)
    services = [number for number in (end.service, service) if number is not None]
    return End(at=max(end.at, at), service=max(services, default=None), previous=end.previous)


def heads_of(columns: Sequence[Sequence[Any] | None]) -> dict[Lane, list[Session]]:
    """Who is next in each lane, from the columns of their sessions."""
    return by_lane(_turned(columns)) if columns[0] else {}


def by_lane(rows: Iterable[Sequence[Any]]) -> dict[Lane, list[Session]]:
    """Sessions by their lane, in order."""
    lanes: dict[Lane, list[Session]] = {}
    for session in map(session_of, rows):
        lanes.setdefault(session.lane, []).append(session)
    return lanes


def _turned(columns: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """As rows. An array of arrays has to be of one length, so ``avoid`` comes as the texts of arrays."""
    place = sql.SESSION_COLUMNS.index("avoid")
    turned = list(columns)
    turned[place] = [text[1:-1].split(",") if len(text) > len("{}") else () for text in turned[place]]
    return zip(*turned, strict=True)


def loads_of(row: Any, lanes: Mapping[int, Mapping[Lane, int]]) -> dict[AgentId, Load]:
    """What a survey says of the agents; ``lanes``: of which lanes their sessions are, where that was asked for."""
    taken: dict[int, list[int]] = {}
    for agent, number in zip(row.slot_agents or (), row.slot_numbers or (), strict=True):
        taken.setdefault(agent, []).append(number)
    return {
        AgentId(agent): Load(
            taken=frozenset(taken.get(agent, ())), closed=closed, busy_at=busy_at, by_lane=lanes.get(agent, {})
        )
        for agent, closed, busy_at in zip(row.agents or (), row.closed or (), row.busy_at or (), strict=True)
    }


def request_of(row: Any) -> Request:
    """What a person asked for."""
    return Request(
        id=RequestId(row.id.hex), app=row.app, kind=Kind(row.kind), room=row.room, by=row.asked_by, at=row.asked_at
    )


def events(arrivals: Iterable[Arrival]) -> str:
    """The rows of events, as JSON."""
    return text([_event(one) for one in arrivals])


def text(rows: Sequence[Any]) -> str:
    """As JSON."""
    return msgspec.json.encode(rows).decode()


def _event(arrival: Arrival) -> dict[str, Any]:
    event = arrival.event
    resolved = isinstance(event, RoomResolved)
    return {
        "app": event.app,
        "id": event.id,
        "kind": "room_resolved" if resolved else "room_waiting",
        "room": event.room,
        "service": event.service if isinstance(event, RoomResolved) else None,
        "accepted_at": arrival.at,
    }


def room_of(row: Sequence[Any]) -> Room:
    """The room that a row is about, from its first two columns."""
    return AppId(row[0]), RoomId(row[1])
