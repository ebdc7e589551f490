"""The allocator as it is, in a process with traps at chosen places: `python -m support.hooked FOLDER allocate`.

Nothing of the production code knows of this: the launcher wraps methods of the adapters in its own process, and
then runs the command's own `main`. A trap is a file in the folder. While there is none, nothing is different; whoever
finds one takes it away, and does what it says once.

| trap | where | what |
|---|---|---|
| `before-send` | after the trust check, before an assign is sent | SIGSTOP to itself |
| `after-answer` | an assign was answered, nothing is written down yet | SIGSTOP to itself |
| `block` | anywhere between two steps of the loop | the loop stands still for as many seconds as the file says |
| `no-names` | whenever a host's name is looked up, for as long as the file is there | there is no such name |
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

BEFORE_SEND = "before-send"
AFTER_ANSWER = "after-answer"
BLOCK = "block"
NO_NAMES = "no-names"
POLL_S = 0.02


def set_trap(folder: Path, trap: str, text: str = "") -> Path:
    """Lay a trap; its file is gone as soon as it was sprung (`no-names`: when whoever laid it takes it away)."""
    made = folder / f".{trap}"
    made.write_text(text)
    return made.rename(folder / trap)


def caught_by(trap: Path) -> str:
    """The room whose assign went into a trap."""
    return trap.with_name(f"{trap.name}.caught").read_text()


class Traps:
    """The traps of one process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def is_laid(self, trap: str) -> bool:
        """Whether there is one, which stays."""
        return (self._folder / trap).exists()

    def sprung(self, trap: str) -> str | None:
        """What the trap says, if there is one; there is none any more."""
        path = self._folder / trap
        with contextlib.suppress(FileNotFoundError):
            text = path.read_text()
            path.unlink()
            return text
        return None

    def stop_at(self, trap: str, note: str) -> None:
        """Stand still in the trap, if there is one, until SIGCONT; ``note`` tells whoever laid it what was caught."""
        if self.is_laid(trap):
            (self._folder / f"{trap}.caught").write_text(note)
            self.sprung(trap)
            os.kill(os.getpid(), signal.SIGSTOP)

    async def block_now_and_then(self) -> None:
        """Beside the allocator: block the loop when told to."""
        while True:
            await asyncio.sleep(POLL_S)
            seconds = self.sprung(BLOCK)
            if seconds is not None:
                time.sleep(float(seconds))  # noqa: ASYNC251 - it is to block the loop


def around_assign(assign: Callable[..., Awaitable[Any]], traps: Traps) -> Callable[..., Awaitable[Any]]:
    """`QiscusPlatform.assign`, with a trap before and one behind."""

    async def with_traps(platform: Any, room: str, agent: int) -> Any:
        traps.stop_at(BEFORE_SEND, room)
        outcome = await assign(platform, room, agent)
        traps.stop_at(AFTER_ANSWER, room)
        return outcome

    return with_traps


def around_resolve(resolve: Callable[..., Awaitable[Any]], traps: Traps) -> Callable[..., Awaitable[Any]]:
    """The resolver of the HTTP client; names that are addresses never come by here."""

    async def with_trap(*words: Any, **more: Any) -> Any:
        if traps.is_laid(NO_NAMES):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return await resolve(*words, **more)

    return with_trap


def around_allocate(allocate: Callable[..., Awaitable[None]], traps: Traps) -> Callable[..., Awaitable[None]]:
    """`allocate`, with somebody beside it who blocks the loop."""

    async def with_company(*words: Any) -> None:
        company = asyncio.create_task(traps.block_now_and_then())
        try:
            await allocate(*words)
        finally:
            company.cancel()

    return with_company


def main() -> None:
    """Lay the seams open and be the command `allocator`."""
    from aiohttp.resolver import ThreadedResolver  # noqa: PLC0415 - only in the process that is to be the allocator

    from allocator.__main__ import main  # noqa: PLC0415
    from allocator.adapters.qiscus import QiscusPlatform  # noqa: PLC0415
    from allocator.commands import allocate as word  # noqa: PLC0415

    traps = Traps(Path(sys.argv.pop(1)))
    QiscusPlatform.assign = around_assign(QiscusPlatform.assign, traps)  # type: ignore[assignment, method-assign]
    ThreadedResolver.resolve = around_resolve(ThreadedResolver.resolve, traps)  # type: ignore[assignment, method-assign]
    word.allocate = around_allocate(word.allocate, traps)  # type: ignore[attr-defined, assignment]
    main()


if __name__ == "__main__":
    main()
