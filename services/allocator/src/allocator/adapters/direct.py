"""asyncpg below SQLAlchemy: the way that the statements of a round take.

Of the 123 µs that the smallest statement took, SQLAlchemy had 90 (`make bench ONLY=8`), and a round has a dozen of them
one after another. What is left to SQLAlchemy is the pool, and where a transaction begins and ends.
"""

from collections.abc import Sequence
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What the driver raises when SQLAlchemy does not stand between; time-outs and broken connections are Python's own."""


class Row(asyncpg.Record):  # type: ignore[misc] # asyncpg ships no types
    """A row; its columns can be had by name as well."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Direct:
    """The driver's connection under one of SQLAlchemy's, and in the same transaction."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver

    @classmethod
    async def below(cls, connection: AsyncConnection) -> "Direct":
        """To be called after the first statement of a transaction: SQLAlchemy begins it no earlier."""
        raw = await connection.get_raw_connection()
        return cls(raw.driver_connection)

    async def rows(self, statement: str, parameters: Sequence[Any]) -> Sequence[Any]:
        """Send a statement; the rows that come back."""
        found: Sequence[Any] = await self._driver.fetch(statement, *parameters, record_class=Row)
        return found
