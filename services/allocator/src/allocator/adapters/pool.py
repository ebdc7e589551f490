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


class NoRow(Exception):
    """What was to go with BEGIN found nothing, so there is no transaction."""


class Connection:
    """One connection. What is raised is the driver's, or Python's."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver

    @property
    def is_broken(self) -> bool:
        """Whether it ended, on whichever side."""
        return bool(self._driver.is_closed())

    async def rows(self, statement: str, *parameters: Any) -> Sequence[Any]:
        """Send a statement; the rows that come back."""
        found: Sequence[Any] = await self._driver.fetch(statement, *parameters)
        return found

    @asynccontextmanager
    async def transaction(self, first: str = "") -> AsyncIterator[None]:
        """A transaction. ``first``: a query without parameters, which goes with BEGIN in one message. Raises
        :class:`NoRow` when it finds nothing. A connection whose work is broken off ends.
        """
        with self._ended_when_broken_off():
            if found := await self._driver.execute(f"BEGIN; {first}") != "SELECT 0":
                yield
            await self._driver.execute("COMMIT" if found else "ROLLBACK")
        if not found:
            raise NoRow

    @contextmanager
    def _ended_when_broken_off(self) -> Iterator[None]:
        """Its command may still be running; and a rollback would wait for a server that is not there."""
        try:
            yield
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """Nothing is waited for."""
        self._driver.terminate()


class Pool:
    """Some connections, for those who do not care over which one they speak."""

    def __init__(self, size: int, wait_s: float, connect: Callable[..., Awaitable[Any]], **arguments: Any) -> None:
        self._size, self._wait_s = size, wait_s
        self._connect, self._arguments = connect, {**arguments, "record_class": Row}
        self._pool: Any = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A transaction over any of them."""
        async with (await self._opened()).acquire(timeout=self._wait_s) as driver:
            connection = Connection(driver)
            async with connection.transaction():
                yield connection

    async def connection(self) -> Connection:
        """One more, which is none of the pool's."""
        return Connection(await self._connect(**self._arguments))

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
                **self._arguments,
            )
        return await self._pool


async def _nothing_to_reset(_: Any) -> None:
    """Our transactions are over, one way or the other, and leave no settings behind."""
