"""The statements of a fenced transaction, by hand: each works on a whole batch at once.

Measured, a batch through UNNEST writes sixty times the rows per second of a session per row.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from allocator.adapters import policies, sql, sql_policies, sql_requests
from allocator.adapters.pool import Connection
from allocator.core.changes import Changes
from allocator.core.ids import AgentId, AppId, Epoch, Lane, RoomId, SessionId
from allocator.core.intake import Arrival, End, Known, Room
from allocator.core.policy import Halt, Policy, standard
from allocator.core.requests import Answer, Ground, Kind, News, Request, RequestId
from allocator.core.roster import Load
from allocator.core.session import OPEN, Session, State
from allocator.core.steps import Step
from allocator.ports import Audit, Due, Standing
from contract import RoomResolved

PARKED_FOR = timedelta(hours=1)
"""A room that was parked is not taken up again by the sweep for so long; its customer's next message does."""

FORGET_MAX = 2_000
"""Rows of each kind that go at once, once for each app and sweep: a round must not notice."""


class Statements:
    """The :class:`~allocator.ports.Transaction`."""

    def __init__(self, connection: Connection, epoch: Epoch, policies: dict[AppId, Policy]) -> None:
        self._connection = connection
        self._epoch = epoch
        self._policies = policies
        self.count = 0
        """How many there were."""

    async def record(self, arrivals: Sequence[Arrival], now: datetime) -> Known:
        """See the port."""
        if not arrivals:
            return Known(fresh=(), sessions={}, ends={})
        fresh = await self._fresh(arrivals, now)
        rooms = sorted({(one.event.app, one.event.room) for one in fresh})
        sessions = await self._open_sessions(rooms)
        unknown = [room for room in rooms if room not in sessions]
        found = {(one.event.app, one.event.room): one.at for one in fresh if one.found}
        left_out = await self._left_out({room: found[room] for room in unknown if room in found}, now)
        return Known(
            fresh=[one for one in fresh if not (one.found and (one.event.app, one.event.room) in left_out)],
            sessions=sessions,
            ends=await self._ends(unknown),
        )

    async def sessions(self, ids: Iterable[SessionId]) -> Mapping[SessionId, Session]:
        """See the port."""
        wanted = list(ids)
        if not wanted:
            return {}
        rows = await self._rows(sql.SESSIONS_BY_ID, wanted)
        return {session.id: session for session in map(_session, rows)}

    async def unsettled(self, apps: Iterable[AppId]) -> Sequence[Session]:
        """See the port."""
        return [_session(row) for row in await self._rows(sql.UNSETTLED, list(apps))]

    async def ahead(self, apps: Iterable[AppId], moment: datetime) -> Sequence[Session]:
        """See the port."""
        return [_session(row) for row in await self._rows(sql.AHEAD, list(apps), moment)]

    async def due(self, now: datetime, at_most: int, skip: Iterable[SessionId], apps: Iterable[AppId]) -> Due:
        """See the port."""
        rows = await self._rows(sql.DUE, list(skip), list(apps), at_most + 1)
        sessions = [_session(row) for row in rows]
        later = [one.due_at for one in sessions if one.due_at is not None and one.due_at > now]
        ready = [one for one in sessions if one.due_at is not None and one.due_at <= now]
        if len(ready) > at_most:
            return Due(sessions=ready[:at_most], next_at=now)
        return Due(sessions=ready, next_at=min(later, default=None))

    async def write(self, changes: Changes) -> None:
        """See the port. What ends goes first: it makes room for what begins in the same room."""
        pairs = sorted(changes, key=lambda pair: pair[1].state in OPEN)
        if not pairs:
            return
        freed = [before for before, after in pairs if before and before.slot and _slot(before) != _slot(after)]
        given = [after for before, after in pairs if after.slot and (before is None or _slot(before) != _slot(after))]
        if freed:
            await self._run(sql.FREE_SLOTS, [one.id for one in freed])
        await self._run(sql.WRITE_SESSIONS, *_columns([after for _, after in pairs]), self._epoch)
        if given:
            slots = [(one.app, one.agent, one.slot, one.capacity, one.id) for one in given]
            await self._run(sql.GIVE_SLOTS, *_turned(slots, 5))

    async def tell(self, steps: Sequence[Step]) -> None:
        """See the port."""
        if steps:
            await self._run(sql.TELL, *_turned([_step(one) for one in steps], 8), self._epoch)

    async def policy(self, app: AppId) -> Policy:
        """See the port."""
        known = await policies.in_force(self._rows, app, self._policies.get(app) or standard())
        self._policies[app] = known
        return known

    async def put_policy(self, app: AppId, spec: Mapping[str, Any], now: datetime) -> int:
        """See the port."""
        return (await policies.put(self._rows, [policies.from_file(app, spec)], now))[app]

    async def news(self, known: Mapping[AppId, int]) -> News:
        """See the port."""
        rows = await self._rows(sql_requests.NEWS, list(known), list(known.values()))
        requests = sorted(map(_request, (row for row in rows if row.id)), key=lambda one: (one.at, one.id))
        return News(policies=[AppId(row.app) for row in rows if row.id is None], requests=requests)

    async def concerned(self, requests: Sequence[Request]) -> Ground:
        """See the port."""
        rooms = sorted({(one.app, one.room) for one in requests if one.room is not None})
        apps = sorted({one.app for one in requests if one.room is None})
        found = map(_session, await self._rows(sql_requests.SESSIONS_OF_ROOMS, *_turned(rooms, 2)) if rooms else ())
        halts = await self._rows(sql_requests.HALTS, apps) if apps else ()
        return Ground(
            sessions={(one.app, one.room): one for one in found},
            halts={AppId(app): Halt(by=by, since=since) for app, by, since in halts},
        )

    async def answer(self, answers: Sequence[Answer], halts: Mapping[AppId, Halt | None], now: datetime) -> None:
        """See the port."""
        rows = [(one.request.id, "done" if one.done else "refused", one.says) for one in answers]
        await self._run(sql_requests.ANSWER, *_turned(rows, 3), now, self._epoch)
        for app, halt in halts.items():
            if halt is None:
                await self._run(sql_requests.HALT_NO_MORE, app)
            else:
                await self._run(sql_requests.HALT, app, halt.by, halt.since, self._epoch)

    async def use_policy(self, app: AppId, version: int, now: datetime) -> None:
        """See the port."""
        await self._run(sql_policies.USE, app, version, now, self._epoch)

    async def loads(self, app: AppId, closed_since: datetime, *, by_lane: bool = False) -> Mapping[AgentId, Load]:
        """See the port."""
        lanes: dict[int, dict[Lane, int]] = {}
        for agent, lane, count in await self._rows(sql.LOADS_BY_LANE, app) if by_lane else ():
            lanes.setdefault(agent, {})[Lane(lane)] = count
        return {
            AgentId(agent): Load(
                taken=frozenset(taken or ()),
                closed=closed,
                busy_at=busy_at.timestamp(),
                by_lane=lanes.get(agent, {}),
            )
            for agent, taken, closed, busy_at in await self._rows(sql.LOADS, app, closed_since)
        }

    async def last_agents(self, app: AppId, rooms: Iterable[RoomId], ended_after: datetime) -> Mapping[RoomId, AgentId]:
        """See the port."""
        rows = await self._rows(sql.LAST_AGENTS, app, list(rooms), ended_after)
        return {RoomId(room): AgentId(agent) for room, agent in rows}

    async def heads(self, app: AppId, per_lane: int) -> Mapping[Lane, Sequence[Session]]:
        """See the port."""
        lanes: dict[Lane, list[Session]] = {}
        for session in map(_session, await self._rows(sql.HEADS, app, per_lane)):
            lanes.setdefault(session.lane, []).append(session)
        return lanes

    async def served_by(
        self, app: AppId, agents: Iterable[AgentId], assigned_before: datetime, at_most: int
    ) -> Sequence[Session]:
        """See the port."""
        rows = await self._rows(sql.SERVED_BY, app, list(agents), assigned_before, at_most)
        return [_session(row) for row in rows]

    async def to_audit(self, app: AppId, audit: Audit) -> Sequence[Session]:
        """See the port."""
        found = [*await self._rows(sql.AUDIT_SERVED, app, audit.checked_before, audit.at_most)]
        if audit.unserved is not None:
            rooms = sorted(audit.unserved)
            found += await self._rows(sql.AUDIT_WAITING, app, audit.waiting_before, rooms, audit.at_most)
        return [_session(row) for row in found]

    async def forget(self, events_before: datetime, sessions_before: datetime) -> int:
        """See the port."""
        events = await self._rows(sql.FORGET_EVENTS, events_before, FORGET_MAX)
        sessions = await self._rows(sql.FORGET_SESSIONS, sessions_before, FORGET_MAX)
        steps = await self._rows(sql.FORGET_STEPS, sessions_before, FORGET_MAX)
        requests = await self._rows(sql_requests.FORGET, sessions_before, FORGET_MAX)
        return len(events) + len(sessions) + len(steps) + len(requests)

    async def _fresh(self, arrivals: Sequence[Arrival], now: datetime) -> list[Arrival]:
        """Those that no earlier event was, by id or, for a resolve, by the platform's session number."""
        told = [one for one in arrivals if not one.found]
        repeated = await self._repeated_services(told)
        rows = [_event(one) for one in told]
        new = {row[0].hex for row in await self._rows(sql.RECORD_EVENTS, *_turned(rows, 6), now, self._epoch)}
        fresh = []
        for one in arrivals:
            if one.found:
                fresh.append(one)
            elif one.event.id in new:
                new.discard(one.event.id)  # the same event twice in one batch
                if not _is_repeated(one, repeated):
                    fresh.append(one)
        return fresh

    async def _repeated_services(self, arrivals: Sequence[Arrival]) -> set[tuple[str, int]]:
        services = [
            (one.event.app, one.event.service)
            for one in arrivals
            if isinstance(one.event, RoomResolved) and one.event.service is not None
        ]
        if not services:
            return set()
        rows = await self._rows(sql.KNOWN_SERVICES, *_turned(services, 2))
        return {(app, service) for app, service in rows}

    async def _open_sessions(self, rooms: Sequence[Room]) -> dict[Room, Session]:
        if not rooms:
            return {}
        found = map(_session, await self._rows(sql.OPEN_SESSIONS, *_turned(rooms, 2)))
        return {(session.app, session.room): session for session in found}

    async def _ends(self, rooms: Sequence[Room]) -> dict[Room, End]:
        if not rooms:
            return {}
        rows = await self._rows(sql.LAST_ENDS, *_turned(rooms, 2))
        return {
            (AppId(app), RoomId(room)): End(at=at, service=service, previous=previous)
            for app, room, at, service, previous in rows
        }

    async def _left_out(self, found: Mapping[Room, datetime], now: datetime) -> set[Room]:
        if not found:
            return set()
        rooms = [(app, room, since) for (app, room), since in found.items()]
        rows = await self._rows(sql_requests.LEFT_OUT, *_turned(rooms, 3), now - PARKED_FOR)
        return {(AppId(app), RoomId(room)) for app, room in rows}

    async def _rows(self, statement: str, *parameters: Any) -> Sequence[Any]:
        self.count += 1
        return await self._connection.rows(statement, parameters)

    async def _run(self, statement: str, *parameters: Any) -> None:
        self.count += 1
        await self._connection.rows(statement, parameters)


