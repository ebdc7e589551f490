"""Many waits of one length, one timer: cheaper than a timer each when nearly all of them end in time."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Deadlines(Generic[T]):
    """Calls ``expire`` with each item that is still held ``after_s`` seconds after it was added.

    Belongs to one event loop. While nothing is added, no timer runs (but for the last one, which finds nothing).
    """

    def __init__(self, after_s: float, expire: Callable[[T], None]) -> None:
        self._after_s = after_s
        self._expire = expire
        self._until: dict[T, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, item: T) -> None:
        """Hold ``item``; what is held can be told by its hash."""
        loop = asyncio.get_running_loop()
        self._until[item] = until = loop.time() + self._after_s
        if self._timer is None:
            self._timer = loop.call_at(until, self._look)

    def remove(self, item: T) -> None:
        """Let go of ``item``, which has ended, in time or not."""
        self._until.pop(item, None)

    def _look(self) -> None:
        """All waits are of one length, so the oldest is the first to end."""
        loop = asyncio.get_running_loop()
        self._timer = None
        while self._until:
            item, until = next(iter(self._until.items()))
            if until > loop.time():
                self._timer = loop.call_at(until, self._look)
                return
            del self._until[item]
            self._expire(item)
