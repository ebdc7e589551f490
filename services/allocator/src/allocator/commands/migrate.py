"""``allocator migrate``: the schema."""

import asyncio
import os
from argparse import Namespace

from allocator.commands import Words
from allocator.ports import Unavailable
from allocator.settings import DatabaseSettings
from chassis import logs
from chassis.settings import SettingError, load

WAIT_FOR_DATABASE_S = 60.0
RETRY_S = 1.0


def add(words: Words) -> None:
    """Add the word."""
    parser = words.add_parser("migrate", help="bring the database's schema to this version's revision")
    parser.set_defaults(work=_migrate)


def _migrate(_: Namespace) -> int:
    settings = load(DatabaseSettings, os.environ)
    logs.configure(settings.log_format, settings.log_level)
    before, after = asyncio.run(migrated(settings.database_url))
    logs.logger("allocator.migrate").info("migrated", before=before, after=after)
    return 0


async def migrated(url: str) -> tuple[str | None, str | None]:
    """Wait for a database that is just being started, or whose tables are just in use, but not for ever. The revision
    before and after.
    """
    from allocator.adapters.migrate import migrate  # noqa: PLC0415 - Alembic takes long to import; no other word needs it

    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + WAIT_FOR_DATABASE_S
    while True:
        try:
            return await migrate(url)
        except Unavailable as error:
            if loop.time() > give_up_at:
                raise SettingError(f"the database of DATABASE_URL cannot be migrated: {error}") from None
            logs.logger("allocator.migrate").info("not_migrated_yet", why=str(error), then="tried again")
            await asyncio.sleep(RETRY_S)
