"""Postgres, for those who ask: each question in a transaction of its own that may only read."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from allocator.adapters import sql_answers as sql
from allocator.adapters import sql_requests
from allocator.adapters.postgres import DURABILITY, doubts_of, engine_for, translated
from allocator.core.answers import Asked, ByHand, Count, Database, Life, Lived, Parked, Place, Serving
from allocator.core.ids import AgentId, AppId, Lane, RoomId, SessionId
from allocator.core.policy import Halt
from allocator.core.requests import Kind
from allocator.core.session import State
from allocator.core.steps import Step, What
from chassis.durability import Doubt

STEPS_MAX = 1000
ASKED_MAX = 200
FREED_ROWS_MAX = 2000
_ORDER = {what: number for number, what in enumerate(What)}


class Answers:
    """What the ledger knows. Everything raises :class:`~allocator.ports.Unavailable`."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._engine = engine_for(url, timeout_s)

    async def database(self) -> Database:
        """The server, the schema, the term: also where there is no schema yet."""
        async with self._asking() as connection:
            version, at = await _one(connection, sql.SERVER)
            revision = await _if_there(connection, "alembic_version", sql.REVISION)
            epoch, leader, since = await _if_there(connection, "term", sql.TERM) or (None, None, None)
        return Database(
            version=version.split()[0],
            at=at,
            revision=None if revision is None else revision[0],
            epoch=epoch,
            leader=leader,
            leads_since=since,
        )

    async def apps(self) -> list[AppId]:
        """Those who ever had a customer."""
        async with self._asking() as connection:
            return [AppId(row[0]) for row in await _rows(connection, sql.APPS)]

    async def count(self, app: AppId) -> Count:
        """How many of ``app``."""
        async with self._asking() as connection:
            states = {row[0]: row[1] for row in await _rows(connection, sql.COUNTS, app)}
            oldest, slots, parked = await _one(connection, sql.MORE_COUNTS, app)
        return Count(app=app, states=states, oldest=oldest, slots_used=slots, parked=parked)

    async def waiting(self, app: AppId, at_most: int) -> list[Place]:
        """Who waits in ``app``, longest first."""
        async with self._asking() as connection:
            rows = await _rows(connection, sql.WAITING, app, at_most)
        return _places(rows)

    async def agents(self, app: AppId) -> list[Serving]:
        """The agents who ever served in ``app``."""
        async with self._asking() as connection:
            rows = await _rows(connection, sql.AGENTS, app)
        return [Serving(agent=AgentId(agent), used=used, busy_at=busy_at) for agent, used, busy_at in rows]

    async def life(self, app: AppId, room: RoomId, at_most: int) -> Life:
        """What is known of ``room``, of its newest ``at_most`` sessions."""
        async with self._asking() as connection:
            rows = await _rows(connection, sql.LIVES, app, room, at_most)
            ids = [row[0].hex for row in rows]
            steps = await _rows(connection, sql.STEPS, app, room, ids, STEPS_MAX)
            sessions = tuple(_lived(app, room, row, steps) for row in rows)
            since = min((one.since for one in sessions), default=None)
            asked = [] if since is None else await _rows(connection, sql_requests.ASKED, app, room, since, ASKED_MAX)
            before = (0, 0)
            if sessions and sessions[0].state is State.WAITING:
                first = sessions[0]
                before = await _one(connection, sql.BEFORE, app, first.lane, first.since, first.id)
        return Life(
            app=app,
            room=room,
            sessions=sessions,
            before=before[0],
            before_in_lane=before[1],
            asked=tuple(map(_asked, reversed(asked))),
        )

    async def by_hand(self, app: AppId) -> ByHand:
        """Whether a person paused ``app``, and what people asked for that is not answered."""
        async with self._asking() as connection:
            by, since, waiting, oldest = await _one(connection, sql_requests.BY_HAND, app)
        halt = None if since is None else Halt(by=by, since=since)
        return ByHand(halt=halt, open=waiting, oldest=oldest)

    async def freed(self, app: AppId, since: datetime) -> list[tuple[datetime, AgentId]]:
        """When slots of which agent came free after ``since``, the latest first."""
        async with self._asking() as connection:
            rows = await _rows(connection, sql.FREED, app, since, FREED_ROWS_MAX)
        return [(at, AgentId(agent)) for at, agent in rows]

    async def parked(self, app: AppId, at_most: int) -> list[Parked]:
        """Who was parked in ``app``, the latest first."""
        async with self._asking() as connection:
            rows = await _rows(connection, sql.PARKED, app, at_most)
        return [
            Parked(app=app, room=RoomId(room), lane=Lane(lane), since=since, parked_at=at, ending=ending or "")
            for room, lane, since, at, ending in rows
        ]

    async def doubts(self) -> Sequence[Doubt]:
        """For what this server may lose what it committed."""
        async with self._asking() as connection:
            return doubts_of(dict(await _rows(connection, DURABILITY)))

    async def close(self) -> None:
        """Close the connections."""
        await self._engine.dispose()

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[AsyncConnection]:
        async with translated(self._engine.dispose), self._engine.begin() as connection:
            await connection.exec_driver_sql(sql.READ_ONLY)
            yield connection


def _places(rows: Sequence[Any]) -> list[Place]:
    places: list[Place] = []
    lanes: Counter[str] = Counter()
    for position, (identity, room, lane, since, verify, due_at) in enumerate(rows, 1):
        places.append(
            Place(
                id=SessionId(identity.hex),
                room=RoomId(room),
                lane=Lane(lane),
                since=since,
                position=position,
                ahead=lanes[lane],
                verify=verify,
                due_at=due_at,
            )
        )
        lanes[lane] += due_at is None
    return places


def _lived(app: AppId, room: RoomId, row: Any, steps: Sequence[Any]) -> Lived:
    identity, lane, state, since, agent, assigned_at, ended_at, ending, verify, due_at = row
    told = (_step(app, room, step) for step in steps if step[0] == identity)
    return Lived(
        id=SessionId(identity.hex),
        lane=Lane(lane),
        state=State(state),
        since=since,
        agent=agent,
        assigned_at=assigned_at,
        ended_at=ended_at,
        ending=ending,
        verify=verify,
        due_at=due_at,
        steps=tuple(sorted(told, key=lambda one: (one.at, _ORDER[one.what]))),
    )


def _step(app: AppId, room: RoomId, row: Any) -> Step:
    session, at, what, why, agent, facts = row
    return Step(
        app=app,
        room=room,
        session=SessionId(session.hex),
        at=at,
        what=What(what),
        why=why,
        agent=agent,
        facts=msgspec.json.decode(facts) if isinstance(facts, str | bytes) else facts,
    )


def _asked(row: Any) -> Asked:
    kind, by, at, done_at, outcome, says = row
    return Asked(kind=Kind(kind), by=by, at=at, done_at=done_at, outcome=outcome, says=says)


async def _rows(connection: AsyncConnection, statement: str, *parameters: Any) -> Sequence[Any]:
    return (await connection.exec_driver_sql(statement, parameters)).all()


async def _one(connection: AsyncConnection, statement: str, *parameters: Any) -> Any:
    return (await _rows(connection, statement, *parameters))[0]


async def _if_there(connection: AsyncConnection, table: str, statement: str) -> Any:
    """The first row, if the table is there and has one."""
    (is_there,) = await _one(connection, sql.IS_THERE, table)
    rows = await _rows(connection, statement) if is_there else []
    return rows[0] if rows else None
