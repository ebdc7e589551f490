"""The command ``allocator``: ``allocate`` and ``migrate``."""

import argparse
import asyncio
import os
import sys

import uvloop

from allocator.adapters.migrate import migrate
from allocator.app import allocate
from allocator.ports import Unavailable
from allocator.settings import DatabaseSettings, settings_from
from chassis import cli, logs
from chassis.settings import SettingError, load

WAIT_FOR_DATABASE_S = 60.0
RETRY_S = 1.0

_EPILOG = "Settings come from the environment; docs/settings.md lists them. A secret can be given as NAME_FILE."


def main() -> None:
    """The entry point of the command."""
    words = _parser().parse_args()
    work = {"allocate": _allocate, "migrate": _migrate}[words.command]
    sys.exit(cli.refuse("allocator", work))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="allocator", description=__import__("allocator").__doc__, epilog=_EPILOG)
    parser.add_argument("--version", action="version", version=cli.version_of("antre-allocator"))
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("allocate", help="assign waiting customers to agents, if elected; run two of these")
    commands.add_parser("migrate", help="bring the database's schema to this version's revision")
    return parser


def _allocate() -> int:
    settings = settings_from(os.environ)
    logs.configure(settings.log_format, settings.log_level)
    uvloop.run(allocate(settings))
    return 0


def _migrate() -> int:
    settings = load(DatabaseSettings, os.environ)
    logs.configure(settings.log_format, settings.log_level)
    before, after = asyncio.run(_migrated(settings.database_url))
    logs.logger("allocator.migrate").info("migrated", before=before, after=after)
    return 0


async def _migrated(url: str) -> tuple[str | None, str | None]:
    """Wait for a database that is just being started, but not for ever."""
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + WAIT_FOR_DATABASE_S
    while True:
        try:
            return await migrate(url)
        except Unavailable as error:
            if loop.time() > give_up_at:
                raise SettingError(f"DATABASE_URL names a database that cannot be used: {error}") from None
            await asyncio.sleep(RETRY_S)


if __name__ == "__main__":
    main()