async def standing_of(connection: Connection, app: AppId) -> Standing:
    """Where ``app`` stands."""
    lanes: Sequence[Any] = await connection.rows(sql.WAITING_BY_LANE, (app,))
    counts: Sequence[Any] = await connection.rows(sql.OPEN_BY_STATE, (app,))
    ((slots, oldest, oldest_doubt, parked),) = await connection.rows(sql.SLOTS_AND_OLDEST, (app,))
    states = {row[0]: row[1] for row in counts}
    waiting = {Lane(lane): (count, since) for lane, count, since in lanes}
    in_turn = sum(count for count, _ in waiting.values())
    return Standing(
        waiting=waiting,
        not_in_turn=max(0, states.get(State.WAITING, 0) - in_turn),
        oldest=oldest,
        slots_used=slots,
        states=states,
        oldest_doubt=oldest_doubt,
        parked=parked,
    )


def _is_repeated(arrival: Arrival, repeated: set[tuple[str, int]]) -> bool:
    """Whether its session number is in ``repeated``; from now on it is."""
    event = arrival.event
    if not isinstance(event, RoomResolved) or event.service is None:
        return False
    key = (event.app, event.service)
    if key in repeated:
        return True
    repeated.add(key)
    return False


def _step(step: Step) -> tuple[Any, ...]:
    facts = msgspec.json.encode(step.facts).decode()
    return step.app, step.room, step.session, step.at, str(step.what), step.why, step.agent, facts


