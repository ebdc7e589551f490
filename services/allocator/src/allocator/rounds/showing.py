"""Beside the rounds: what the leader sees is shown to those who ask. Nothing waits for it, and it may fail."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from allocator.core.glance import Glance
from allocator.core.ids import AppId
from allocator.ports import Board, Clock, Unavailable
from allocator.rounds.leader import Leader

SHOW_S = 1.0
KEEP_S = 15.0
"""What nobody shows again is gone after so long: whoever asks then is told that nobody leads."""


@contextlib.asynccontextmanager
async def showing(leader: Callable[[], Leader | None], name: str, board: Board, clock: Clock) -> AsyncIterator[None]:
    """Meanwhile show what the leader sees, whenever there is one here."""
    task = asyncio.create_task(_show(leader, name, board, clock))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _show(leader: Callable[[], Leader | None], name: str, board: Board, clock: Clock) -> None:
    while True:
        await clock.sleep(SHOW_S)
        leads = leader()
        if leads is not None:
            with contextlib.suppress(Unavailable):
                await board.show(glances_of(leads, name, clock), KEEP_S)


def glances_of(leader: Leader, name: str, clock: Clock) -> dict[AppId, Glance]:
    """What ``leader``, a process called ``name``, sees of each app."""
    at = clock.wall().timestamp()
    return {app: desk.glance(name, at) for app, desk in leader.desks.items()}
