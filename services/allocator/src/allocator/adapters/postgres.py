"""Postgres: the ledger. Connections, the fence, and the errors; the statements are in ``statements.py``.

Every transaction starts by locking the term for share, and ends at once when the term is not the newest. A
leader that is paused in the middle of one would block its successor, so the server ends transactions that
stand idle for ``IDLE_LIMIT_S``.

What we commit is on disk when COMMIT returns, also where the server's ``synchronous_commit`` is ``off``: our sessions
switch it on. Where its machine may lose it all the same (``fsync``), :meth:`PostgresLedger.doubts` says so.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import asyncpg
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from allocator.adapters.pool import ERRORS, Connection, NoRow, Pool
from allocator.adapters.statements import Statements, standing_of
from allocator.core.ids import AppId, Epoch
from allocator.core.policy import Policy
from allocator.ports import Conflict, StaleTerm, Standing, Transaction, Unavailable
from chassis.durability import Doubt

CONNECT_TIMEOUT_S = 3.0
IDLE_LIMIT_S = 3.0
POOL_SIZE = 4

_SCHEMA = {
    "42P01": "the schema is missing; `allocator migrate` brings it",
    "42703": "the schema is of another version; `allocator migrate` brings this one's",
}
_READ_ONLY = "25006"

_BEGIN_TERM = """
INSERT INTO term (id, epoch, leader, began_at) VALUES (1, 1, $1, now())
ON CONFLICT (id) DO UPDATE SET epoch = term.epoch + 1, leader = EXCLUDED.leader, began_at = now()
RETURNING epoch
"""
_RENEW_TERM = "UPDATE term SET epoch = epoch + 1, began_at = now() WHERE leader = $1 RETURNING epoch"

_COMMIT_DURABLY = """
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'
"""
"""Only ``off`` is changed: all others have the commit on this server's disk, and differ in what standbys have."""
DURABILITY = """
SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')
"""
_DOUBTS = (
    Doubt(
        reason="fsync",
        meaning="fsync is off, so when its machine fails all of the database may be lost",
        remedy="set fsync to on",
    ),
    Doubt(
        reason="full_page_writes",
        meaning="full_page_writes is off, so when its machine fails pages may be half written and the database broken, "
        "unless its storage writes pages whole (as ZFS and Aurora do)",
        remedy="set full_page_writes to on",
    ),
    Doubt(
        reason="synchronous_commit",
        meaning="synchronous_commit is off, also in our own sessions, so the last commits are lost when it fails",
        remedy="set synchronous_commit to on",
    ),
)
"""Each for the setting of its name, when that is off."""


def engine_for(url: str, timeout_s: float) -> AsyncEngine:
    """An engine for ``postgresql://…``; ``sslmode`` in its query is honoured. ``timeout_s``: of one statement."""
    address, ssl = _address(url)
    arguments = {**_arguments(timeout_s), "async_creator_fn": connect}
    if ssl is not None:
        arguments["ssl"] = ssl
    return create_async_engine(
        address, pool_size=POOL_SIZE, max_overflow=0, pool_timeout=timeout_s, connect_args=arguments
    )


def pool_for(url: str, timeout_s: float) -> Pool:
    """The same without SQLAlchemy, for those who are in a hurry."""
    return Pool(POOL_SIZE, timeout_s, connect, dsn=url, **_arguments(timeout_s))


def _arguments(timeout_s: float) -> dict[str, Any]:
    settings = {
        "application_name": "antre-allocator",
        "idle_in_transaction_session_timeout": str(int(IDLE_LIMIT_S * 1000)),
        "jit": "off",  # our statements are small; compiling them costs more than it brings
        "timezone": "UTC",
    }
    return {
        "timeout": CONNECT_TIMEOUT_S,
        "command_timeout": timeout_s,
        "server_settings": settings,
        "target_session_attrs": "read-write",
    }


async def connect(*address: Any, **arguments: Any) -> Any:
    """A connection that commits durably. The pools call it."""
    connection = await asyncpg.connect(*address, **arguments)
    try:
        await connection.execute(_COMMIT_DURABLY)
    except BaseException:
        connection.terminate()
        raise
    return connection