def _request(row: Any) -> Request:
    return Request(
        id=RequestId(row.id.hex), app=row.app, kind=Kind(row.kind), room=row.room, by=row.asked_by, at=row.asked_at
    )


def _event(arrival: Arrival) -> tuple[Any, ...]:
    event = arrival.event
    resolved = isinstance(event, RoomResolved)
    service = event.service if isinstance(event, RoomResolved) else None
    kind = "room_resolved" if resolved else "room_waiting"
    return event.app, event.id, kind, event.room, service, arrival.at


def _slot(session: Session) -> tuple[AgentId | None, int | None]:
    return session.agent if session.slot else None, session.slot


def _turned(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    """Columns of ``rows``, for UNNEST."""
    return [[row[column] for row in rows] for column in range(width)]


def _columns(sessions: Sequence[Session]) -> list[list[Any]]:
    return [[_value(session, name) for session in sessions] for name in sql.SESSION_COLUMNS]


def _value(session: Session, name: str) -> Any:
    value = getattr(session, name)
    return "{" + ",".join(map(str, value)) + "}" if name == "avoid" else value


def _session(row: Any) -> Session:
    values = dict(zip(sql.SESSION_COLUMNS, row, strict=True))
    identity: UUID = values["id"]
    values["id"] = SessionId(identity.hex)
    values["state"] = State(values["state"])
    values["avoid"] = tuple(map(AgentId, values["avoid"]))
    return Session(**values)
