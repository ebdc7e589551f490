"""Postgres, for those who ask for something: they write what they want, and read what became of it, nothing else."""

from dataclasses import dataclass
from datetime import datetime

from allocator.adapters import sql_requests as sql
from allocator.adapters.postgres import engine_for, translated
from allocator.core.ids import AppId, RoomId
from allocator.core.requests import Kind, RequestId


class TooMany(Exception):
    """So many wait to be answered that no more is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Became:
    """What became of a request; ``outcome``: ``done`` or ``refused``."""

    at: datetime
    outcome: str
    says: str


class PostgresRequests:
    """Everything raises :class:`~allocator.ports.Unavailable`."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._engine = engine_for(url, timeout_s)

    async def ask(self, identity: RequestId, app: AppId, kind: Kind, room: RoomId | None, by: str) -> datetime:
        """Write down what ``by`` wants; when, by Postgres's clock. Raises :class:`TooMany`."""
        async with translated(self._engine.dispose), self._engine.begin() as connection:
            row = (await connection.exec_driver_sql(sql.ASK, (identity, app, str(kind), room, by))).first()
        if row is None:
            raise TooMany(f"{sql.OPEN_MAX} requests wait to be answered: see that an allocator leads")
        at: datetime = row.asked_at
        return at

    async def became(self, identity: RequestId) -> Became | None:
        """What became of it; None: nothing yet."""
        async with translated(self._engine.dispose), self._engine.begin() as connection:
            row = (await connection.exec_driver_sql(sql.WHAT_BECAME, (identity,))).first()
        if row is None or row.done_at is None:
            return None
        return Became(at=row.done_at, outcome=row.outcome, says=row.says)

    async def close(self) -> None:
        """Close the connections."""
        await self._engine.dispose()