class PostgresLedger:
    """The :class:`~allocator.ports.Ledger`."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._pool = pool_for(url, timeout_s)
        self._kept: Connection | None = None
        """The connection of fenced transactions; see :meth:`_connected`."""
        self._leader = ""
        self._policies: dict[AppId, Policy] = {}
        self.transactions = 0
        """How many there were, whether they were committed or not."""
        self.statements = 0
        """How many the transactions had."""

    async def begin_term(self, leader: str) -> Epoch:
        """See the port."""
        return await self._begin(_BEGIN_TERM, leader)

    async def renew_term(self, leader: str) -> Epoch:
        """See the port."""
        return await self._begin(_RENEW_TERM, leader)

    @asynccontextmanager
    async def transaction(self, epoch: Epoch) -> AsyncIterator[Transaction]:
        """See the port."""
        policies = dict(self._policies)
        async with self._fenced(epoch) as connection:
            statements = Statements(connection, epoch, policies)
            try:
                yield statements
            finally:
                self.transactions += 1
                self.statements += statements.count
        self._policies = policies  # only what was committed is remembered

    async def standing(self, app: AppId) -> Standing:
        """See the port."""
        async with self._connection() as connection:
            return await standing_of(connection, app)

    async def ping(self) -> None:
        """See the port."""
        async with self._connection() as connection:
            await connection.rows("SELECT 1 FROM term")

    async def doubts(self) -> Sequence[Doubt] | None:
        """For what this server may lose what it committed; None: it does not answer."""
        try:
            async with self._connection() as connection:
                return doubts_of({row.name: row.setting for row in await connection.rows(DURABILITY)})
        except Unavailable:
            return None

    async def close(self) -> None:
        """Close the connections."""
        self._keep(None)
        await self._pool.close()

    async def _begin(self, statement: str, leader: str) -> Epoch:
        async with translated(self._pool.expire):
            connection = await self._pool.connection()
            async with connection.transaction():
                rows = await connection.rows(statement, leader)
        if not rows:
            connection.end()
            raise StaleTerm("somebody else's term has begun")
        self._keep(connection)
        self._leader = leader
        self._policies = {}  # a failover may have forgotten some, and given their numbers out again
        return Epoch(rows[0].epoch)

    def _keep(self, connection: Connection | None) -> None:
        if self._kept is not None:
            self._kept.end()
        self._kept = None if connection is None or connection.is_broken else connection

    @asynccontextmanager
    async def _fenced(self, epoch: Epoch) -> AsyncIterator[Connection]:
        async with translated(self._pool.expire):
            connection = await self._connected()
            try:
                async with connection.transaction(_fence(epoch, self._leader)):
                    yield connection
            except NoRow:
                raise StaleTerm(f"term {epoch} is over") from None
            finally:
                self._keep(connection)

    async def _connected(self) -> Connection:
        """The connection of the last transaction, or a new one where whoever had that was told that it failed. If it
        broke since, they are told now: a new one may lead to another server, which has lost what was committed.
        """
        kept, self._kept = self._kept, None
        if kept is not None and kept.is_broken:
            raise Unavailable("Postgres: the connection broke after the last transaction")
        return kept or await self._pool.connection()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        async with translated(self._pool.expire), self._pool.transaction() as connection:
            yield connection


def _fence(epoch: Epoch, leader: str) -> str:
    """Without parameters, so that it goes with BEGIN. A standby that missed the last commits gives their numbers out
    again, so a number alone may be two leaders'.
    """
    name = leader.replace("'", "''")
    return f"SELECT 1 FROM term WHERE epoch = {epoch:d} AND leader = '{name}' FOR SHARE"  # noqa: S608 - see above


def doubts_of(settings: Mapping[str, str]) -> tuple[Doubt, ...]:
    """The doubts that settings, as they are in a session of ours, give reason for."""
    return tuple(doubt for doubt in _DOUBTS if settings.get(doubt.reason) == "off")


@asynccontextmanager
async def translated(start_over: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Library errors in the block come out as the ports' errors. ``start_over``: drops the connections there are."""
    try:
        yield
    except (IntegrityError, asyncpg.IntegrityConstraintViolationError) as error:
        raise Conflict(f"Postgres: {_name(error)}") from error
    except (SQLAlchemyError, *ERRORS, OSError, TimeoutError) as error:
        if _is_read_only(error):  # the server is a standby now: none of these connections will do
            await start_over()
        raise Unavailable(f"Postgres: {_name(error)}") from error


def _is_read_only(error: Exception) -> bool:
    return _state(error) == _READ_ONLY


def _name(error: Exception) -> str:
    """The kind of error, never its text: that may quote a statement's values."""
    state = _state(error)
    return _SCHEMA.get(str(state), str(state or type(_cause(error)).__name__))


def _state(error: Exception) -> object:
    """What Postgres said it was, if it was Postgres."""
    return getattr(_cause(error), "sqlstate", None)


def _cause(error: Exception) -> object:
    return error.orig if isinstance(error, DBAPIError) else error


def _address(url: str) -> tuple[str, str | None]:
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    ssl = query.pop("sslmode", None)
    rest = "&".join(f"{key}={value}" for key, value in query.items())
    return urlunsplit(("postgresql+asyncpg", parts.netloc, parts.path, rest, "")), ssl
