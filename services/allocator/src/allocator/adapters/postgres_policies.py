"""Postgres, for the operator: it gives policies and reads what became of them. It leads nothing and needs no term."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from allocator.adapters import policies, sql_policies
from allocator.adapters.postgres import engine_for, translated
from allocator.core.claims import PolicyGiven, PolicyKept
from allocator.core.ids import AppId


class PostgresPolicies:
    """The :class:`~allocator.ports.PolicyStore`."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._engine = engine_for(url, timeout_s)

    async def kept(self) -> Sequence[PolicyKept]:
        """See the port."""
        async with translated(self._engine.dispose), self._engine.begin() as connection:
            rows = await connection.exec_driver_sql(sql_policies.NEWEST)
            return [PolicyKept(**row._mapping) for row in rows]  # noqa: SLF001 - the public name of a row's columns

    async def put(self, given: Sequence[PolicyGiven], now: datetime) -> Mapping[AppId, int]:
        """See the port."""
        if not given:
            return {}
        async with translated(self._engine.dispose), self._engine.begin() as connection:

            async def ask(statement: str, *parameters: Any) -> Sequence[Any]:
                return (await connection.exec_driver_sql(statement, parameters)).all()

            return await policies.put(ask, given, now)

    async def in_use(self) -> Mapping[AppId, int]:
        """See the port."""
        async with translated(self._engine.dispose), self._engine.begin() as connection:
            rows = await connection.exec_driver_sql(sql_policies.IN_USE)
            return {AppId(row.app): row.version for row in rows}

    async def close(self) -> None:
        """Close the connections."""
        await self._engine.dispose()
