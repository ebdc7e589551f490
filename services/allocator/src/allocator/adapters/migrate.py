"""Bring the schema to this version's revision. Several may run at once: they wait for one another.

The processes that serve go on meanwhile. What the schema's change has to lock, it waits for no longer than
``LOCK_WAIT_S``, since everybody waits behind it; then, and when each waits for the other, all is taken back and it may
be tried again.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlmodel import SQLModel

from allocator.adapters.postgres import engine_for, translated

T = TypeVar("T")

_LOCK = 0x616E747265  # "antre"; any number that nobody else uses
_TIMEOUT_S = 600.0
LOCK_WAIT_S = 2
_SCRIPTS = Path(__file__).parent.parent / "migrations"


async def migrate(url: str) -> tuple[str | None, str | None]:
    """The revision before and after. A newer one than this version knows is left alone: the schema only ever
    grows by what older versions can live with. Raises :class:`~allocator.ports.Unavailable`, and nothing is changed.
    """
    return await _with_connection(url, _upgrade)


def head_revision() -> str:
    """The revision that this version brings."""
    return str(ScriptDirectory(str(_SCRIPTS)).get_current_head())


async def differences(url: str) -> list[object]:
    """How the models differ from the database's schema, in Alembic's words; for a test."""
    return await _with_connection(url, lambda connection: list(_compare(connection)))


async def make_revision(url: str, message: str) -> None:
    """Write the migration from the database's schema to the models'; for developers."""

    def run(connection: Connection) -> None:
        command.revision(_config(connection), message=message, autogenerate=True)

    await _with_connection(url, run)


async def _with_connection(url: str, work: Callable[[Connection], T]) -> T:
    engine = engine_for(url, _TIMEOUT_S)
    try:
        async with translated(engine.dispose), engine.begin() as connection:
            return await connection.run_sync(work)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> tuple[str | None, str | None]:
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_WAIT_S}s'"))
    config = _config(connection)
    scripts = ScriptDirectory.from_config(config)
    before = MigrationContext.configure(connection).get_current_revision()
    if before is not None and before not in {script.revision for script in scripts.walk_revisions()}:
        return before, before
    command.upgrade(config, "head")
    return before, scripts.get_current_head()


def _compare(connection: Connection) -> Iterable[object]:
    found: list[object] = compare_metadata(MigrationContext.configure(connection), SQLModel.metadata)
    return found


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["connection"] = connection
    return config
