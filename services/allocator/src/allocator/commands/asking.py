"""What the words have in common that ask: settings, stores that are only read, exit statuses, errors as sentences.

0   well, or done
1   not well: customers may not be served as they should; or what was asked for was refused
2   the command line or a setting is wrong
3   a store could not be asked
4   accepted: it is written down, and nobody has carried it out yet (only words that act)
"""

import asyncio
import logging
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import structlog

from allocator.adapters.postgres_answers import Answers
from allocator.adapters.redis_board import RedisBoard
from allocator.commands import Words, Work
from allocator.core.ids import AppId
from allocator.ports import Unavailable
from allocator.settings import Settings, app_ids_of, settings_from
from chassis.settings import SettingError
from contract import Keys

EXIT_WELL, EXIT_NOT_WELL, EXIT_UNREACHABLE, EXIT_ACCEPTED = 0, 1, 3, 4
_STATUSES = "exit status: 0 well, 1 not well or refused, 2 wrong usage or setting, 3 a store could not be asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What a word works with. ``now`` is the time of asking."""

    words: Namespace
    settings: Settings
    answers: Answers
    board: RedisBoard
    now: datetime

    async def apps(self) -> list[AppId]:
        """The app that the command line names, or those of the settings, or all that ever had a customer."""
        if self.words.app:
            return [AppId(self.words.app)]
        return [*app_ids_of(self.settings)] or await self.answers.apps()

    async def one_app(self) -> AppId:
        """The app that the command line names, if there is one of that name. Raises
        :class:`~chassis.settings.SettingError`, which names those that there are.
        """
        known = sorted({*app_ids_of(self.settings), *await self.answers.apps()})
        if self.words.app not in known:
            raise SettingError(f"app {self.words.app} is not known; known are: {', '.join(known) or 'none yet'}")
        return AppId(self.words.app)


Ask = Callable[[Desk], Awaitable[int]]


def add(words: Words, name: str, ask: Ask, *, summary: str, teaches: str) -> ArgumentParser:
    """Add a word that asks; ``teaches`` is shown by ``--help``."""
    parser: ArgumentParser = words.add_parser(
        name, help=summary, description=f"{summary[0].upper()}{summary[1:]}. {teaches}", epilog=_STATUSES
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables; its times are UTC")
    parser.set_defaults(work=_work(ask), word=name, app=None)
    return parser


def _work(ask: Ask) -> Work:
    def work(words: Namespace) -> int:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
        settings = settings_from(os.environ)
        try:
            return asyncio.run(_ask(ask, words, settings))
        except Unavailable as error:
            sys.stderr.write(f"allocator {words.word}: {sentence(error, settings)}\n")
            return EXIT_UNREACHABLE

    return work


async def _ask(ask: Ask, words: Namespace, settings: Settings) -> int:
    async with AsyncExitStack() as stack:
        answers = Answers(settings.database_url, settings.database_timeout_s)
        stack.push_async_callback(answers.close)
        board = RedisBoard(settings.redis_url, Keys(settings.redis_prefix))
        stack.push_async_callback(board.close)
        desk = Desk(words=words, settings=settings, answers=answers, board=board, now=datetime.now(UTC))
        return await ask(desk)


def sentence(error: Unavailable, settings: Settings) -> str:
    """What went wrong, where, and what to do. The address is shown without user and password."""
    what = str(error)
    if "allocator migrate" in what:
        return what
    store, _, why = what.partition(": ")
    variable = "REDIS_URL" if store == "Redis" else "DATABASE_URL"
    url = urlsplit(settings.redis_url if store == "Redis" else settings.database_url)
    place = f"{url.hostname}:{url.port}" if url.port else str(url.hostname)
    return f"{store} at {place} cannot be asked ({why}): see that it runs, and that {variable} is right"


def require_one(apps: list[AppId]) -> AppId:
    """The only app there is. Raises :class:`~chassis.settings.SettingError` where there are several."""
    if len(apps) != 1:
        raise SettingError(f"--app is needed: there are {len(apps)} apps")
    return apps[0]
