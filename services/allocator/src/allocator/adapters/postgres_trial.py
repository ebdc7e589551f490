"""Postgres, for a policy that is tried: backlog and loads as a round would read them. Nothing is changed."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from allocator.adapters import policies, sql_answers, sql_policies
from allocator.adapters.pool import Connection
from allocator.adapters.postgres import pool_for, translated
from allocator.adapters.statements import Statements
from allocator.core.ids import AgentId, AppId, Epoch, Lane, RoomId
from allocator.core.policy import Policy, standard
from allocator.core.roster import Load
from allocator.core.session import Session

BUILT_IN = "built in"
"""Where the policy comes from that is in force before anybody gave one."""
HEADS_MAX = 500
"""So many of each lane are tried: the rest wait behind them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What Postgres knows of an app."""

    loads: Mapping[AgentId, Load]
    heads: Mapping[Lane, Sequence[Session]]
    last_agents: Sequence[Mapping[RoomId, AgentId]]
    """For each policy that was asked for."""


class PostgresTrial:
    """Reads, in transactions that may only read. Everything raises :class:`~allocator.ports.Unavailable`."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._pool = pool_for(url, timeout_s)

    async def in_force(self, app: AppId) -> Policy:
        """The policy of ``app``, as if no person had paused it: what is tried is what policies do."""
        async with self._reading() as connection:
            (row,) = await connection.rows(sql_policies.IN_FORCE, app, 0)
            return replace(await policies.in_force(connection.rows, row, standard()), halt=None)

    async def given(self, app: AppId, version: int) -> tuple[str, datetime | None]:
        """Where that version of the policy of ``app`` came from, and when; None: nobody gave it."""
        async with self._reading() as connection:
            rows = await connection.rows(sql_answers.POLICY_GIVEN, app, version)
            return (rows[0].source, rows[0].given_at) if rows else (BUILT_IN, None)

    async def backlog(self, app: AppId, tried: Sequence[Policy], now: datetime, lag_s: float) -> Backlog:
        """The rest, for these policies."""
        async with self._reading() as connection:
            reading = Statements(connection, Epoch(0), {})
            survey = await reading.survey(app, now - timedelta(seconds=lag_s), HEADS_MAX, by_lane=True)
            rooms = [session.room for line in survey.heads.values() for session in line]
            return Backlog(
                loads=survey.loads,
                heads=survey.heads,
                last_agents=[await _last_agents(reading, app, rooms, policy, now) for policy in tried],
            )

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.close()

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[Connection]:
        async with translated(self._pool.expire), self._pool.transaction() as connection:
            await connection.rows(sql_answers.READ_ONLY)
            yield connection


async def _last_agents(
    reading: Statements, app: AppId, rooms: Sequence[RoomId], policy: Policy, now: datetime
) -> Mapping[RoomId, AgentId]:
    if policy.sticky is None or not rooms:
        return {}
    return await reading.last_agents(app, rooms, now - timedelta(seconds=policy.sticky.remembered_s))
