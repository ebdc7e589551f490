"""The ledger's connections: asyncpg and its pool, with no library above.

Of the 123 µs that the smallest statement took through SQLAlchemy, asyncpg and Postgres had 33 (`make bench ONLY=8`),
and a round has several of them one after another.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import asyncpg

ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What the driver raises when SQLAlchemy does not stand between; time-outs and broken connections are Python's own."""

FOR_EVER = float("inf")


class Row(asyncpg.Record):  # type: ignore[misc] # asyncpg ships no types
    """A row; its columns can be had by name as well."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Connection:
    """One connection, in a transaction."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver

    async def rows(self, statement: str, *parameters: Any) -> Sequence[Any]:
        """Send a statement; the rows that come back."""
        found: Sequence[Any] = await self._driver.fetch(statement, *parameters)
        return found


class NoRow(Exception):
    """What was to go with BEGIN found nothing, so there is no transaction."""


class Pool:
    """Some connections. What is raised is the driver's, or Python's."""

    def __init__(self, size: int, wait_s: float, connect: Callable[..., Awaitable[Any]], **arguments: Any) -> None:
        self._size, self._wait_s = size, wait_s
        self._connect, self._arguments = connect, arguments
        self._pool: Any = None

    @asynccontextmanager
    async def transaction(self, first: str = "") -> AsyncIterator[Connection]:
        """A transaction. ``first``: a query without parameters, which goes with BEGIN in one message. Raises
        :class:`NoRow` when it finds nothing.
        """
        async with (await self._opened()).acquire(timeout=self._wait_s) as driver:
            with _thrown_away_when_broken_off(driver):
                if await driver.execute(f"BEGIN; {first}") != "SELECT 0":
                    yield Connection(driver)
                    await driver.execute("COMMIT")
                    return
                await driver.execute("ROLLBACK")
        raise NoRow

    async def expire(self) -> None:
        """None of the connections that there are will do any longer."""
        await (await self._opened()).expire_connections()

    async def close(self) -> None:
        """Close them."""
        if self._pool is not None:
            await self._pool.close()

    async def _opened(self) -> Any:
        """It belongs to the event loop it is first used in; connections are made when they are needed."""
        if self._pool is None:
            self._pool = asyncpg.create_pool(
                min_size=0,
                max_size=self._size,
                max_queries=FOR_EVER,
                max_inactive_connection_lifetime=0,
                connect=self._connect,
                reset=_nothing_to_reset,
                record_class=Row,
                **self._arguments,
            )
        return await self._pool


@contextmanager
def _thrown_away_when_broken_off(driver: Any) -> Iterator[None]:
    """Its command may still be running; and a rollback would wait for a server that is not there."""
    try:
        yield
    except BaseException:
        driver.terminate()
        raise


async def _nothing_to_reset(_: Any) -> None:
    """Our transactions are over, one way or the other, and leave no settings behind."""
